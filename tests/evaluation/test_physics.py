"""Physics use: reconstruction, identification and triggers against numbers that can be derived, and planted defects."""

from __future__ import annotations

from dataclasses import replace
from math import erf, sqrt

import numpy as np
import pytest

from facsim.core import Events, PolarLayer, PolarLayers, RegularGrid, Variable, Vector
from facsim.evaluation.comparison import Comparison, comparison
from facsim.evaluation.physics import bias, identification_rows, physics_rows, predictions, reconstruction_rows, resolution, trained
from facsim.evaluation.scorecard import Row
from facsim.evaluation.triggers import brightest_cell, brightest_cluster, rate, trigger_rows

GRID = RegularGrid((4, 4), (10.0, 10.0))
VARIABLES = (Variable("energy", "MeV"), Variable("pdg", choices=(22.0, 111.0)))
N, SPREAD = 4000, 0.1


def events(seed: int, n: int = N, *, scale: float = 1.0, spread: float = SPREAD, second: float = 1.3) -> Events:
    """Log-normal energies about `scale` times the incident one, in two cells; the second kind has `second` times the share in the second."""
    rng = np.random.default_rng(seed)
    energy, kind = np.exp(rng.uniform(5, 8, n)), rng.choice([22.0, 111.0], n)
    visible = scale * energy * np.exp(spread * rng.normal(size=n))
    share = 0.2 * np.where(kind == 111, second, 1.0) * np.exp(0.1 * rng.normal(size=n))
    response = np.zeros((n, 4, 4))
    response[:, 1, 1], response[:, 1, 2] = visible * (1 - share), visible * share
    return Events(np.stack([energy, kind], axis=1), response, GRID, VARIABLES)


def compare(candidate: Events, seed: int = 1) -> Comparison:
    return comparison(events(seed), candidate, events(seed + 100))


def table(rows: list[Row]) -> dict[tuple[str, str], Row]:
    return {(r.observable, r.distance): r for r in rows}


def test_ridge_finds_a_line_and_the_jackknife_its_error() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 2))
    target = 1 + x @ [2.0, -1.0] + rng.normal(0, 0.5, 5000)
    found = trained(x, target)
    assert found[0] == pytest.approx([1, 2, -1], abs=5 * 0.5 / sqrt(5000))
    error = np.sqrt(9 * found[1:].var(0))
    assert error == pytest.approx(0.5 / sqrt(5000), rel=0.9)
    assert predictions(found[:1], np.zeros((1, 2)))[0, 0] == found[0, 0]


def test_bias_and_resolution_of_a_gaussian_residual() -> None:
    target = np.random.default_rng(1).normal(size=20_000)
    predicted = target + np.random.default_rng(2).normal(0.3, 2.0, 20_000)
    assert bias(target)(predicted).value == pytest.approx(0.3, abs=5 * bias(target)(predicted).error)
    assert bias(target)(predicted).error == pytest.approx(2 / sqrt(20_000), rel=0.05)
    assert resolution(target)(predicted).value == pytest.approx(2.0, rel=0.05)


def test_the_error_of_the_resolution_is_its_spread_over_experiments() -> None:
    rng = np.random.default_rng(3)
    found = [resolution(np.zeros(1000))(rng.normal(size=1000)) for _ in range(300)]
    assert np.std([f.value for f in found]) == pytest.approx(np.mean([f.error for f in found]), rel=0.2)


def test_equal_samples_lie_at_the_floor() -> None:
    rows = list(physics_rows(compare(events(3))))
    assert len(rows) == 4 + 4 + 8
    assert max(r.excess for r in rows) < 4


def test_an_energy_scale_is_the_bias_of_a_reconstruction_trained_on_it() -> None:
    rows = table(list(reconstruction_rows(compare(events(3, scale=1.05)))))
    there, back = (rows[f"reconstruction[{way} on candidate]", "bias"] for way in ("trained", "tested"))
    assert there.value == pytest.approx(-np.log(1.05), abs=4 * there.error)
    assert back.value == pytest.approx(np.log(1.05), abs=4 * back.error)
    assert there.excess > 5
    assert back.excess > 5


def test_the_resolution_is_that_of_the_visible_energy() -> None:
    rows = table(list(reconstruction_rows(compare(events(3, spread=1.2 * SPREAD)))))
    row = rows["reconstruction[tested on candidate]", "resolution"]
    assert row.floor == pytest.approx(SPREAD, rel=0.1)
    assert row.value == pytest.approx(1.2 * SPREAD, rel=0.1)
    assert row.excess > 3


def test_nothing_is_reconstructed_from_one_energy_or_an_unknown_one() -> None:
    fixed = [replace(events(s), condition=np.column_stack([np.full(N, 800.0), events(s).column("pdg")])) for s in (1, 2, 3)]
    assert list(reconstruction_rows(comparison(*fixed))) == []
    unknown = [Events(np.zeros((100, 0)), events(s, 100).response, GRID, ()) for s in (1, 2, 3)]
    assert {r.distance for r in physics_rows(comparison(*unknown))} == {"rate_50%", "rate_10%"}


def test_identification_sees_a_candidate_whose_kinds_are_alike() -> None:
    rows = table(list(identification_rows(compare(events(3, second=1.0)))))
    back = rows["identification(pdg)[tested on candidate]", "auc"]
    distance = np.log(1.3) / 0.1  # of the two kinds, in standard deviations of the share's logarithm
    assert back.floor == pytest.approx(0.5 + erf(distance / 2) / 2, abs=0.02)
    assert back.value == pytest.approx(0.5, abs=4 * back.error)
    assert back.excess > 5
    there = rows["identification(pdg)[trained on candidate]", "auc"]
    assert there.error > 10 * there.floor_error  # a discriminant that was taught nothing points anywhere
    passed = {name: rows["identification(pdg)[tested on candidate]", name] for name in ("efficiency", "misidentified")}
    assert passed["misidentified"].floor == pytest.approx(0.1, abs=0.03)
    assert passed["efficiency"].excess < 4
    assert passed["misidentified"].value == pytest.approx(passed["efficiency"].value, abs=0.03)
    assert passed["misidentified"].excess > 5


def test_identification_needs_events_of_both_kinds() -> None:
    candidate = events(3)
    assert list(identification_rows(compare(candidate[candidate.column("pdg") == 22]))) == []


def test_trigger_rates_of_a_known_scale() -> None:
    """Of energies flat in their logarithm over 3, a scale s raises a rate r by log(s) / 3."""
    rows = table(list(trigger_rows(compare(events(3, scale=1.3)))))
    row = rows["trigger[maximum_cell]", "rate_50%"]
    assert row.value == pytest.approx(np.log(1.3) / 3 / 0.5, abs=4 * row.error)
    assert row.excess > 3
    assert rows["trigger[cluster_2x2]", "turn_on_50%"].excess > 5


def test_the_error_of_a_rate_is_binomial_and_never_zero() -> None:
    fired = np.arange(1000) < 200
    assert rate(fired).value == 0.2
    assert rate(fired).error == pytest.approx(sqrt(0.2 * 0.8 / 1000), rel=0.01)
    assert rate(np.zeros(100)).value == 0
    assert rate(np.zeros(100)).error == pytest.approx(sqrt(0.5 / 101) / 10, rel=0.01)


def slow_cluster(image: np.ndarray, cyclic: bool) -> float:
    rows, columns = image.shape
    starts = range(rows if cyclic else rows - 1)
    return max(sum(image[(r + i) % rows, c + j] for i in (0, 1) for j in (0, 1)) for r in starts for c in range(columns - 1))


def test_clusters_equal_their_slow_twin() -> None:
    rng = np.random.default_rng(5)
    flat, deep = RegularGrid((5, 6), (1.0, 1.0)), RegularGrid((3, 5, 6), (1.0, 1.0, 1.0))
    ring = PolarLayer(8, (0.0, 1.0, 2.0, 3.0), 0)
    polar = PolarLayers((ring, replace(ring, number=1)))
    for detector, summed, cyclic in ((flat, False, False), (deep, True, False), (polar, True, True)):
        response = rng.exponential(1, (20, *detector.shape))
        sample = Events(np.zeros((20, 0)), response, detector, ())
        images = response.sum(1) if summed else response
        assert brightest_cluster(sample) == pytest.approx([slow_cluster(i, cyclic) for i in images], rel=1e-5)
        assert brightest_cell(sample) == pytest.approx(response.reshape(20, -1).max(1))


def test_single_rings_and_tables_are_borne() -> None:
    whole = PolarLayers((PolarLayer(1, (0.0, 5.0, 10.0), 1), PolarLayer(8, (0.0, 2.0, 7.0), 12, 30.0)))
    sample = Events(np.zeros((2, 0)), np.ones((2, *whole.shape)), whole, ())
    assert brightest_cluster(sample).tolist() == [4.0, 4.0]
    tables = [Events(np.zeros((100, 0)), np.random.default_rng(s).normal(size=(100, 2)), Vector(("a", "b")), ()) for s in (1, 2, 3)]
    assert list(physics_rows(comparison(*tables))) == []
