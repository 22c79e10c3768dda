"""Study of single tracks on the LHCb HCAL: its observables by hand, planted defects, a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from facsim.core import Events, SplitGranularity, stream
from facsim.evaluation.scorecard import Scorecard
from facsim.simulators import SingleHadrons, lhcb_hcal
from facsim.simulators.hcal import cell_under
from facsim.studies.calorimeter import Sample
from facsim.studies.hcal import VARIED, read_out
from facsim.studies.hcal_single_track import MODELS, OBSERVABLES, STUDY, TRACKS, one_track, scores
from facsim.studies.variety import Repeated, spread_row, variety_rows

WALL = SplitGranularity()
VARIABLES = lhcb_hcal().variables


def one(inner: float, outer: float) -> Events:
    """An event of 1 GeV with energies in the first inner and the last outer cell."""
    cells = np.zeros((1, WALL.n_cells))
    cells[0, 0], cells[0, -1] = inner, outer
    return Events(np.array([[100.0, 400.0, 1000.0]]), cells, WALL, VARIABLES)


class Truth:
    """A simulator that is called as surrogates are."""

    def __init__(self, simulator: SingleHadrons) -> None:
        self.simulator = simulator

    def simulate(self, condition: np.ndarray, rng: np.random.Generator, *, extrapolate: bool) -> Events:
        return self.simulator.simulate(condition, rng)


def showers(n: int, seed: int) -> Events:
    rng = np.random.default_rng(seed)
    simulator = lhcb_hcal()
    return simulator.simulate(simulator.prior(n, rng), rng)


def test_observables_by_hand() -> None:
    """An outer cell of 20 MeV has pixels of 5 MeV, below the 6 MeV of a fired pixel; of 28 MeV it has four."""
    found = {name: float(of(one(10.0, 20.0))[0]) for name, of in OBSERVABLES.items()}
    first, last = WALL.centres[0], WALL.centres[-1]
    assert found["total_energy"] == 30.0
    assert found["maximum_pixel"] == 10.0
    assert found["pixels_above_6MeV"] == 1
    assert found["resolution"] == 970.0
    assert found["centre_of_energy_x"] == pytest.approx((10 * first[0] + 20 * last[0]) / 30)
    assert found["centre_of_energy_y"] == pytest.approx((10 * first[1] + 20 * last[1]) / 30)
    assert OBSERVABLES["pixels_above_6MeV"](one(0.0, 28.0))[0] == 4
    assert all(of(one(0.0, 0.0))[0] == {"resolution": 1000.0}.get(name, 0.0) for name, of in OBSERVABLES.items())


def test_equal_samples_score_well_and_defects_are_found() -> None:
    sample = Sample(showers(3000, 1), showers(3000, 2), "toy")
    fair = showers(3000, 3)
    low = replace(fair, response=0.7 * fair.response)
    good, bad = ({row.observable: row.value for row in scores(events, sample, Scorecard(()))} for events in (fair, low))
    assert max(good.values()) < 0.02
    assert bad["source[resolution]"] > 0.05


def test_tracks_to_repeat_have_their_angle_and_energy() -> None:
    x, y, transverse = one_track(0.12, 1200.0, WALL.distance)[0]
    assert np.arctan2(np.hypot(x, y), WALL.distance) == pytest.approx(0.12)
    assert transverse == 1200.0


@pytest.mark.parametrize(("name", "large"), [("inner", False), ("middle", False), ("border", False), ("outer", True)])
def test_tracks_to_repeat_hit_the_cells_they_are_named_after(name: str, large: bool) -> None:
    x, y, _ = one_track(*TRACKS[name], WALL.distance)[0]
    cell = int(cell_under(WALL, x, y))
    assert (cell >= WALL.inner_cells) == large
    steps = [cell_under(WALL, x + 131.0 * i, y + 131.0 * j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert (min(steps) < WALL.inner_cells <= max(steps)) == (name == "border")


def test_cells_below_what_is_read_out_are_empty() -> None:
    found = read_out(one(0.09, 20.0), 0.1)
    assert found.cells.sum() == 20.0
    assert np.array_equal(found.condition, one(0.09, 20.0).condition)


def test_variety_of_one_track() -> None:
    """The truth is as varied as itself; one whose every shower has its track's energy is not."""
    simulator = lhcb_hcal()
    track = one_track(0.2, 2000.0, WALL.distance)
    event = Repeated("outer", lambda n, rng: track.repeat(n, axis=0), lambda n, i: simulator.simulate(track.repeat(n, axis=0), stream(i)))

    class Dull:
        def simulate(self, condition: np.ndarray, rng: np.random.Generator, *, extrapolate: bool) -> Events:
            made = simulator.simulate(condition, rng)
            return replace(made, response=made.response * (2000.0 / made.cells.sum(1))[:, None])

    fair, dull = (
        {row.observable: row.value for row in variety_rows(cast(Any, model), [event], VARIED, full=True)} for model in (Truth(simulator), Dull())
    )
    assert abs(fair["variety[total_energy]"]) < 0.2
    assert dull["variety[total_energy]"] < -0.9


def test_spread_against_the_truth() -> None:
    """Events of variance 4 about means that vary, against ones of the same variance, of half of it, of none, and of wrong means."""
    rng = np.random.default_rng(0)
    mean = rng.normal(0, 10, 20_000)
    truth = rng.normal(mean, 2.0)
    for scale, shift, expected in ((2.0, 0.0, 0.0), (np.sqrt(2), 0.0, -0.5), (0.0, 0.0, -1.0), (2.0, 2.0, -0.5)):
        row = spread_row("total", rng.normal(mean + shift, scale, (2, 20_000)), truth)
        assert row.value == pytest.approx(expected, abs=0.05)
        assert row.error < 0.05


def test_every_model_has_its_bars() -> None:
    assert {expected.model for expected in STUDY.expected} == set(MODELS)
    bars = [expected for expected in STUDY.expected if expected.bar is not None]
    assert {expected.model for expected in bars} == {"tree"}
