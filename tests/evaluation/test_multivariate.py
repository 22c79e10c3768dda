"""Multivariate distances: zero on equal samples, exact where the answer can be derived, symmetric where they should be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance

from facsim.core import FacsimError
from facsim.evaluation.multivariate import (
    Estimate,
    energy_distance,
    expected_coverage,
    frechet_distance,
    frechet_physics_distance,
    gaussian_frechet,
    gaussian_mmd,
    kernel_physics_distance,
    plain_energy_distance,
    polynomial_mmd,
    prd_curve,
    precision_recall_density_coverage,
    sliced_wasserstein,
)
from facsim.evaluation.multivariate import kernel as kernel_module
from facsim.evaluation.multivariate.manifold import neighbour_distance
from facsim.evaluation.multivariate.prd import curve_from_histograms
from facsim.evaluation.multivariate.samples import jackknife, over_blocks, squared_distances
from facsim.evaluation.multivariate.sliced import mean_wasserstein

Array = NDArray[np.float64]


def normal(n: int, d: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> Array:
    return np.asarray(shift + scale * np.random.default_rng(seed).standard_normal((n, d)))


def quick_fpd(x: Array, y: Array) -> Estimate:
    return frechet_physics_distance(x, y, smallest=500, largest=2000, draws=10)


def quick_kpd(x: Array, y: Array) -> Estimate:
    return kernel_physics_distance(x, y, batch_size=1000)


ESTIMATES: dict[str, Callable[[Array, Array], Estimate]] = {
    "fpd": quick_fpd,
    "kpd": quick_kpd,
    "energy": energy_distance,
    "mmd": gaussian_mmd,
    "sliced": sliced_wasserstein,
    "precision": lambda x, y: precision_recall_density_coverage(x, y)["precision"],
}


# --- Frechet ---------------------------------------------------------------------------------------------------------


def test_frechet_of_diagonal_gaussians() -> None:
    found = gaussian_frechet(np.array([1.0, 2.0]), np.diag([1.0, 9.0]), np.array([0.0, 0.0]), np.diag([4.0, 4.0]))
    assert found == pytest.approx(1 + 4 + (1 - 2) ** 2 + (3 - 2) ** 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_frechet_agrees_with_the_matrix_root_and_is_symmetric(seed: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    c1, c2 = (a @ a.T + 0.1 * np.eye(d) for a in rng.standard_normal((2, d, d)))
    m1, m2 = rng.standard_normal((2, d))
    slow = (m1 - m2) @ (m1 - m2) + np.trace(c1) + np.trace(c2) - 2 * np.trace(np.real(sqrtm(c1 @ c2)))
    assert gaussian_frechet(m1, c1, m2, c2) == pytest.approx(slow, rel=1e-6, abs=1e-8)
    assert gaussian_frechet(m1, c1, m2, c2) == pytest.approx(gaussian_frechet(m2, c2, m1, c1), abs=1e-9)


def test_frechet_of_singular_covariances() -> None:
    flat = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert gaussian_frechet(np.zeros(2), flat, np.zeros(2), flat) == pytest.approx(0, abs=1e-7)
    assert gaussian_frechet(np.zeros(2), flat, np.ones(2), 0 * flat) == pytest.approx(2 + 2)


def test_frechet_distance_uses_sample_moments() -> None:
    x, y = normal(50, 3, 1), normal(70, 3, 2, 0.3)
    by_hand = gaussian_frechet(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    assert frechet_distance(x, y) == pytest.approx(by_hand, rel=1e-10)


def naive_fpd(x: Array, y: Array, sizes: tuple[int, int], draws: int) -> Array:
    """Mean distances at each size, sample by sample."""
    rng, scale = np.random.default_rng(42), np.abs(x).max(0)
    points = []
    for size in (1 / np.linspace(1 / sizes[0], 1 / sizes[1], 10)).astype(int):
        parts = []
        for _ in range(draws):
            a, b = x[rng.choice(len(x), size)] / scale, y[rng.choice(len(y), size)] / scale
            parts.append(gaussian_frechet(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False)))
        points.append([1 / size, np.mean(parts)])
    return np.array(points)


@pytest.mark.parametrize("d", [3, 20])
def test_fpd_equals_its_slow_twin(d: int) -> None:
    x, y = normal(1500, d, 1), normal(1500, d, 2, 0.3)
    inverse, value = naive_fpd(x, y, (200, 1000), 5).T
    slope, intercept = np.polyfit(inverse, value, 1)
    found = frechet_physics_distance(x, y, smallest=200, largest=1000, draws=5)
    assert slope > 0
    assert found.value == pytest.approx(intercept, rel=1e-3)


def published_pair() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, (20_000, 6)), rng.normal(0.1, 1, (20_000, 6))


def test_fpd_reproduces_the_published_number() -> None:
    found = frechet_physics_distance(*published_pair(), smallest=2_000, largest=10_000)
    assert found.value == pytest.approx(0.003949, abs=1e-6)
    assert found.error == pytest.approx(0.000204, abs=1e-6)


def test_kpd_reproduces_the_published_number() -> None:
    found = kernel_physics_distance(*published_pair(), batch_size=1_000)
    assert found.value == pytest.approx(0.002571, abs=1e-6)
    assert found.error == pytest.approx(0.000533, abs=1e-6)


def test_fpd_tends_to_the_distance_of_the_samples() -> None:
    x, y = published_pair()
    scale = np.abs(x).max(0)
    limit = gaussian_frechet(np.zeros(6), np.diag(1 / scale**2), 0.1 / scale, np.diag(1 / scale**2))
    assert limit == pytest.approx(np.sum(0.01 / scale**2))
    spread = np.sqrt(np.sum((2 * 0.1 * math.sqrt(2 / 20_000) / scale**2) ** 2))  # of the squared difference of two means
    assert frechet_distance(x / scale, y / scale) == pytest.approx(limit, abs=3 * spread)
    assert quick_fpd(x, y).value == pytest.approx(limit, abs=4 * spread)


def test_fpd_is_blind_to_units() -> None:
    x, y = normal(1000, 3, 1), normal(1000, 3, 2, 0.2)
    unit = np.array([1e3, 1e-3, 1.0])
    assert quick_fpd(x * unit, y * unit).value == pytest.approx(quick_fpd(x, y).value, rel=1e-6)


def test_fpd_refuses_sizes_that_do_not_rise() -> None:
    with pytest.raises(FacsimError, match="sample sizes"):
        frechet_physics_distance(normal(100, 2, 1), normal(100, 2, 2), smallest=50, largest=50)


# --- kernels ---------------------------------------------------------------------------------------------------------


def naive_mmd(x: Array, y: Array) -> float:
    def mean(a: Array, b: Array, same: bool) -> float:
        pairs = [(a[i] @ b[j] / a.shape[1] + 1) ** 4 for i in range(len(a)) for j in range(len(b)) if not (same and i == j)]
        return float(np.mean(pairs))

    return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)


@pytest.mark.parametrize("most", [0, 3000])
def test_polynomial_mmd_equals_its_slow_twin(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_module, "MOST_PRODUCTS", most)
    x, y = normal(30, 3, 1), normal(20, 3, 2, 0.5)
    assert polynomial_mmd(x, y) == pytest.approx(naive_mmd(x, y), rel=1e-10)


def test_the_polynomial_mmd_of_two_points_on_a_line() -> None:
    zero, one = np.zeros((5, 1)), np.ones((7, 1))
    assert polynomial_mmd(zero, one) == pytest.approx(1 + 16 - 2)


def test_kpd_is_the_same_by_products_and_by_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(400, 4, 1), normal(400, 4, 2, 0.2)
    fast = kernel_physics_distance(x, y, batch_size=300, batches=3)
    monkeypatch.setattr(kernel_module, "MOST_PRODUCTS", 0)
    slow = kernel_physics_distance(x, y, batch_size=300, batches=3)
    assert fast.value == pytest.approx(slow.value, rel=1e-9)


def test_gaussian_mmd_of_a_known_shift() -> None:
    shift, x, y = 0.5, normal(20_000, 1, 1), normal(20_000, 1, 2, 0.5)
    found = gaussian_mmd(x, y, bandwidth=1.0)
    expected = 2 / math.sqrt(3) * (1 - math.exp(-(shift**2) / 6))  # E exp(-(a-b)^2/2) for a - b of variance 2
    assert abs(found.value - expected) < 4 * found.error + 0.002


# --- energy, sliced --------------------------------------------------------------------------------------------------


def folded(shift: float) -> float:
    """E|Z| for Z ~ N(shift, 2)."""
    return 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4) + shift * math.erf(shift / 2)


def test_energy_distance_of_a_known_shift() -> None:
    found = energy_distance(normal(10_000, 1, 1), normal(10_000, 1, 2, 0.5))
    assert abs(found.value - 2 * (folded(0.5) - folded(0))) < 4 * found.error + 0.005
    assert found.error < 0.02


def test_energy_distance_of_all_pairs() -> None:
    x, y = np.array([[0.0], [1.0]]), np.array([[3.0], [5.0]])
    assert plain_energy_distance(x, y) == pytest.approx(2 * (3 + 5 + 2 + 4) / 4 - 1 - 2)


def test_sliced_wasserstein_of_a_known_shift() -> None:
    d, shift = 5, 0.8
    x = normal(500, d, 1)
    x = (x - x.mean(0)) / x.std(0)
    expected = shift * math.sqrt(d) * math.gamma(d / 2) / (math.sqrt(math.pi) * math.gamma((d + 1) / 2))  # |shift| E|theta_1|
    assert sliced_wasserstein(x, x + shift, directions=4000).value == pytest.approx(expected, rel=0.03)


def test_one_projection_is_the_wasserstein_distance() -> None:
    x, y = normal(200, 3, 1), normal(200, 3, 2, 0.3)
    expected = np.mean([wasserstein_distance(a, b) for a, b in zip(x.T, y.T, strict=True)])
    assert mean_wasserstein(x, y) == pytest.approx(expected)
    assert mean_wasserstein(x, y[:150]) == pytest.approx(np.mean([wasserstein_distance(a, b) for a, b in zip(x.T, y[:150].T, strict=True)]))


# --- manifolds -------------------------------------------------------------------------------------------------------


def naive_prdc(x: Array, y: Array, k: int) -> dict[str, float]:
    """All four by definition, with loops."""
    mean, spread = x.mean(0), x.std(0)
    x, y = (x - mean) / spread, (y - mean) / spread

    def radius(s: Array) -> list[float]:
        return [sorted(np.linalg.norm(s - point, axis=1))[k] for point in s]

    rx, ry = radius(x), radius(y)
    inside = np.array([[np.linalg.norm(a - b) <= rx[i] for b in y] for i, a in enumerate(x)])
    recalled = np.array([[np.linalg.norm(a - b) <= ry[j] for j, b in enumerate(y)] for a in x])
    return {
        "precision": inside.any(0).mean(),
        "recall": recalled.any(1).mean(),
        "density": inside.sum(0).mean() / k,
        "coverage": inside.any(1).mean(),
    }


def test_manifold_numbers_equal_their_slow_twin() -> None:
    x, y = normal(60, 3, 1), normal(45, 3, 2, 0.7)
    found, slow = precision_recall_density_coverage(x, y, k=3), naive_prdc(x, y, 3)
    assert {name: e.value for name, e in found.items()} == pytest.approx(slow)


def test_manifold_numbers_do_not_depend_on_the_blocks() -> None:
    x = normal(2500, 2, 1)
    whole = np.concatenate(list(squared_distances(x, x)))
    assert whole.shape == (2500, 2500)
    np.testing.assert_allclose(np.sort(whole, axis=1)[:, 5], neighbour_distance(x, 5), atol=1e-9)


def test_manifold_numbers_of_equal_samples() -> None:
    found = precision_recall_density_coverage(normal(3000, 4, 1), normal(3000, 4, 2))
    assert found["density"].value == pytest.approx(1, abs=0.04)
    assert found["coverage"].value == pytest.approx(expected_coverage(3000, 3000), abs=0.02)
    assert found["precision"].value == pytest.approx(found["recall"].value, abs=0.03)


def test_a_collapsed_mode_lowers_recall_and_coverage_but_not_precision() -> None:
    two_modes = normal(2000, 2, 1) + 10 * (np.arange(2000) % 2)[:, None]
    found = precision_recall_density_coverage(two_modes, normal(2000, 2, 2))
    assert found["recall"].value == pytest.approx(0.5, abs=0.03)
    assert found["coverage"].value == pytest.approx(0.5, abs=0.03)
    assert found["precision"].value > 0.97


def test_samples_far_apart_share_nothing() -> None:
    found = precision_recall_density_coverage(normal(500, 2, 1), normal(500, 2, 2, 100))
    assert {e.value for e in found.values()} == {0.0}


# --- precision-recall curves -----------------------------------------------------------------------------------------


def test_the_curve_of_known_histograms() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.5, 0.0, 0.5])
    curve = curve_from_histograms(p, q)
    assert curve.precision.max() == pytest.approx(0.5, abs=1e-3)
    assert curve.recall.max() == pytest.approx(0.5, abs=1e-3)
    swapped = curve_from_histograms(q, p)
    np.testing.assert_allclose(curve.precision, swapped.recall[::-1], atol=1e-6)
    assert curve_from_histograms(p, p).best_f(8) == pytest.approx(1)


def test_a_dropped_half_costs_recall_and_spares_precision() -> None:
    x = normal(2000, 2, 1) + 10 * (np.arange(2000) % 2)[:, None]
    curve = prd_curve(x, normal(2000, 2, 2), runs=3)
    assert curve.precision.max() > 0.97
    assert curve.recall.max() == pytest.approx(0.5, abs=0.03)
    assert curve.best_f(8) < 0.55 < 0.9 < curve.best_f(1 / 8)


# --- the contract of all ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["kpd", "energy", "mmd"])
def test_unbiased_distances_vanish_on_equal_samples(name: str) -> None:
    found = ESTIMATES[name](normal(4000, 4, 1), normal(4000, 4, 2))
    assert abs(found.value) < 4 * found.error


@pytest.mark.parametrize("name", ["fpd", "kpd", "energy", "mmd", "sliced"])
def test_a_shift_is_seen_and_grows(name: str) -> None:
    x = normal(4000, 4, 1)
    none, small, large = (ESTIMATES[name](x, normal(4000, 4, 2, shift)) for shift in (0.0, 0.3, 0.6))
    assert small.value - none.value > 3 * math.hypot(small.error, none.error)
    assert large.value > 1.5 * small.value


@pytest.mark.parametrize("name", ["fpd", "kpd", "energy", "mmd", "sliced"])
def test_a_width_is_seen(name: str) -> None:
    x = normal(6000, 3, 1)
    assert ESTIMATES[name](x, normal(6000, 3, 2, scale=1.3)).value > 2 * abs(ESTIMATES[name](x, normal(6000, 3, 2)).value)


@pytest.mark.parametrize("name", ["energy", "mmd", "sliced"])
def test_distances_are_symmetric(name: str) -> None:
    x, y = normal(2000, 2, 1), normal(2000, 2, 2, 0.5)
    there, back = ESTIMATES[name](x, y), ESTIMATES[name](y, x)
    assert there.value == pytest.approx(back.value, abs=3 * math.hypot(there.error, back.error))


@pytest.mark.parametrize("name", ESTIMATES)
def test_one_seed_one_number(name: str) -> None:
    x, y = normal(500, 3, 1), normal(500, 3, 2)
    assert ESTIMATES[name](x, y) == ESTIMATES[name](x, y)


@pytest.mark.parametrize("name", [*ESTIMATES, "prd"])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (normal(100, 2, 1), normal(100, 3, 1), "same columns"),
        (normal(1, 2, 1), normal(100, 2, 1), "too few events"),
        (normal(100, 2, 1), np.full((100, 2), np.inf), "not finite"),
    ],
)
def test_bad_samples_are_refused(name: str, x: Array, y: Array, message: str) -> None:
    measure: Callable[[Array, Array], Any] = prd_curve if name == "prd" else ESTIMATES[name]
    with pytest.raises(FacsimError, match=message):
        measure(x, y)


@pytest.mark.parametrize("measure", [energy_distance, gaussian_mmd, sliced_wasserstein, precision_recall_density_coverage, prd_curve])
def test_constant_columns_are_refused(measure: Callable[[Array, Array], Any]) -> None:
    x = normal(100, 2, 1)
    x[:, 1] = 7
    with pytest.raises(FacsimError, match="column 1 of the truth is constant"):
        measure(x, normal(100, 2, 2))


@pytest.mark.parametrize("error_of", [over_blocks, jackknife])
def test_errors_are_the_spread_over_experiments(error_of: Callable[..., Estimate]) -> None:
    def difference(x: Array, y: Array) -> float:
        return float(x.mean() - y.mean())

    found = [error_of(difference, normal(200, 1, 2 * i), normal(300, 1, 2 * i + 1)) for i in range(200)]
    value, error = np.array(found).T
    assert value.std() == pytest.approx(math.sqrt(1 / 200 + 1 / 300), rel=0.15)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(value.std(), rel=0.15)
