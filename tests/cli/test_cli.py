"""The command line as a user meets it: the whole path, JSON, exit codes, and one clear line for every bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from facsim.cli.main import run
from facsim.core import Events, RegularGrid, Variable
from facsim.data import load_sample, read, write

FAST = ("--set", "hidden=[16]", "latent=4")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 600 toy events in 8x8 cells with an energy and an impact point."""
    rng = np.random.default_rng(0)
    energy, x = rng.uniform(1e3, 1e4, 600), rng.uniform(-5, 5, 600)
    grid = RegularGrid((8, 8), (10.0, 10.0))
    distance = np.hypot(grid.centres[:, 0] - x[:, None], grid.centres[:, 1]).reshape(-1, 8, 8)
    response = energy[:, None, None] / 60 * rng.gamma(0.5, 2.0, (600, 8, 8)) * np.exp(-distance / 10) * (rng.random((600, 8, 8)) < 0.5)
    events = Events(np.stack([energy, x], axis=1), response, grid, (Variable("energy", "MeV"), Variable("x", "mm")))
    path = tmp_path_factory.mktemp("toy") / "toy.h5"
    write(events, path)
    return path


@pytest.fixture(scope="module")
def trained(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    assert run(["fit", str(toy), "--out", str(out), "--epochs", "3", *FAST]) == 0
    return out


def fails(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str, code: int = 1) -> None:
    """The command ends with this code and one line on standard error that holds the message; nothing is printed on standard output."""
    capsys.readouterr()
    assert run(arguments) == code
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("facsim:")]
    assert len(lines) == 1, err
    assert message in lines[0]
    assert "Traceback" not in err
    assert "a bug in facsim" not in err
    assert not out


def test_fit_sample_evaluate(toy: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample, out = tmp_path / "s.h5", tmp_path / "judged"
    assert run(["sample", str(trained), "--like", str(toy), "--out", str(sample)]) == 0
    assert np.array_equal(read(sample).condition, read(toy).condition)
    capsys.readouterr()
    assert run(["evaluate", str(sample), "--truth", str(toy), "--out", str(out), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)["s"]
    assert {r["observable"] for r in card["rows"]} >= {"total_energy", "energy_ratio", "mean_image", "cells", "observables"}
    assert json.loads((out / "scorecard.json").read_text()) == card
    assert "<html" in (out / "report.html").read_text()


def test_same_seed_same_bytes(trained: Path, tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run(["sample", str(trained), "--n", "50", "--seed", seed, "--out", str(tmp_path / name)]) == 0
    first, again, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == again
    assert first != other


def test_fixed_conditions_take_units(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.h5"
    assert run(["sample", str(trained), "--n", "20", "--condition", "energy=5GeV", "x=0.2cm", "--out", str(out)]) == 0
    assert np.allclose(read(out).condition, [5000.0, 2.0])


def test_extrapolated_events_are_flagged_in_the_file(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "s.h5"
    beyond = ["sample", str(trained), "--n", "20", "--condition", "energy=50GeV", "x=0", "--out", str(out)]
    fails(capsys, beyond, "outside its range")
    assert not out.exists()
    assert run([*beyond, "--extrapolate"]) == 0
    with h5py.File(out) as file:
        assert file["extrapolated"][:].all()


def test_resume_after_the_end_changes_nothing(toy: Path, tmp_path: Path) -> None:
    fit = ["fit", str(toy), "--out", str(tmp_path / "r"), "--epochs", "2", *FAST]
    assert run(fit) == 0
    weights = (tmp_path / "r" / "bundle" / "weights.safetensors").read_bytes()
    assert run([*fit, "--resume"]) == 0
    assert (tmp_path / "r" / "bundle" / "weights.safetensors").read_bytes() == weights


def test_card_and_set(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text("model: vae\nhidden: [8]\nlatent: 2\nepochs: 1\n")
    assert run(["fit", str(toy), "--out", str(tmp_path / "r"), "--card", str(tmp_path / "card.yaml"), "--set", "latent=3"]) == 0
    manifest = json.loads((tmp_path / "r" / "bundle" / "manifest.json").read_text())
    assert manifest["model"]["settings"] == {"hidden": [8], "latent": 3}


def test_wgan_gp_trains_too(toy: Path, tmp_path: Path) -> None:
    assert run(["fit", str(toy), "--model", "wgan-gp", "--out", str(tmp_path / "r"), "--epochs", "3", "--set", "hidden=[16]"]) == 0
    assert run(["sample", str(tmp_path / "r"), "--n", "10", "--out", str(tmp_path / "s.h5")]) == 0


def test_coarsened_surrogate_is_judged_against_the_fine_truth(tmp_path: Path) -> None:
    fine = tmp_path / "fine.h5"
    write(load_sample("electron-gun")[:300], fine)
    assert run(["fit", str(fine), "--out", str(tmp_path / "r"), "--coarsen", "2", "--epochs", "1", *FAST]) == 0
    assert run(["sample", str(tmp_path / "r"), "--n", "300", "--out", str(tmp_path / "s.h5")]) == 0
    assert read(tmp_path / "s.h5").response.shape == (300, 16, 16)
    assert run(["evaluate", str(tmp_path / "s.h5"), "--truth", str(fine), "--out", str(tmp_path / "e")]) == 0
    assert "coarsened by 2" in json.loads((tmp_path / "e" / "scorecard.json").read_text())["about"]["note"]


def test_simulate_and_convert(tmp_path: Path) -> None:
    native, challenge, back = (tmp_path / name for name in ("n.h5", "c.h5", "b.h5"))
    assert run(["simulate", "gflash-pbwo4", "--n", "30", "--out", str(native), "--seed", "3"]) == 0
    assert run(["convert", str(native), str(challenge), "--to", "calochallenge"]) == 0
    assert run(["convert", str(challenge), str(back)]) == 0
    assert read(back) == read(native)


def test_convert_keeps_the_conditions_that_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, slim = tmp_path / "whole.h5", tmp_path / "slim.h5"
    write(load_sample("lhcb-events")[:5], whole)
    assert run(["convert", str(whole), str(slim), "--condition", "tracks"]) == 0
    assert [v.name for v in read(slim).variables] == ["tracks"]
    assert np.array_equal(read(slim).column("tracks"), read(whole).column("tracks"))
    assert run(["convert", str(whole), str(tmp_path / "none.h5"), "--condition", "trakcs"]) == 1
    assert "tracks" in capsys.readouterr().err
    assert not (tmp_path / "none.h5").exists()


def test_bench_prints_json_and_nothing_else(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", str(trained), "--batch", "1,8", "--threads", "1", "--engine", "eager", "--json"]) == 0
    assert [row["batch"] for row in json.loads(capsys.readouterr().out)] == [1, 8]


@pytest.mark.parametrize("table", ["models", "metrics", "detectors", "simulators", "zoo"])
def test_lists(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([table, "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len({row["name"] for row in rows}) == len(rows)
    assert run([table, "list"]) == 0


def bad_file(path: Path, kind: str) -> Path:
    """A file that is wrong in one way."""
    good = {"condition": np.full((4, 1), 800.0), "response": np.ones((4, 2, 2))}
    grid = Events(good["condition"], good["response"], RegularGrid((2, 2), (5.0, 5.0)), (Variable("energy", "MeV"),))
    write(grid, path)
    changes = {
        "NaN": lambda f: f["response"].__setitem__((1, 0, 0), np.nan),
        "negative": lambda f: f["response"].__setitem__((1, 0, 0), -1.0),
        "renamed": lambda f: f.move("response", "energies"),
        "mismatched": lambda f: (f.__delitem__("condition"), f.create_dataset("condition", data=np.ones((3, 1)))),
    }
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("energy,x,y\n1,2,3\n")
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:-400])
    elif kind == "missing":
        path.unlink()
    else:
        with h5py.File(path, "r+") as file:
            changes[kind](file)
    return path


BAD = {
    "missing": "no such file",
    "empty": "empty",
    "text": "HDF5",
    "truncated": "truncated",
    "NaN": "not finite",
    "negative": "negative",
    "renamed": "has no dataset 'response'",
    "mismatched": "expected",
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("command", ["fit", "evaluate", "convert"])
def test_bad_files(kind: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = bad_file(tmp_path / "bad.h5", kind), tmp_path / "out"
    arguments = {
        "fit": ["fit", str(path), "--out", str(out)],
        "evaluate": ["evaluate", str(path), "--truth", str(path), "--out", str(out)],
        "convert": ["convert", str(path), str(out)],
    }[command]
    fails(capsys, arguments, BAD[kind])
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "TOY", "--out", "OUT", "--model", "vea"], "did you mean 'vae'"),
        (["fit", "TOY", "--out", "OUT", "--set", "latnet=3"], "did you mean 'latent'"),
        (["fit", "TOY", "--out", "OUT", "--set", "latent=many"], "cannot be 'many'"),
        (["fit", "TOY", "--out", "OUT", "--set", "latent"], "expected key=value"),
        (["fit", "TOY", "--out", "OUT", "--epochs", "0"], "epochs is out of range"),
        (["fit", "TOY", "--out", "OUT", "--coarsen", "3"], "cannot be coarsened by 3"),
        (["fit", "TOY", "--out", "OUT", "--card", "nowhere.yaml"], "cannot read the card"),
        (["fit", "TOY", "--out", "RUN"], "holds a trained surrogate already"),
        (["sample", "RUN", "--out", "OUT"], "how many events"),
        (["sample", "RUN", "--n", "0", "--out", "OUT"], "--n must be positive"),
        (["sample", "RUN", "--n", "5", "--condition", "enrgy=5GeV", "--out", "OUT"], "did you mean 'energy'"),
        (["sample", "RUN", "--n", "5", "--condition", "energy=5mm", "x=0", "--out", "OUT"], "not a unit of energy"),
        (["sample", "RUN", "--n", "5", "--condition", "energy=5GeV", "--out", "OUT"], "condition 'x' is not given"),
        (["sample", "RUN", "--n", "5", "--like", "TOY", "--out", "OUT"], "leave out --n"),
        (["sample", "zoo:nothing", "--n", "5", "--out", "OUT"], "unknown zoo surrogate"),
        (["sample", "TOY", "--n", "5", "--out", "OUT"], "is no surrogate"),
        (["sample", "RUN", "--n", "5", "--out", "OUT", "--format", "natvie"], "did you mean 'native'"),
        (["evaluate", "TOY", "--truth", "TOY", "--out", "OUT", "--recipe", "fats"], "did you mean 'fast'"),
        (["simulate", "gflash-pbwo", "--n", "5", "--out", "OUT"], "did you mean 'gflash-pbwo4'"),
        (["simulate", "gflash-pbwo4", "--n", "5", "--out", "OUT", "--set", "enrgy_low=5"], "did you mean 'energy_low'"),
        (["bench", "RUN", "--batch", "1,x"], "cannot read --batch"),
        (["bench", "nowhere"], "is no surrogate"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, toy: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = {"TOY": str(toy), "RUN": str(trained), "OUT": str(tmp_path / "out")}
    fails(capsys, [places.get(a, a) for a in arguments], message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments", [["fti"], ["fit"], ["fit", "a.h5", "--out"], ["sample", "x", "--n", "many", "--out", "y"], ["models", "list", "--jsn"]]
)
def test_wrong_usage_is_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    fails(capsys, arguments, "see facsim --help", code=2)


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from facsim.cli.main import run; run(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "scipy", "h5py", "matplotlib", "sklearn", "pydantic", "yaml"} & set(json.loads(done.stderr.replace("'", '"')))
    assert all(command in done.stdout for command in ("demo", "fit", "sample", "evaluate", "bench", "convert", "simulate"))


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "nowhere", "--n", "5", "--out", "x", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["zoo", "show", "electron-gun"], ["zoo", "list"]])
def test_who_reads_the_output_may_stop(command: list[str]) -> None:
    """As `facsim zoo show NAME | head` does: no complaint, and no talk of a bug."""
    process = subprocess.Popen([sys.executable, "-m", "facsim", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as said:
        assert said.read() == ""
    assert process.wait() == 1
