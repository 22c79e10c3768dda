"""`facsim refine` and `facsim sample` of a refiner: any detector, unmatched numbers of events, weights, empty and saturated stations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facsim.cli.main import run
from facsim.core import Events, RegularGrid, StationArray, Variable
from facsim.core.detectors import saturated, signals, triggered
from facsim.data import read, write
from facsim.data.refined import read_originals
from facsim.simulators import airshower_vertical
from facsim.studies.refining import RefinePlan, make_refinement
from facsim.surrogate.refinement import load_refinement
from facsim.training import Settings

GRID = RegularGrid((2, 3), (5.0, 5.0))
ENERGY = Variable("energy", "MeV", 1.0, 100.0)


def showers(n: int, scale: float, seed: int) -> Events:
    """Six cells, each hit in part of the events; `scale` is the energy scale, which a simulation may have wrong."""
    rng = np.random.default_rng(seed)
    energy = rng.uniform(1, 100, (n, 1))
    response = scale * energy[:, :, None] * rng.uniform(0.1, 0.2, (n, 2, 3)) * (rng.random((n, 2, 3)) < 0.7)
    return Events(energy, response, GRID, (ENERGY,))


def arrays(n: int, seed: int, **settings: float) -> Events:
    simulator = airshower_vertical(**settings)
    rng = np.random.default_rng(seed)
    return simulator.simulate(simulator.prior(n, rng), rng)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulation whose energies are too small by a fifth, and data: different numbers of events."""
    where = tmp_path_factory.mktemp("refine")
    write(showers(700, 0.8, 0), where / "sim.h5")
    write(showers(451, 1.0, 1), where / "data.h5")
    write(showers(300, 0.8, 2), where / "new.h5")
    assert run(["refine", str(where / "sim.h5"), "--data", str(where / "data.h5"), "--out", str(where / "run")]) == 0
    return where


def test_refined_events_have_the_scale_of_data_and_keep_their_originals(folder: Path) -> None:
    assert run(["sample", str(folder / "run"), "--like", str(folder / "new.h5"), "--out", str(folder / "out.h5")]) == 0
    new, refined, data = (read(folder / name) for name in ("new.h5", "out.h5", "data.h5"))
    assert np.array_equal(refined.condition, new.condition)
    assert np.array_equal(read_originals(folder / "out.h5"), new.response)
    before, after, true = (e.cells.mean() for e in (new, refined, data))
    assert before / true == pytest.approx(0.8, abs=0.1)
    assert after / true == pytest.approx(1.0, abs=0.1)
    assert np.corrcoef(new.cells.sum(1), refined.cells.sum(1))[0, 1] > 0.9


def test_the_run_holds_the_refined_simulation(folder: Path) -> None:
    assert len(read(folder / "run" / "refined.h5")) == 700
    assert np.array_equal(read_originals(folder / "run" / "refined.h5"), read(folder / "sim.h5").response)


def test_same_seed_same_bits(folder: Path) -> None:
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert run(["sample", str(folder / "run"), "--like", str(folder / "new.h5"), "--out", str(folder / name), "--seed", seed]) == 0
    first, again, other = (read(folder / name) for name in "abc")
    assert first == again
    assert first != other


def test_a_single_event_is_refined_and_too_few_to_learn_from_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(showers(1, 0.8, 5), folder / "one.h5")
    assert run(["sample", str(folder / "run"), "--like", str(folder / "one.h5"), "--out", str(folder / "one-out.h5")]) == 0
    assert len(read(folder / "one-out.h5")) == 1
    assert run(["refine", str(folder / "one.h5"), "--data", str(folder / "data.h5"), "--out", str(folder / "never")]) == 1
    assert "too few events" in capsys.readouterr().err
    assert not (folder / "never").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: replace(e, detector=RegularGrid((2, 3), (5.0, 6.0))), "different detectors"),
        (lambda e: replace(e, variables=(Variable("energy", "GeV", 1.0, 100.0),)), "expected energy [MeV], got energy [GeV]"),
        (lambda e: replace(e, variables=(Variable("momentum", "MeV", 1.0, 100.0),)), "different condition variables"),
        (lambda e: replace(e, weight=np.where(np.arange(len(e)) % 3 == 0, -1.0, 1.0)), "negative weights"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(change: object, message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(change(read(folder / "data.h5")), folder / "other.h5")  # type: ignore[operator]
    assert run(["refine", str(folder / "sim.h5"), "--data", str(folder / "other.h5"), "--out", str(folder / "never")]) == 1
    error = capsys.readouterr().err.strip().split("\n")[-1]
    assert error.startswith("facsim: ")
    assert message in error
    assert not (folder / "never").exists()


def test_new_events_of_another_detector_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(replace(read(folder / "new.h5"), detector=RegularGrid((2, 3), (1.0, 1.0))), folder / "wrong.h5")
    assert run(["sample", str(folder / "run"), "--like", str(folder / "wrong.h5"), "--out", str(folder / "no.h5")]) == 1
    assert "different detectors" in capsys.readouterr().err
    assert not (folder / "no.h5").exists()


def test_a_refiner_needs_events_and_a_surrogate_command_says_what_it_got(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", str(folder / "run"), "--n", "5", "--out", str(folder / "no.h5")]) == 1
    assert "is a refiner" in capsys.readouterr().err
    assert run(["bench", str(folder / "run")]) == 1
    assert "facsim-refiner" in capsys.readouterr().err


def test_data_without_labels_and_with_weights(folder: Path) -> None:
    """Half of the data are ten times too large and have weight 0."""
    data = showers(400, 1.0, 7)
    wild = np.arange(400) % 2 == 0
    response = np.where(wild[:, None, None], 10 * data.response, data.response)
    weighted = Events(np.zeros((400, 0)), response, GRID, (), np.where(wild, 0.0, 1.0))
    simulation = read(folder / "sim.h5")
    refinement, _ = make_refinement(simulation, weighted, RefinePlan(training=Settings(epochs=1)))
    refined = refinement.refine(simulation, np.random.default_rng(0))
    assert refined.cells.mean() / showers(5000, 1.0, 8).cells.mean() == pytest.approx(1.0, abs=0.12)


def test_a_critic_takes_negative_weights(folder: Path) -> None:
    data = read(folder / "data.h5")
    write(replace(data, weight=np.where(np.arange(len(data)) % 5 == 0, -0.5, 1.0)), folder / "signed.h5")
    arguments = ["--model", "residual", "--epochs", "2", "--set", "hidden=[16]", "latent=2", "batch_size=50"]
    assert run(["refine", str(folder / "sim.h5"), "--data", str(folder / "signed.h5"), "--out", str(folder / "signed"), *arguments]) == 0
    assert len(read(folder / "signed" / "refined.h5")) == 700


def test_stations_without_trigger_and_saturated_ones(tmp_path: Path) -> None:
    """The refined simulation triggers as often as data, empty stations are empty in every bin, the saturated one stays so."""
    simulation = arrays(400, 0, muon_fraction=0.7, noise=0.5, fluctuations=0.5)
    data = arrays(301, 1)
    silent = replace(data, response=np.where(np.arange(301)[:, None, None, None] == 7, 0.0, data.response))  # an event without any trigger
    write(simulation, tmp_path / "sim.h5")
    write(silent, tmp_path / "data.h5")
    assert run(["refine", str(tmp_path / "sim.h5"), "--data", str(tmp_path / "data.h5"), "--out", str(tmp_path / "run")]) == 0
    refined, array = read(tmp_path / "run" / "refined.h5"), simulation.detector
    assert isinstance(array, StationArray)
    hit = triggered(array, refined.response)
    assert np.array_equal(hit, signals(array, refined.response) > 0)
    rates = [triggered(array, e.response).mean((1, 2)).mean() for e in (simulation, refined, data)]
    assert abs(rates[1] - rates[2]) < 0.25 * abs(rates[0] - rates[2])
    assert saturated(array, refined.response)[:, 4, 4].mean() > 0.95
    outer = [signals(array, e.response)[:, 4, 5].mean() for e in (simulation, refined, data)]
    assert abs(outer[1] / outer[2] - 1) < 0.1
    assert isinstance(load_refinement(tmp_path / "run").detector, StationArray)


def test_the_published_network_learns_on_traces(tmp_path: Path) -> None:
    simulation, data = arrays(60, 0, muon_fraction=0.7), arrays(50, 1)
    write(simulation, tmp_path / "sim.h5")
    write(data, tmp_path / "data.h5")
    arguments = ["--model", "traces", "--epochs", "3", "--set", "maps=4", "blocks=1", "planes=1", "critic_steps=2", "batch_size=20"]
    assert run(["refine", str(tmp_path / "sim.h5"), "--data", str(tmp_path / "data.h5"), "--out", str(tmp_path / "run"), *arguments]) == 0
    refined = read(tmp_path / "run" / "refined.h5")
    assert np.array_equal(triggered(StationArray(bins=80), refined.response), triggered(StationArray(bins=80), simulation.response))
