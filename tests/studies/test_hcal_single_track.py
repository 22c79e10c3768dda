"""Study of single tracks on the LHCb HCAL: its observables by hand, planted defects, a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facsim.core import Events, SplitGranularity
from facsim.evaluation.scorecard import Scorecard
from facsim.simulators import lhcb_hcal
from facsim.studies.calorimeter import Sample
from facsim.studies.hcal_single_track import MODELS, OBSERVABLES, STUDY, alike, likest, scores

WALL = SplitGranularity()
VARIABLES = lhcb_hcal().variables


def one(inner: float, outer: float) -> Events:
    """An event of 1 GeV with energies in the first inner and the last outer cell."""
    cells = np.zeros((1, WALL.n_cells))
    cells[0, 0], cells[0, -1] = inner, outer
    return Events(np.array([[100.0, 400.0, 1000.0]]), cells, WALL, VARIABLES)


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


def test_tracks_that_are_alike() -> None:
    theta = np.arctan2(np.hypot(100, 400), WALL.distance)
    assert alike(one(1.0, 1.0), theta + 0.009, 1000)[0]
    assert not alike(one(1.0, 1.0), theta + 0.011, 1000)[0]
    assert alike(one(1.0, 1.0), theta, 920)[0]
    assert not alike(one(1.0, 1.0), theta, 900)[0]


def test_limits_are_widened_for_small_samples() -> None:
    few, many = showers(40, 1), showers(4000, 2)
    assert min(map(len, likest((few, many), 0.2, 2000.0))) >= 10
    exact = likest((many, many), 0.12, 1200.0)[0]
    assert exact == many[alike(many, 0.12, 1200.0)]


def test_equal_samples_score_well_and_defects_are_found() -> None:
    sample = Sample(showers(3000, 1), showers(3000, 2), "toy")
    fair = showers(3000, 3)
    low = replace(fair, response=0.7 * fair.response)
    narrow = replace(fair, response=(fair.response * (fair.column("energy") / fair.cells.sum(1))[:, None]))

    def told(candidate: Events) -> dict[tuple[str, str], float]:
        return {(row.observable, row.bin): row.value for row in scores(candidate, sample, Scorecard(()))}

    good, bad, dull = told(fair), told(low), told(narrow)
    assert max(value for (name, _), value in good.items() if name.startswith("source")) < 0.02
    assert bad["source[resolution]", "all"] > 0.05
    assert dull["variety[total_energy]", "outer"] < -0.5  # every shower has its track's energy
    assert abs(good["variety[total_energy]", "outer"]) < 0.5


def test_every_model_has_its_bars() -> None:
    assert {expected.model for expected in STUDY.expected} == set(MODELS)
    bars = [expected for expected in STUDY.expected if expected.bar is not None]
    assert {expected.model for expected in bars} == {"tree"}
