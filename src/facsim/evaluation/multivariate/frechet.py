"""Frechet distance between Gaussians fitted to two samples, and its extrapolation to infinite samples."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from facsim.core import FacsimError
from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import UNWEIGHTED, Estimate, Weighted, Weights, checked, drawn, jackknife, weighted

Gaussians = tuple[Array, Array]  # means [..., d] and covariances [..., d, d]
MOST_PRODUCTS = 300  # columns of the table of products above which covariances are computed draw by draw


def gaussian_frechet(mean_1: Array, covariance_1: Array, mean_2: Array, covariance_2: Array) -> float:
    """Squared Frechet (Wasserstein-2) distance of two Gaussians: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    Source: D. Dowson, B. Landau, The Frechet distance between multivariate normal distributions, J. Multivariate Analysis 12 (1982) 450.

    Examples:
        >>> gaussian_frechet(np.zeros(2), np.eye(2), np.array([3.0, 4.0]), 4 * np.eye(2))
        27.0
    """
    return float(_between((mean_1, covariance_1), (mean_2, covariance_2)))


def _between(first: Gaussians, second: Gaussians) -> Array:
    """The distance of each of the first Gaussians from its partner, [...]."""
    (mean_1, covariance_1), (mean_2, covariance_2) = first, second
    value, vector = np.linalg.eigh(covariance_1)
    root = (vector * np.sqrt(np.maximum(value, 0))[..., None, :]) @ np.swapaxes(vector, -1, -2)
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariance_2 @ root), 0)).sum(-1)
    traces = np.trace(covariance_1 + covariance_2, axis1=-2, axis2=-1)
    return np.asarray(np.square(mean_1 - mean_2).sum(-1) + traces - 2 * cross)


def frechet_distance(x: Array, y: Array, *, weight: Weights = UNWEIGHTED) -> float:
    """Squared Frechet distance of the Gaussians fitted to x [n, d] and y [m, d]; its bias at finite size is not removed.

    Source: M. Heusel et al., GANs trained by a two time-scale update rule, 2017, arXiv:1706.08500.
    """
    x, y = checked(x, y)
    return _distance(weighted(x, weight[0]), weighted(y, weight[1]))


def _distance(x: Weighted, y: Weighted) -> float:
    return float(_between(*(Moments(s.x).of(s.weight[None], s.squares) for s in (x, y)))[0])


def frechet_physics_distance(
    x: Array,
    y: Array,
    *,
    weight: Weights = UNWEIGHTED,
    smallest: int = 20_000,
    largest: int = 50_000,
    sizes: int = 10,
    draws: int = 20,
    seed: int = 42,
) -> Estimate:
    """Frechet physics distance of features x [n, d] (truth) and y [m, d] (candidate), and the error of its fit.

    Features are divided by max|x|; at each of `sizes` sample sizes N, equally spaced in 1/N, the distance is averaged over `draws` pairs of
    samples drawn with replacement; a + b/N with a, b >= 0 is fitted, and a is the result. Weighted events are drawn by the size of their
    weight and keep its sign. The error says nothing of how the samples themselves would scatter: `sampling_error` does.

    Source: R. Kansal et al., On the evaluation of generative models in high energy physics, 2022, arXiv:2211.10295.

    Raises:
        FacsimError: for bad samples, or sizes that do not rise.
    """
    x, y = scaled_to_maximum(x, y)
    if not 2 <= smallest < largest or sizes < 3:
        raise FacsimError("wrong sample sizes", expected="2 <= smallest < largest at 3 or more sizes", got=f"{smallest}, {largest} at {sizes}")
    size = (1 / np.linspace(1 / smallest, 1 / largest, sizes)).astype(np.int32)
    rng = np.random.default_rng(seed)
    of = Moments(x), Moments(y)
    table = [_mean_distance(*of, weight, int(n), draws=draws, rng=rng) for n in size]
    return _intercept(1 / size, np.array(table))


def sampling_error(x: Array, y: Array, *, weight: Weights = UNWEIGHTED, seed: int = 0) -> float:
    """How much the Frechet distance of the features, divided by max|x|, scatters with the samples: a jackknife."""
    x, y = scaled_to_maximum(x, y)
    return jackknife(_distance, weighted(x, weight[0]), weighted(y, weight[1]), seed=seed).error


def scaled_to_maximum(x: Array, y: Array) -> tuple[Array, Array]:
    """Both samples divided by the largest magnitude of each column of the truth (by 1 where that is 0)."""
    x, y = checked(x, y)
    largest = np.abs(x).max(0)
    largest[largest == 0] = 1
    return x / largest, y / largest


class Moments:
    """Means and covariances of x [n, d] for many weightings of its events."""

    def __init__(self, x: Array) -> None:
        self.centre = x.mean(0)
        self.shifted = x - self.centre
        self.upper = np.triu_indices(x.shape[1])
        few = x.shape[1] ** 2 <= MOST_PRODUCTS
        products = [self.shifted[:, self.upper[0]] * self.shifted[:, self.upper[1]]] if few else []
        self.table = np.concatenate([self.shifted, *products], axis=1)  # all sums over events are one matrix product with it

    def of(self, weights: Array, squares: float) -> Gaussians:
        """Mean and unbiased covariance for each row of weights [rows, n]; `squares`: the sum of squared weights, of draws their number."""
        total, d = weights.sum(1), len(self.centre)
        sums = weights @ self.table
        mean = sums[:, :d] / total[:, None]
        second = self._full(sums[:, d:]) if sums.shape[1] > d else np.stack([(self.shifted * w[:, None]).T @ self.shifted for w in weights])
        spread = second - total[:, None, None] * mean[:, :, None] * mean[:, None, :]
        return mean + self.centre, spread / (total - squares / total)[:, None, None]

    def _full(self, upper: Array) -> Array:
        """Symmetric matrices [rows, d, d] from their upper triangles [rows, d (d + 1) / 2]."""
        found = np.empty((len(upper), len(self.centre), len(self.centre)))
        found[:, self.upper[0], self.upper[1]] = found[:, self.upper[1], self.upper[0]] = upper
        return found


def _mean_distance(x: Moments, y: Moments, weight: Weights, size: int, *, draws: int, rng: np.random.Generator) -> float:
    """The distance averaged over pairs of samples of this size drawn with replacement."""
    counts = np.empty((draws, len(x.shifted))), np.empty((draws, len(y.shifted)))
    for i in range(draws):
        for of, w in zip(counts, weight, strict=True):
            of[i] = _counts(of.shape[1], size, rng, w)
    return float(_between(x.of(counts[0], size), y.of(counts[1], size)).mean())


def _counts(n: int, size: int, rng: np.random.Generator, weight: Array | None) -> Array:
    """How often each of n events is drawn (less how often with a negative weight), [n]."""
    rows, sign = drawn(n, size, rng, weight)
    return np.bincount(rows, sign, minlength=n)


def _intercept(inverse: Array, value: Array) -> Estimate:
    """The a of a least-squares fit a + b / N with a, b >= 0, and its error from the scatter about the line."""
    design = np.stack([np.ones_like(inverse), inverse], axis=1)
    found, distance = nnls(design, value)
    covariance = np.linalg.inv(design.T @ design) * distance**2 / (len(value) - 2)
    return Estimate(float(found[0]), float(np.sqrt(covariance[0, 0])))
