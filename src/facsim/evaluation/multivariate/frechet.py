"""Frechet distance between Gaussians fitted to two samples, and its extrapolation to infinite samples."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh, eigvalsh
from scipy.optimize import curve_fit

from facsim.core import FacsimError
from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import Estimate, checked

MOST_PRODUCTS = 300  # columns of the table of products above which covariances are computed draw by draw


def gaussian_frechet(mean_1: Array, covariance_1: Array, mean_2: Array, covariance_2: Array) -> float:
    """Squared Frechet (Wasserstein-2) distance of two Gaussians: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    Source: D. Dowson, B. Landau, The Frechet distance between multivariate normal distributions, J. Multivariate Analysis 12 (1982) 450.

    Examples:
        >>> gaussian_frechet(np.zeros(2), np.eye(2), np.array([3.0, 4.0]), 4 * np.eye(2))
        27.0
    """
    value, vector = eigh(covariance_1)
    root = (vector * np.sqrt(np.maximum(value, 0))) @ vector.T
    cross = np.sqrt(np.maximum(eigvalsh(root @ covariance_2 @ root), 0)).sum()
    shift = mean_1 - mean_2
    return float(shift @ shift + np.trace(covariance_1) + np.trace(covariance_2) - 2 * cross)


def frechet_distance(x: Array, y: Array) -> float:
    """Squared Frechet distance of the Gaussians fitted to x [n, d] and y [m, d]; its bias at finite size is not removed.

    Source: M. Heusel et al., GANs trained by a two time-scale update rule, 2017, arXiv:1706.08500.
    """
    x, y = checked(x, y)
    ones = (np.ones((1, len(x))), np.ones((1, len(y))))
    (first,), (second,) = (_moments(s, w) for s, w in zip((x, y), ones, strict=True))
    return gaussian_frechet(*first, *second)


def frechet_physics_distance(
    x: Array, y: Array, *, smallest: int = 20_000, largest: int = 50_000, sizes: int = 10, draws: int = 20, seed: int = 42
) -> Estimate:
    """Frechet physics distance of features x [n, d] (truth) and y [m, d] (candidate), and the error of its fit.

    Features are divided by max|x|; at each of `sizes` sample sizes N, equally spaced in 1/N, the distance is averaged over `draws` pairs of
    samples drawn with replacement; a + b/N with a, b >= 0 is fitted, and a is the result.

    Source: R. Kansal et al., On the evaluation of generative models in high energy physics, 2022, arXiv:2211.10295.

    Raises:
        FacsimError: for bad samples, or sizes that do not rise.
    """
    x, y = scaled_to_maximum(x, y)
    if not 2 <= smallest < largest or sizes < 3:
        raise FacsimError("wrong sample sizes", expected="2 <= smallest < largest at 3 or more sizes", got=f"{smallest}, {largest} at {sizes}")
    size = (1 / np.linspace(1 / smallest, 1 / largest, sizes)).astype(np.int32)
    rng = np.random.default_rng(seed)
    table = [_mean_distance(x, y, int(n), draws, rng) for n in size]
    return _intercept(1 / size, np.array(table))


def scaled_to_maximum(x: Array, y: Array) -> tuple[Array, Array]:
    """Both samples divided by the largest magnitude of each column of the truth (by 1 where that is 0)."""
    x, y = checked(x, y)
    largest = np.abs(x).max(0)
    largest[largest == 0] = 1
    return x / largest, y / largest


def _mean_distance(x: Array, y: Array, size: int, draws: int, rng: np.random.Generator) -> float:
    counts = [[np.bincount(rng.choice(len(s), size=size), minlength=len(s)) for s in (x, y)] for _ in range(draws)]
    of_x, of_y = (_moments(s, np.array([pair[i] for pair in counts], dtype=np.float64)) for i, s in enumerate((x, y)))
    return float(np.mean([gaussian_frechet(*a, *b) for a, b in zip(of_x, of_y, strict=True)]))


def _moments(x: Array, counts: Array) -> list[tuple[Array, Array]]:
    """Mean and unbiased covariance of x [n, d] for each row of counts [draws, n]: how often every event was drawn."""
    total = counts.sum(1)
    centre = x.mean(0)
    shifted = x - centre
    mean = counts @ shifted / total[:, None]
    second = _second_moments(shifted, counts)
    spread = (second - total[:, None, None] * mean[:, :, None] * mean[:, None, :]) / (total[:, None, None] - 1)
    return list(zip(mean + centre, spread, strict=True))


def _second_moments(x: Array, counts: Array) -> Array:
    """Sum of count times x x^T over the events, [draws, d, d]: all draws in one matrix product if there are few columns."""
    d = x.shape[1]
    if d * d <= MOST_PRODUCTS:
        return np.asarray(counts @ (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)).reshape(-1, d, d)
    return np.stack([(x * weight[:, None]).T @ x for weight in counts])


def _intercept(inverse: Array, value: Array) -> Estimate:
    """The a of a least-squares fit a + b / N with a, b >= 0, and its error from the scatter about the line."""
    found, covariance = curve_fit(lambda r, a, b: a + b * r, inverse, value, bounds=(0, np.inf))
    return Estimate(float(found[0]), float(np.sqrt(covariance[0, 0])))
