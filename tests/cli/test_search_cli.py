"""facsim search: trials go on where they were, failures are told, the best card trains."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from facsim.cli.main import run
from facsim.training.search import Trial, checked_space, finished, search

CARD = {
    "data": "",
    "model": "energy-distance",
    "epochs": 2,
    "batch_size": 50,
    "events": 200,
    "search": {"hidden": [[8], [16, 16]], "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}},
}


@pytest.fixture
def card(tmp_path: Path) -> Path:
    assert run(["simulate", "gaussian", "--n", "300", "--out", str(tmp_path / "data.h5")]) == 0
    return write(tmp_path / "try.yaml", {**CARD, "data": str(tmp_path / "data.h5")})


def write(path: Path, content: dict[str, object]) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


def space_of(card: Path) -> dict[str, object]:
    return dict(yaml.safe_load(card.read_text())["search"])


def test_trials_go_on_where_they_were_and_the_best_trains(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(card), "--trials", "2"]) == 0
    assert run(["search", str(card), "--trials", "3"]) == 0
    assert run(["search", str(card), "--trials", "3"]) == 0, "nothing is left to do"
    found = finished(f"sqlite:///{card.with_suffix('') / 'search.db'}", "try", space_of(card))
    assert sorted(t.number for t in found) == [0, 1, 2]
    assert len({t.settings["learning_rate"] for t in found}) == 3, "a later run does not try the same again"
    scores = [t.score for t in found]
    assert scores == sorted(scores)  # type: ignore[type-var]
    assert "The best of 3 trials" in capsys.readouterr().out
    best = yaml.safe_load((card.with_suffix("") / "best.yaml").read_text())
    assert best["hidden"] == found[0].settings["hidden"]
    assert best["learning_rate"] == pytest.approx(found[0].settings["learning_rate"])
    assert run(["fit", str(card.parent / "data.h5"), "--card", str(card.with_suffix("") / "best.yaml"), "--out", str(card.parent / "run")]) == 0


def test_workers_share_the_trials(card: Path) -> None:
    command = [sys.executable, "-m", "facsim", "search", str(card), "--trials", "4", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = finished(f"sqlite:///{card.with_suffix('') / 'search.db'}", "try", space_of(card))
    assert 4 <= len(found) <= 5, "a worker may finish what it had begun"
    assert len({t.settings["learning_rate"] for t in found}) == len(found), "no two try the same"


def test_killed_workers_lose_only_the_trials_they_were_at(card: Path) -> None:
    url = f"sqlite:///{card.with_suffix('') / 'search.db'}"
    command = [sys.executable, "-m", "facsim", "search", str(card), "--trials", "1000", "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while not (made := _made(url, card)):
            assert process.poll() is None, "the search ended before it was killed"
            time.sleep(0.2)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert run(["search", str(card), "--trials", str(len(made) + 2)]) == 0
    found = finished(url, "try", space_of(card))
    assert len(found) >= len(made) + 2
    assert {t.number: t.score for t in found}.items() >= {t.number: t.score for t in made}.items()


def _made(url: str, card: Path) -> list[Trial]:
    """The finished trials of a storage that may not be there yet."""
    return finished(url, "try", space_of(card)) if card.with_suffix("").joinpath("search.db").exists() else []


def test_a_search_finds_the_minimum(tmp_path: Path) -> None:
    space = checked_space({"x": {"low": -1.0, "high": 3.0}, "sign": [1, -1], "n": {"low": 1, "high": 4}})
    for sampler in ("tpe", "random"):
        storage = f"sqlite:///{tmp_path / sampler}.db"
        search(space, lambda s, _: (s["x"] - 1) ** 2 + s["sign"] + s["n"], trials=20, storage=storage, name="toy", sampler=sampler)
        best, *others = finished(storage, "toy", space)
        assert best.settings["sign"] == -1
        assert isinstance(best.settings["n"], int)
        assert best.score == min(t.score for t in (best, *others) if t.score is not None)
        assert best.score < 2.5


def test_a_failed_training_is_a_trial_too(card: Path) -> None:
    content = yaml.safe_load(card.read_text())
    write(card, {**content, "search": {"learning_rate": [1e-3, 1e30]}, "sampler": "random"})
    assert run(["search", str(card), "--trials", "4"]) == 0
    found = finished(f"sqlite:///{card.with_suffix('') / 'search.db'}", "try", {"learning_rate": [1e-3, 1e30]})
    assert len(found) == 4
    assert all((t.score is None) == bool(t.failure) for t in found)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"search": {}}, "nothing to search"),
        ({"search": {"lerning_rate": [1e-3]}}, "did you mean 'learning_rate'"),
        ({"search": {"learning_rate": {"low": 1, "high": 0}}}, "cannot search 'learning_rate'"),
        ({"search": {"learning_rate": {"low": 0.0, "high": 1.0, "log": True}}}, "cannot search 'learning_rate'"),
        ({"sampler": "grid"}, "unknown sampler 'grid'"),
        ({"data": "nothing.h5"}, "no such file"),
    ],
)
def test_bad_cards_are_refused_in_one_line(card: Path, changes: dict[str, object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(card, {**yaml.safe_load(card.read_text()), **changes})
    assert run(["search", str(card), "--trials", "1"]) == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert message in told[-1]


def test_another_space_under_the_same_name_is_refused(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(card), "--trials", "1"]) == 0
    write(card, {**yaml.safe_load(card.read_text()), "search": {"hidden": [[8]]}})
    assert run(["search", str(card), "--trials", "2"]) == 1
    assert "another space" in capsys.readouterr().err
