"""The multivariate sections of the scorecard: floors on equal samples, rows where something is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facsim.core import Events, FacsimError, RegularGrid, Variable, Vector
from facsim.evaluation.classifier.two_sample import RECIPES
from facsim.evaluation.comparison import Comparison, comparison
from facsim.evaluation.scorecard import Row
from facsim.evaluation.sections_challenge import calochallenge_rows
from facsim.evaluation.sections_classifier import cell_classifier_rows, observable_classifier_rows
from facsim.evaluation.sections_multivariate import distance_rows, diversity_rows

GRID = RegularGrid((8, 8), (5.0, 5.0))
ENERGY = (Variable("energy", "MeV"),)


@pytest.fixture(autouse=True)
def _few_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "fast", replace(RECIPES["fast"], scored=0, scored_on_columns=0))


def showers(n: int, seed: int, energies: tuple[float, ...] = (100.0, 1000.0)) -> Events:
    rng = np.random.default_rng(seed)
    energy = np.array(energies)[np.arange(n) % len(energies)]
    row, column = np.mgrid[:8, :8]
    centre = rng.normal(3.5, 0.7, (2, n, 1, 1))
    shape = np.exp(-((row - centre[0]) ** 2 + (column - centre[1]) ** 2) / 4)
    response = energy[:, None, None] * rng.gamma(30, 1 / 30, (n, 1, 1)) * shape / shape.sum((1, 2), keepdims=True) * rng.gamma(4, 0.25, (n, 8, 8))
    return Events(energy[:, None], response, GRID, ENERGY)


def compare(candidate: Events, train: Events | None = None) -> Comparison:
    return comparison(showers(1000, 1), candidate, showers(len(candidate), 2), train=train)


def by_name(rows: object) -> dict[tuple[str, str, str], Row]:
    return {(r.observable, r.distance, r.bin): r for r in rows}  # type: ignore[attr-defined]


def test_equal_samples_lie_at_the_floor() -> None:
    equal = compare(showers(1000, 3))
    for section in (cell_classifier_rows, observable_classifier_rows, distance_rows, diversity_rows):
        rows = list(section(equal))
        assert rows
        assert all(abs(row.excess) < 5 for row in rows), [r for r in rows if abs(r.excess) >= 5]


def test_a_wider_shower_at_one_energy_is_seen_in_its_bin() -> None:
    candidate = showers(1000, 3)
    response = candidate.response.copy()
    high = candidate.column("energy") > 500
    response[high] = np.roll(response[high], 1, axis=1) * 0.5 + response[high] * 0.5
    rows = by_name(observable_classifier_rows(compare(replace(candidate, response=response))))
    assert rows["observables", "auc", "all"].excess > 5
    assert rows["observables", "auc", "energy 1000 MeV"].value > 0.85
    assert rows["observables", "auc", "energy 100 MeV"].value == pytest.approx(0.5, abs=0.1)
    cells = by_name(cell_classifier_rows(compare(replace(candidate, response=response))))
    assert cells["cells", "auc", "energy 1000 MeV"].value > 0.85


def test_shuffled_conditions_are_seen() -> None:
    candidate = showers(1000, 3)
    shuffled = replace(candidate, condition=np.random.default_rng(0).permutation(candidate.condition))
    assert by_name(cell_classifier_rows(compare(shuffled)))["cells", "auc", "all"].value > 0.7


def test_distances_see_a_scale() -> None:
    candidate = showers(1000, 3)
    rows = by_name(distance_rows(compare(replace(candidate, response=1.2 * candidate.response))))
    assert rows["features", "sliced_wasserstein", "all"].excess > 3
    assert {n for _, n, _ in rows} >= {"fpd", "kpd", "energy", "mmd", "precision", "recall", "density", "coverage", "prd_f8"}


def test_less_varied_events_are_seen_at_each_energy() -> None:
    candidate = showers(1000, 3)
    few = candidate[np.repeat(np.arange(20), 50)]
    rows = by_name(diversity_rows(compare(few)))
    assert rows["diversity", "birthday_ratio", "all"].excess > 5
    assert {b for _, n, b in rows if n == "variety"} == {"energy 100 MeV", "energy 1000 MeV"}


def test_copied_training_events_are_seen() -> None:
    train = showers(600, 7)
    rows = by_name(diversity_rows(compare(train[:500], train=train)))
    assert rows["memorisation", "copied", "all"].value == 1
    assert rows["memorisation", "copied", "all"].floor == 0
    assert rows["memorisation", "auc", "all"].value > 0.95
    assert rows["memorisation", "auc", "all"].floor == pytest.approx(0.5, abs=0.08)


def test_vectors_have_no_cells_and_grids_no_challenge() -> None:
    def table(seed: int) -> Events:
        rng = np.random.default_rng(seed)
        return Events(np.ones((300, 1)), rng.standard_normal((300, 2)), Vector(("a", "b")), ENERGY)

    compared = comparison(table(1), table(2), table(3))
    assert list(cell_classifier_rows(compared)) == []
    assert by_name(observable_classifier_rows(compared))["observables", "auc", "all"].value == pytest.approx(0.5, abs=0.15)
    with pytest.raises(FacsimError, match="not that of any data set"):
        list(calochallenge_rows(compare(showers(100, 3))))
