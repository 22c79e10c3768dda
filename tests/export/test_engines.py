"""Engines: speed is worth nothing without fidelity, which is told beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from facsim.cli.bench import _advice
from facsim.cli.main import run
from facsim.core import FacsimError, stream
from facsim.data import read
from facsim.export import ENGINES, fidelity, with_engine
from facsim.surrogate import Surrogate, load_bundle, zoo_folder

ZOO = "zoo:electron-gun-vae"
RMS = {"eager": 0.0, "onnxruntime": 1e-5, "bfloat16": 0.05, "int8": 0.2}  # the compiler takes a minute; benchmarks/engines.py runs it


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    return load_bundle(zoo_folder("electron-gun-vae"))


@pytest.mark.parametrize("name", RMS)
def test_an_engine_makes_the_same_events_but_for_its_rounding(name: str, surrogate: Surrogate) -> None:
    chosen = with_engine(surrogate, name)
    found = fidelity(chosen)
    assert found.rms <= RMS[name]
    assert found.faithful == (name in ("eager", "onnxruntime"))
    events = chosen.simulate(np.full((20, 1), 800.0), stream(1))
    truth = surrogate.simulate(np.full((20, 1), 800.0), stream(1))
    apart = np.abs(events.response - truth.response).max() / truth.response.max()
    assert (apart == 0) == (name == "eager")
    assert apart < 0.5


def test_a_wrong_engine_is_not_faithful(surrogate: Surrogate) -> None:
    """Planted: one cell in a thousand loses its energy; and all cells gain one part in five hundred."""

    def holes(condition: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        response = surrogate.respond(condition, noise).clone()
        response.flatten(1)[:, 500] = 0
        return response

    assert not fidelity(replace(surrogate, engine=holes)).faithful
    scaled = fidelity(replace(surrogate, engine=lambda condition, noise: 1.002 * surrogate.respond(condition, noise)))
    assert not scaled.faithful
    assert scaled.rms == pytest.approx(0.002, rel=1e-3)


def test_what_an_engine_cannot_run_is_one_line(surrogate: Surrogate, monkeypatch: pytest.MonkeyPatch) -> None:
    hits = replace(surrogate, about={"model": {"name": "hits", "settings": {}}})
    with pytest.raises(FacsimError, match="hit after hit"):
        with_engine(hits, "onnxruntime")

    def broken(surrogate: Surrogate) -> Any:
        def respond(condition: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no such kernel\nat line 7")

        return respond

    monkeypatch.setitem(ENGINES, "int8", broken)
    with pytest.raises(FacsimError, match="engine 'int8' cannot run this surrogate: got no such kernel; use engine eager"):
        with_engine(surrogate, "int8")
    with pytest.raises(FacsimError, match="did you mean 'onnxruntime'"):
        with_engine(surrogate, "onnx-runtime")


def test_sample_with_an_engine(tmp_path: Path) -> None:
    for name, options in (("eager", []), ("int8", ["--engine", "int8"])):
        assert run(["sample", ZOO, "--n", "50", "--seed", "4", "--out", str(tmp_path / name), *options]) == 0
    eager, other = (read(tmp_path / name).response for name in ("eager", "int8"))
    np.testing.assert_allclose(other, eager, atol=0.5 * eager.max())
    assert not np.array_equal(other, eager)
    with h5py.File(tmp_path / "int8") as file:
        assert json.loads(file.attrs["about"])["engine"] == "int8"


def test_bench_tells_fidelity_beside_speed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", ZOO, "--engine", "eager,int8", "--batch", "10", "--threads", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["engine"], row["batch"]) for row in rows] == [("eager", 10), ("int8", 10)]
    assert rows[0]["rms"] == 0 < rows[1]["rms"]
    assert run(["bench", ZOO, "--engine", "eger"]) == 1
    assert "did you mean 'eager'" in capsys.readouterr().err


def test_the_fastest_is_advised_only_if_it_is_faithful() -> None:
    rows = [{"engine": name, "batch": 10, "median": speed, "rms": rms} for name, speed, rms in (("eager", 1.0, 0.0), ("int8", 9.0, 0.02))]
    assert "none within" in _advice(rows)
    assert "--engine onnxruntime" in _advice([*rows, {"engine": "onnxruntime", "batch": 10, "median": 2.0, "rms": 1e-7}])
    assert set(RMS) | {"compile"} == set(ENGINES)
