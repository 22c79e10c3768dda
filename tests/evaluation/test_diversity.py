"""Diversity: known variances, known supports, copies that must be caught, modes that are missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from facsim.core import FacsimError
from facsim.evaluation.diversity import (
    birthday_ratio,
    collisions,
    collisions_with_error,
    copied_fraction,
    memorisation,
    modes,
    nearest,
    support_size,
    variety,
)

Array = NDArray[np.float64]


def normal(n: int, d: int, seed: int) -> Array:
    return np.asarray(np.random.default_rng(seed).standard_normal((n, d)))


def test_variety_is_the_ratio_of_variances() -> None:
    x, y = normal(4000, 6, 1).reshape(-1, 2, 3), normal(4000, 6, 2).reshape(-1, 2, 3)
    same, half = variety(x, y), variety(x, math.sqrt(0.5) * y)
    assert abs(same.value - 1) < 4 * same.error
    assert abs(half.value - 0.5) < 4 * half.error
    assert same.error == pytest.approx(math.sqrt(2 * 2 / (6 * 4000)), rel=0.7)  # var of a variance is 2 / n
    assert variety(x, np.repeat(y[:1], 50, axis=0)).value == pytest.approx(0, abs=1e-12)


def test_variety_needs_a_truth_that_varies() -> None:
    with pytest.raises(FacsimError, match="does not vary"):
        variety(np.ones((30, 2)), normal(30, 2, 1))
    with pytest.raises(FacsimError, match="too few"):
        variety(normal(10, 2, 1), normal(30, 2, 1))


def test_collisions_are_counted_pair_by_pair() -> None:
    x = normal(200, 2, 1)
    slow = sum(np.linalg.norm(x[i] - x[j]) <= 0.1 for i in range(200) for j in range(i))
    assert collisions(x, 0.1) == slow > 0
    assert collisions(x) == 0
    assert support_size(x) == math.inf


def test_the_support_of_a_die() -> None:
    faces = np.random.default_rng(1).integers(0, 1000, (2000, 1)).astype(float)
    assert support_size(faces) == pytest.approx(1000, rel=0.12)  # 2000 collisions: 1 / sqrt(2000), and some more


def test_the_birthday_ratio_of_equal_samples_is_one() -> None:
    values = np.array([birthday_ratio(normal(1500, 3, 2 * i), normal(1500, 3, 2 * i + 1)) for i in range(15)])
    pull = (values[:, 0] - 1) / values[:, 1]
    assert abs(pull.mean()) < 1.2
    assert pull.std() < 2


def test_the_error_of_collisions_is_their_spread_where_events_crowd() -> None:
    """A fiftieth of the events lie close together and make nearly all pairs: far more spread than that of a count."""

    def crowded(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.normal(size=(500, 2)) * np.where(rng.random((500, 1)) < 0.04, 0.01, 10.0)

    found = np.array([collisions_with_error(crowded(seed), 0.1) for seed in range(200)])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.15)
    assert found[:, 0].std() > 3 * np.sqrt(found[:, 0].mean())
    sparse = np.array([collisions_with_error(normal(500, 3, seed), 0.1) for seed in range(200)])
    assert sparse[:, 1].mean() == pytest.approx(sparse[:, 0].std(), rel=0.15)


def test_the_birthday_ratio_sees_repeated_events() -> None:
    x, few = normal(1500, 3, 1), normal(300, 3, 2)
    assert birthday_ratio(x, few[np.random.default_rng(3).integers(0, 300, 1500)]).value > 5
    assert birthday_ratio(x, 10 * normal(1500, 3, 2)).value < 0.2
    with pytest.raises(FacsimError, match="birthday"):
        birthday_ratio(normal(20, 2, 1), normal(20, 2, 1))


def test_nearest_distances_by_hand() -> None:
    assert nearest(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [3.0, 4.0]])).tolist() == [1.0, 0.0]


def test_nothing_is_memorised_by_fresh_truth() -> None:
    found = memorisation(normal(1000, 3, 1), normal(1000, 3, 2), normal(1000, 3, 3))
    assert abs(found.auc.value - 0.5) < 4 * found.auc.error
    assert found.ks < 0.08
    assert found.copied == 0


def test_copied_training_events_are_caught() -> None:
    train = normal(1000, 3, 1)
    half = np.concatenate([train[:500], normal(500, 3, 3)])
    found = memorisation(train, normal(1000, 3, 2), half)
    assert found.copied == 0.5
    assert found.auc.value == pytest.approx(0.75, abs=0.03)  # copies always nearer, the others as often as not
    assert found.ks == pytest.approx(0.5, abs=0.05)


def test_almost_copied_training_events_are_caught() -> None:
    train = normal(1000, 3, 1)
    assert memorisation(train, normal(1000, 3, 2), train + 1e-3 * normal(1000, 3, 3)).auc.value > 0.97


def test_empty_events_are_no_copies() -> None:
    train = np.concatenate([np.zeros((10, 2)), np.ones((10, 2))])
    assert copied_fraction(train, np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])) == 0.25


def test_memorisation_refuses_bad_samples() -> None:
    with pytest.raises(FacsimError, match="same columns"):
        memorisation(normal(50, 2, 1), normal(50, 2, 2), normal(50, 3, 3))


def test_known_modes_are_counted() -> None:
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    x = normal(2000, 2, 1) + centres[np.arange(2000) % 4]
    y = normal(1500, 2, 2) + centres[np.arange(1500) % 3]
    found = modes(x, y, centres=centres)
    np.testing.assert_allclose(found.truth, 0.25)
    np.testing.assert_allclose(found.candidate, [1 / 3, 1 / 3, 1 / 3, 0])
    assert found.dropped.tolist() == [3]
    assert found.lost == found.moved == pytest.approx(0.25)


def test_modes_are_found_in_the_truth() -> None:
    x = normal(4000, 2, 1) + 8 * (np.arange(4000) % 2)[:, None]
    whole, collapsed = modes(x, normal(4000, 2, 2) + 8 * (np.arange(4000) % 2)[:, None]), modes(x, normal(4000, 2, 2))
    assert whole.dropped.size == 0
    assert whole.moved < 0.06
    assert collapsed.lost == pytest.approx(0.5, abs=0.02)
