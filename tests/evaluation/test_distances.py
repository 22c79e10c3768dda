"""One-dimensional distances: zero on equal samples, exact on known shifts, honest errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from facsim.core import FacsimError
from facsim.evaluation.bootstrap import scores
from facsim.evaluation.distances import DISTANCES, distance
from facsim.evaluation.pair import even_bins, merged, pair, quantile_bins

RNG = np.random.default_rng(5)
TRUTH = RNG.normal(10, 2, 2000)
SYMMETRIC = ("ks", "js", "separation", "chi2")


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("truth", [TRUTH, np.full(5, 3.0), np.zeros(4), np.array([1.0]), np.repeat([0.0, 1.0, 7.0], [50, 3, 2])])
def test_zero_on_equal_samples(name: str, truth: np.ndarray) -> None:
    assert distance(name, truth, truth) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("truth", [np.full(50, 3.0), np.zeros(40)])
def test_a_constant_truth_is_told_from_another_constant(name: str, truth: np.ndarray) -> None:
    found = distance(name, truth + 1, truth)
    assert np.isfinite(found)
    if name not in ("width_difference", "fwhm_difference", "lower_tail"):
        assert abs(found) > 0.1


@given(st.floats(-5, 5), st.integers(2, 60))
def test_a_shift_is_measured_exactly(shift: float, n: int) -> None:
    truth = np.random.default_rng(n).normal(0, 1, n)
    assert distance("wasserstein", truth + shift, truth) == pytest.approx(abs(shift) / truth.std(), abs=1e-9)
    assert distance("mean_shift", truth + shift, truth) == pytest.approx(shift / truth.std(), abs=1e-9)


def test_a_scale_is_measured_exactly() -> None:
    assert distance("mean_difference", 1.05 * TRUTH, TRUTH) == pytest.approx(0.05)
    assert distance("width_difference", TRUTH.mean() + 1.1 * (TRUTH - TRUTH.mean()), TRUTH) == pytest.approx(0.1)


def test_the_full_width_of_a_gaussian_and_its_double() -> None:
    quantiles = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert distance("fwhm_difference", 1.2 * quantiles, quantiles) == pytest.approx(0.2, abs=0.02)


def test_a_missing_tail_counts_as_minus_one() -> None:
    truth = np.arange(1000.0)
    assert distance("upper_tail", truth[:950], truth) == pytest.approx(-1)
    assert distance("lower_tail", truth[50:], truth) == pytest.approx(-1)
    assert distance("upper_tail", truth[:950], truth) < 0 < distance("upper_tail", truth[500:], truth)


@given(st.integers(0, 1000), st.integers(1, 30), st.integers(1, 30))
def test_equals_slow_and_independent_twins(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, n).astype(float), rng.integers(0, 6, m).astype(float)
    assert distance("ks", a, b) == pytest.approx(max(abs(np.mean(a <= x) - np.mean(b <= x)) for x in range(6)), abs=1e-12)
    scale = b.std() or abs(b.mean()) or 1
    assert distance("wasserstein", a, b) == pytest.approx(stats.wasserstein_distance(a, b) / scale)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_on_common_bins(name: str) -> None:
    both = DISTANCES[name].bins(pair(RNG.normal(11, 2, 700), TRUTH))
    assert DISTANCES[name].of(both) == pytest.approx(DISTANCES[name].of(both.swapped()))


@pytest.mark.parametrize("name", ["separation", "js"])
def test_disjoint_samples_have_distance_one(name: str) -> None:
    assert distance(name, TRUTH + 1000, TRUTH) == pytest.approx(1)
    assert distance(name, TRUTH - 1000, TRUTH) == pytest.approx(1)


def test_separation_kl_and_js_by_hand() -> None:
    """Two values with probabilities (1/2, 1/2) in the truth and (3/4, 1/4) in the candidate."""
    truth, candidate = np.array([0.0, 1.0]), np.array([0.0, 0.0, 0.0, 1.0])
    assert distance("separation", candidate, truth) == pytest.approx(0.5 * (0.25**2 / 1.25 + 0.25**2 / 0.75))
    assert distance("kl", candidate, truth) == pytest.approx(0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25), rel=1e-4)
    terms = [0.75 * np.log(0.75 / 0.625), 0.25 * np.log(0.25 / 0.375), 0.5 * np.log(0.5 / 0.625), 0.5 * np.log(0.5 / 0.375)]
    assert distance("js", candidate, truth) == pytest.approx(sum(terms) / 2 / np.log(2))


def test_chi2_is_one_per_degree_of_freedom_for_equal_densities() -> None:
    rng = np.random.default_rng(0)
    found = [distance("chi2", rng.exponential(1, 3000), rng.exponential(1, 4000), rng.uniform(0, 2, 3000)) for _ in range(60)]
    assert np.mean(found) == pytest.approx(1, abs=4 * np.sqrt(2 / 50 / 60) + 0.03)


@pytest.mark.parametrize("name", DISTANCES)
def test_a_weight_of_two_is_an_event_twice(name: str) -> None:
    a, w = RNG.normal(9, 2, 400), RNG.integers(0, 4, 400)
    if name == "chi2":  # knows that one event of weight two is less sure than two events
        assert distance(name, a, TRUTH, w) < distance(name, np.repeat(a, w), TRUTH)
    else:
        assert distance(name, a, TRUTH, w) == pytest.approx(distance(name, np.repeat(a, w), TRUTH))


def test_negative_weights_are_borne_or_refused() -> None:
    values, weight = np.repeat([1.0, 2.0, 3.0], 100), np.repeat([1.0, -0.5, 1.0], 100)
    truth = np.repeat([1.0, 2.0, 3.0], 100)
    assert distance("mean_shift", values, truth, weight) == pytest.approx(0, abs=1e-12)
    assert distance("ks", values, truth, weight) == pytest.approx(1 / 3)
    for name in ("separation", "kl", "js", "fwhm_difference"):
        with pytest.raises(FacsimError, match="negative"):
            distance(name, values, truth, weight)
    assert np.isfinite(scores(["chi2", "wasserstein"], values, truth, np.random.default_rng(1), candidate_weight=weight)["chi2"]).all()


def test_bad_samples_are_refused() -> None:
    for a, w in ((np.array([]), None), (np.array([1.0]), np.array([-1.0])), (np.array([np.nan]), None), (np.ones(3), np.ones(2))):
        with pytest.raises(FacsimError):
            distance("ks", a, TRUTH, w)


@pytest.mark.parametrize("bins", [quantile_bins, even_bins])
def test_the_candidate_has_no_say_in_the_bins(bins) -> None:
    """Adding candidates never changes how the truth is spread over the bins."""
    few, many = (bins(pair(candidate, TRUTH)) for candidate in (np.array([10.0]), RNG.normal(12, 5, 5000)))
    np.testing.assert_array_equal(few.q[few.q > 0], many.q[many.q > 0])
    assert many.p.sum() == 5000


def test_bins_have_under_and_overflow_and_give_a_spike_its_own() -> None:
    truth = np.concatenate([np.zeros(700), np.linspace(1, 2, 300)])
    binned = quantile_bins(pair(np.array([-5.0, 0.0, 0.5, 9.0]), truth))
    assert (binned.p[0], binned.q[0]) == (1, 0)
    assert (binned.p[1], binned.q[1]) == (1, 700)
    assert (binned.p[-1], binned.q[-1]) == (1, 0)
    assert binned.p.sum() == 4
    assert binned.q[2:-1].max() <= 40


def test_merging_keeps_extremes_mass_and_mean() -> None:
    both = pair(RNG.normal(0, 1, 5000), RNG.normal(0, 1, 5000))
    small = merged(both)
    assert len(small.x) <= 280
    assert (small.x[0], small.x[-1]) == (both.x[0], both.x[-1])
    assert (small.p.sum(), small.q.sum()) == (5000, 5000)
    assert ((small.p + small.q) @ small.x) == pytest.approx((both.p + both.q) @ both.x)
    assert (np.diff(small.x) > 0).all()


EXPECTED = {"wasserstein": 0.3, "mean_shift": 0.3, "width_difference": 0.0}


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("weighted", [False, True])
def test_errors_cover_the_known_value(name: str, weighted: bool) -> None:
    """In 200 experiments with a shift of 0.3 the error covers the true distance in about 68 % of them."""
    rng = np.random.default_rng(11)
    hits, errors, values = 0, [], []
    for _ in range(200):
        truth, candidate = rng.normal(0, 1, 800), rng.normal(0.3, 1, 800)
        weight = rng.uniform(0.2, 1.8, 800) if weighted else None
        value, error = scores([name], candidate, truth, rng, candidate_weight=weight)[name]
        hits += abs(value - EXPECTED[name]) < error
        errors.append(error)
        values.append(value)
    assert 0.57 < hits / 200 < 0.79
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


@pytest.mark.parametrize("name", ["ks", "separation", "chi2", "kl", "js", "fwhm_difference"])
def test_errors_of_biased_distances_match_their_scatter(name: str) -> None:
    """A largest or squared difference is biased upwards, its floor too; the error is that of the scatter, or somewhat more."""
    rng = np.random.default_rng(12)
    found = [scores([name], rng.normal(0.5, 1, 1500), rng.normal(0, 1, 1500), rng)[name] for _ in range(80)]
    assert 0.75 < np.mean([f.error for f in found]) / np.std([f.value for f in found]) < 1.6


def test_same_stream_same_error() -> None:
    one, other = (scores(["ks"], TRUTH + 1, TRUTH, np.random.default_rng(3)) for _ in range(2))
    assert one == other
