"""Weights of events in classifiers and in distances of many columns: as events that occur more often, and a candidate weighted back to the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from facsim.core import FacsimError
from facsim.evaluation.classifier import Official, Recipe, Schedule, area_in_bin, two_sample_test
from facsim.evaluation.classifier.result import area, divergence, share_below
from facsim.evaluation.diversity import birthday_ratio, collisions_with_error, memorisation, modes, total_variance, variety
from facsim.evaluation.multivariate import frechet_distance, plain_energy_distance, polynomial_mmd, prd_curve, precision_recall_density_coverage
from facsim.evaluation.multivariate import kernel as kernel_module
from facsim.evaluation.multivariate.samples import drawn, mean_with_error, standardised, weighted
from facsim.evaluation.multivariate.sliced import weighted_wasserstein
from facsim.evaluation.sections_multivariate import Features, feature_distances

Array = NDArray[np.float64]
SHIFT = 0.4


def normal(n: int, seed: int, shift: float = 0.0, d: int = 3) -> Array:
    return np.asarray(np.random.default_rng(seed).standard_normal((n, d)) + shift)


def back_to_truth(y: Array) -> Array:
    """The ratio of the densities of N(0, 1) and N(SHIFT, 1) in every column."""
    return np.exp(y.shape[1] * SHIFT**2 / 2 - SHIFT * y.sum(1))


def cancelling(seed: int, n: int = 3000, extra: int = 400) -> tuple[Array, Array]:
    """Events of N(0, 1), as many wild ones as are taken away again by others of weight -1."""
    wild = normal(extra, seed + 1, 2.0), normal(extra, seed + 2, 2.0)
    return np.concatenate([normal(n, seed), *wild]), np.repeat([1.0, 1.0, -1.0], [n, extra, extra])


# --- a weight of k is an event k times ------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 3)), min_size=4, max_size=30))
def test_area_and_divergence_count_a_weight_as_that_many_events(rows: list[tuple[int, bool, int]]) -> None:
    score, label, weight = np.array(rows, dtype=float).T
    if 0 < label.sum() < len(label):
        repeated = np.repeat(score, weight.astype(int)), np.repeat(label, weight.astype(int))
        assert area(score, label, weight)[0] == pytest.approx(area(*repeated)[0], abs=1e-12)
        probability = (score + 1) / 6, (repeated[0] + 1) / 6
        assert divergence(probability[0], label, weight)[0] == pytest.approx(divergence(probability[1], repeated[1])[0], abs=1e-12)


def test_the_share_below_with_negative_weights() -> None:
    found = share_below(np.array([0.0, 1.0, 2.5]), np.array([1.0, 2.0, 3.0]), np.array([2.0, -0.5, 0.5]))
    assert found.tolist() == pytest.approx([0, 0.5, 0.75])


def test_wasserstein_counts_a_weight_as_that_many_events() -> None:
    x, y, w = normal(60, 1), normal(50, 2, 0.5), np.random.default_rng(3).integers(0, 4, 50).astype(float)
    found = weighted_wasserstein(weighted(x, None), weighted(y, w))
    assert found == pytest.approx(weighted_wasserstein(weighted(x, None), weighted(np.repeat(y, w.astype(int), axis=0), None)))
    assert found == pytest.approx(np.mean([wasserstein_distance(a, b, v_weights=w) for a, b in zip(x.T, y.T, strict=True)]))


def test_moments_count_a_weight_as_that_many_events_but_for_the_size_of_the_sample() -> None:
    x, y, w = normal(3000, 1), normal(3000, 2, 0.5), np.random.default_rng(3).integers(0, 4, 3000).astype(float)
    repeated = np.repeat(y, w.astype(int), axis=0)
    assert frechet_distance(x, y, weight=(None, w)) == pytest.approx(frechet_distance(x, repeated), rel=2e-3)
    assert frechet_distance(x, y, weight=(None, 7 * w)) == pytest.approx(frechet_distance(x, y, weight=(None, w)))
    assert total_variance(weighted(y, w)) == pytest.approx(total_variance(weighted(repeated, None)), rel=1e-3)
    np.testing.assert_allclose(standardised(y, x, 2, w)[1], standardised(repeated, x)[1])


def test_precision_and_density_count_a_weight_as_that_many_events() -> None:
    x, y, w = normal(200, 1), normal(150, 2, 0.7), np.random.default_rng(3).integers(0, 4, 150).astype(float)
    found, repeated = (precision_recall_density_coverage(x, *a) for a in ((y,), (np.repeat(y, w.astype(int), axis=0),)))
    told = precision_recall_density_coverage(x, y, weight=w)
    assert set(told) == {"precision", "density"}
    assert told["precision"].value == pytest.approx(repeated["precision"].value)
    assert told["density"].value == pytest.approx(repeated["density"].value)
    assert told["density"].value != pytest.approx(found["density"].value, abs=1e-6)


# --- slow twins of the sums over pairs ---------------------------------------------------------------------------------------


def slow_pairs(x: Array, y: Array, w: Array, v: Array, kernel) -> float:  # type: ignore[no-untyped-def]
    """Weighted mean of a function over pairs; of different events, if both samples are one."""
    pairs = [(w[i] * v[j], kernel(x[i], y[j])) for i in range(len(x)) for j in range(len(y)) if not (x is y and i == j)]
    return float(sum(p * k for p, k in pairs) / sum(p for p, _ in pairs))


def slow_unbiased(x: Array, y: Array, w: Array, v: Array, kernel) -> float:  # type: ignore[no-untyped-def]
    return slow_pairs(x, x, w, w, kernel) + slow_pairs(y, y, v, v, kernel) - 2 * slow_pairs(x, y, w, v, kernel)


@pytest.mark.parametrize("most", [0, 300])
def test_pairs_with_weights_of_both_signs_equal_their_slow_twins(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_module, "MOST_PRODUCTS", most)
    rng = np.random.default_rng(1)
    x, y, w, v = normal(25, 1), normal(20, 2, 0.5), rng.uniform(-0.3, 1, 25), rng.uniform(-0.3, 1, 20)
    quartic = slow_unbiased(x, y, w, v, lambda a, b: (a @ b / 3 + 1) ** 4)
    assert polynomial_mmd(x, y, weight=(w, v)) == pytest.approx(quartic, rel=1e-10)
    energy = -slow_unbiased(x, y, w, v, lambda a, b: float(np.linalg.norm(a - b)))
    assert plain_energy_distance(x, y, weight=(w, v)) == pytest.approx(energy, rel=1e-7)


def test_collisions_count_both_weights_of_a_pair() -> None:
    x, w = np.array([[0.0], [0.1], [0.2], [5.0]]), np.array([2.0, 3.0, -1.0, 7.0])
    assert collisions_with_error(x, 0.15, w).value == pytest.approx(2 * 3 - 3 * 1)
    assert collisions_with_error(np.zeros((3, 1)), 0.0, w[:3]).value == pytest.approx(6 - 2 - 3)


def test_events_are_drawn_by_the_size_of_their_weight_and_keep_its_sign() -> None:
    rows, sign = drawn(3, 60_000, np.random.default_rng(1), np.array([1.0, -2.0, 3.0]))
    assert np.bincount(rows) / 10_000 == pytest.approx([1, 2, 3], abs=0.06)
    assert sign is not None
    assert set(sign[rows == 1]) == {-1.0}


def test_the_error_of_a_fraction_is_never_zero_and_grows_with_unequal_weights() -> None:
    ones = np.ones(100, dtype=np.bool_)
    assert mean_with_error(ones).error == pytest.approx(math.sqrt(0.995 / 100 * 0.5 / 101), rel=0.02)
    half = np.arange(100) % 2 == 0
    assert mean_with_error(half, np.where(np.arange(100) < 50, 1.0, 0.01)).error > 1.3 * mean_with_error(half).error


# --- a candidate weighted back to the truth ---------------------------------------------------------------------------------


@pytest.mark.parametrize("signs", [False, True], ids=["density ratio", "negative weights"])
def test_a_candidate_weighted_back_to_the_truth_lies_at_the_floor(signs: bool) -> None:
    x, floor = normal(3000, 1), normal(3000, 2)
    y, weight = cancelling(3) if signs else ((z := normal(3000, 3, SHIFT)), back_to_truth(z))
    told, plain, least = (feature_distances(Features(x, None), Features(*f), 0) for f in ((y, weight), (y, None), (floor, None)))

    def pull(found, name: str) -> float:  # type: ignore[no-untyped-def]
        return abs(found[name].value - least[name].value) / math.hypot(found[name].error, least[name].error)

    names = ["fpd", "kpd", "energy", "mmd", "sliced_wasserstein", "precision", "density", "prd_f8", "prd_f1/8"]
    assert {name for name in names if pull(told, name) > 4} == set()
    assert "recall" not in told
    assert all(pull(plain, name) > 4 for name in ("energy", "mmd", "sliced_wasserstein"))


@pytest.mark.parametrize("signs", [False, True], ids=["density ratio", "negative weights"])
def test_a_classifier_cannot_tell_a_candidate_weighted_back_to_the_truth(signs: bool) -> None:
    y, weight = cancelling(3, 1500, 200) if signs else ((z := normal(1500, 3, SHIFT)), back_to_truth(z))
    x = normal(len(y), 1)
    told, plain = (two_sample_test(x, y, weight=w, repeats=5) for w in ((None, weight), None))
    assert abs(told.auc - 0.5) < 3.5 * told.auc_error
    assert told.auc_error < 0.03
    assert plain.auc - 0.5 > 5 * plain.auc_error
    assert told.weight is not None
    low = np.concatenate([x, y])[:, 0] < 0
    assert abs(area_in_bin(told, low)[0] - 0.5) < 4 * area_in_bin(told, low)[1]


def test_cells_with_weights_go_through_trees_and_networks() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.gamma(2, 1, (2, 300, 6, 6))
    weight = np.where(np.arange(300) < 150, 1.0, 0.2)
    y[150:] *= 1.3
    told, plain = (two_sample_test(x, y, weight=w, repeats=2) for w in ((None, weight), None))
    assert told.auc + 3 * told.auc_error > 0.5
    assert told.auc < plain.auc


def test_weights_of_variety_birthdays_modes_curves_and_memory() -> None:
    x, y = normal(1500, 1), normal(3000, 2)
    y[1500:] = 0.1 * y[1500:] + 3  # a collapsed half that weighs nothing
    weight = np.repeat([1.0, 0.0], 1500)
    assert variety(x, y, weight=(None, weight)).value == pytest.approx(1, abs=0.1)
    assert birthday_ratio(x, y, weight=(None, weight)).value == pytest.approx(1, abs=0.5)
    assert birthday_ratio(x, y).value > 10
    assert modes(x, y, weight=(None, weight)).moved < 0.1 < modes(x, y).moved
    assert prd_curve(x, y, weight=(None, weight), runs=2).best_f(1 / 8) > 0.9 > prd_curve(x, y, runs=2).best_f(1 / 8)
    train = normal(500, 5)
    copied = np.concatenate([y[:1500], train, train, train])
    assert memorisation(train, x, copied, weight=(None, weight)).auc.value == pytest.approx(0.5, abs=0.06)
    assert memorisation(train, x, copied).auc.value > 0.7


# --- what cannot be weighted ------------------------------------------------------------------------------------------------


def test_weights_that_do_not_fit_are_refused() -> None:
    x, y = normal(100, 1), normal(100, 2)
    for weight in (np.ones(99), -np.ones(100), np.zeros(100)):
        with pytest.raises(FacsimError, match="weights do not fit"):
            two_sample_test(x, y, weight=(None, weight))
    equal = two_sample_test(x, y, weight=(None, np.full(100, 3.0)), repeats=1)
    assert equal.weight is None
    np.testing.assert_array_equal(equal.scores, two_sample_test(x, y, repeats=1).scores)


def test_the_published_classifier_takes_weights_but_no_negative_ones() -> None:
    quick = Recipe(Official(hidden=16, schedule=Schedule(epochs=3, batch=100, rate=1e-3)), 1, 1)
    x, y = normal(200, 1), normal(200, 2)
    weight = np.random.default_rng(1).uniform(0.5, 1.5, 200)
    assert np.isfinite(two_sample_test(x, y, weight=(None, weight), recipe=quick).auc)
    with pytest.raises(FacsimError, match="negative weights"):
        two_sample_test(x, y, weight=(None, weight - 0.6), recipe=quick)
