"""Maximum mean discrepancy: with a polynomial kernel (kernel physics distance), and with a Gaussian one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from facsim.core.events import Array
from facsim.evaluation.multivariate.frechet import scaled_to_maximum
from facsim.evaluation.multivariate.samples import (
    UNWEIGHTED,
    Estimate,
    Weighted,
    Weights,
    drawn,
    over_blocks,
    pair_sum,
    standardised,
    unbiased,
    weighted,
)

DEGREE = 4
MOST_PRODUCTS = 300  # products of two of (1, x) up to which their second moments are cheaper than pairs of events


def kernel_physics_distance(
    x: Array, y: Array, *, weight: Weights = UNWEIGHTED, batches: int = 10, batch_size: int = 5_000, seed: int = 42
) -> Estimate:
    """Kernel physics distance of features x [n, d] (truth) and y [m, d] (candidate): a median and half the central 67.45%.

    Features are divided by max|x|; every batch draws with replacement, from a generator of its own, and gives the unbiased squared maximum
    mean discrepancy with the kernel (x.y / d + 1)^4. Weighted events are drawn by the size of their weight and keep its sign.

    Source: R. Kansal et al., On the evaluation of generative models in high energy physics, 2022, arXiv:2211.10295.

    Raises:
        FacsimError: for bad samples.
    """
    x, y = scaled_to_maximum(x, y)
    streams = [np.random.default_rng(seed + 1000 * i) for i in range(batches)]
    values = [_discrepancy(*(_batch(s, batch_size, rng, w) for s, w in zip((x, y), weight, strict=True))) for rng in streams]
    low, high = np.percentile(values, (16.275, 83.725))
    return Estimate(float(np.median(values)), float(high - low) / 2)


def polynomial_mmd(x: Array, y: Array, *, weight: Weights = UNWEIGHTED) -> float:
    """Unbiased squared maximum mean discrepancy of x [n, d] and y [m, d] with the kernel (x.y / d + 1)^4.

    Source: A. Gretton et al., A kernel two-sample test, JMLR 13 (2012) 723.
    """
    return _discrepancy(weighted(x, weight[0]), weighted(y, weight[1]))


def _batch(x: Array, size: int, rng: np.random.Generator, weight: Array | None) -> Weighted:
    """Events drawn with replacement; their weights are signs."""
    rows, sign = drawn(len(x), size, rng, weight)
    return weighted(x[rows], sign)


def _discrepancy(x: Weighted, y: Weighted) -> float:
    """With few columns the kernel is a scalar product of products, so that pairs need not be visited."""
    few = math.comb(x.x.shape[1] + 2, 2) <= MOST_PRODUCTS
    xx, yy, xy = (_by_products if few else _by_pairs)(x, y)
    return unbiased(xx - _diagonal(x), yy - _diagonal(y), xy, x, y)


def _by_products(x: Weighted, y: Weighted) -> tuple[float, float, float]:
    """(f(x).f(y))^2 summed over pairs is the scalar product of the two sums of f f^T, each one matrix product."""
    a, b = (sum(((p := products(part.x)) * part.weight[:, None]).T @ p for part in _chunks(s)) for s in (x, y))
    return float(np.vdot(a, a)), float(np.vdot(b, b)), float(np.vdot(a, b))


def products(x: Array) -> Array:
    """The map f with f(x).f(y) = (x.y / d + 1)^2: the products of any two of (1, x / sqrt d), [n, (d + 1) (d + 2) / 2].

    Examples:
        >>> f = products(np.array([[1.0, 2.0], [0.5, -1.0]]))
        >>> f.shape, bool(np.isclose(f[0] @ f[1], ((0.5 - 2) / 2 + 1) ** 2))
        ((2, 6), True)
    """
    d = x.shape[1]
    u = np.concatenate([np.ones((len(x), 1)), x / math.sqrt(d)], axis=1)
    first, second = np.triu_indices(d + 1)
    return np.asarray(u[:, first] * u[:, second] * np.where(first == second, 1.0, math.sqrt(2)))


def _by_pairs(x: Weighted, y: Weighted) -> tuple[float, float, float]:
    return _own_sum(x), _own_sum(y), _kernel_sum(x, y)


def _own_sum(x: Weighted) -> float:
    """Sum of weight, weight and kernel over all pairs of a sample: each pair of two chunks is visited once."""
    chunks = list(_chunks(x))
    return sum(_kernel_sum(a, a) + 2 * sum(_kernel_sum(a, b) for b in chunks[i + 1 :]) for i, a in enumerate(chunks))


def _kernel_sum(x: Weighted, y: Weighted) -> float:
    """Sum of weight, weight and kernel over all pairs of two samples."""
    scaled = y.x.T / x.x.shape[1]
    return float(sum(part.weight @ (_to_the_fourth(part.x @ scaled) @ y.weight) for part in _chunks(x)))


def _to_the_fourth(product: Array) -> Array:
    """(product + 1)^4, in place."""
    product += 1
    np.square(product, out=product)
    return np.square(product, out=product)


def _diagonal(x: Weighted) -> float:
    """What pairs of an event with itself add to the sum."""
    return float(np.square(x.weight) @ (np.square(x.x).sum(1) / x.x.shape[1] + 1) ** DEGREE)


def _chunks(x: Weighted) -> Iterator[Weighted]:
    """A thousand events at a time."""
    for start in range(0, len(x), 1000):
        yield x[np.arange(start, min(start + 1000, len(x)))]


def gaussian_mmd(x: Array, y: Array, *, weight: Weights = UNWEIGHTED, bandwidth: float | None = None, blocks: int = 10, seed: int = 0) -> Estimate:
    """Unbiased squared maximum mean discrepancy with exp(-|x-y|^2 / 2 h^2) in units of the truth's spread, over disjoint blocks.

    `bandwidth` h defaults to the square root of the number of columns: the size of typical distances, the same for every candidate.

    Source: A. Gretton et al., A kernel two-sample test, JMLR 13 (2012) 723.

    Raises:
        FacsimError: for bad samples or constant columns.
    """
    x, y = standardised(x, y, 2 * blocks, weight[0])
    h = math.sqrt(x.shape[1]) if bandwidth is None else bandwidth
    both = weighted(x, weight[0]), weighted(y, weight[1])
    return over_blocks(lambda a, b: _gaussian(a, b, h), *both, blocks=blocks, seed=seed)


def _gaussian(x: Weighted, y: Weighted, h: float) -> float:
    def kernel(squared: Array) -> Array:
        squared /= -2 * h * h
        return np.exp(squared, out=squared)

    xx, yy, xy = (pair_sum(kernel, *pair) for pair in ((x, x), (y, y), (x, y)))
    return unbiased(xx - x.squares, yy - y.squares, xy, x, y)
