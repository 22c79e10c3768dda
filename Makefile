# `make demo` and `make test` each work alone on a fresh clone.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint docs clean

demo: $(STAMP)
	$(BIN)/facsim demo --out demo

test: $(STAMP) lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

lint: $(STAMP)
	$(BIN)/ruff format --check src tests benchmarks tools docs conftest.py
	$(BIN)/ruff check src tests benchmarks tools docs conftest.py
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

$(STAMP): pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt torch
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo docs/_build docs/api docs/gallery docs/studies docs/tables.md .mypy_cache .ruff_cache .pytest_cache .hypothesis
