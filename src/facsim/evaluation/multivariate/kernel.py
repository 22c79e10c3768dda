"""Maximum mean discrepancy: with a polynomial kernel (kernel physics distance), and with a Gaussian one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from facsim.core.events import Array
from facsim.evaluation.multivariate.frechet import scaled_to_maximum
from facsim.evaluation.multivariate.samples import (
    CHUNK,
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
    draws = []
    for rng in (np.random.default_rng(seed + 1000 * i) for i in range(batches)):
        draws.append(tuple(_draw(len(s), batch_size, rng, w) for s, w in zip((x, y), weight, strict=True)))
    values = _discrepancies(x, y, draws)
    low, high = np.percentile(values, (16.275, 83.725))
    return Estimate(float(np.median(values)), float(high - low) / 2)


def polynomial_mmd(x: Array, y: Array, *, weight: Weights = UNWEIGHTED) -> float:
    """Unbiased squared maximum mean discrepancy of x [n, d] and y [m, d] with the kernel (x.y / d + 1)^4.

    Source: A. Gretton et al., A kernel two-sample test, JMLR 13 (2012) 723.
    """
    whole = [Draw(np.arange(len(s)), weighted(s, w).weight) for s, w in zip((x, y), weight, strict=True)]
    return float(_discrepancies(x, y, [(whole[0], whole[1])])[0])


class Draw(NamedTuple):
    """Events that take part, by their rows [size], and the weight of each."""

    rows: Array
    weight: Array


Draws = Sequence[tuple[Draw, ...]]  # of truth and candidate, for each batch


def _draw(n: int, size: int, rng: np.random.Generator, weight: Array | None) -> Draw:
    rows, sign = drawn(n, size, rng, weight)
    return Draw(rows, np.ones(size) if sign is None else sign)


def _discrepancies(x: Array, y: Array, draws: Draws) -> Array:
    """For each batch; with few columns the kernel is a scalar product of products, so that pairs need not be visited."""
    few = math.comb(x.shape[1] + 2, 2) <= MOST_PRODUCTS
    sums = (_by_products if few else _by_pairs)(x, y, draws)
    diagonals = _diagonal(x), _diagonal(y)
    return np.array([_unbiased(s, pair, diagonals) for s, pair in zip(sums, draws, strict=True)])


def _unbiased(sums: Array, pair: tuple[Draw, ...], diagonals: tuple[Array, Array]) -> float:
    """From sums over all pairs of truth, of candidate and of both: the means over pairs of different events."""
    (a, total_a), (b, total_b) = ((float(np.square(d.weight).sum()), float(d.weight.sum())) for d in pair)
    own = [float(np.square(d.weight) @ diagonal[d.rows]) for d, diagonal in zip(pair, diagonals, strict=True)]
    return float((sums[0] - own[0]) / (total_a**2 - a) + (sums[1] - own[1]) / (total_b**2 - b) - 2 * sums[2] / (total_a * total_b))


def _by_products(x: Array, y: Array, draws: Draws) -> Array:
    """(f(x).f(y))^2 summed over pairs is the scalar product of the two sums of f f^T, each one matrix product, [batches, 3]."""

    def moments(s: Array, draw: Draw) -> Array:
        f = products(s[draw.rows])
        return np.asarray((f * draw.weight[:, None]).T @ f)

    both = ((moments(x, a), moments(y, b)) for a, b in draws)
    return np.array([(np.vdot(a, a), np.vdot(b, b), np.vdot(a, b)) for a, b in both])


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


def _by_pairs(x: Array, y: Array, draws: Draws) -> Array:
    """Sums over pairs, [batches, 3]: for all batches at once if together they visit more pairs than there are."""
    size = max(len(d.rows) for pair in draws for d in pair)
    if len(draws) > 1 and max(len(x), len(y)) ** 2 > len(draws) * size**2:
        return np.concatenate([_by_pairs(x, y, [pair]) for pair in draws])
    in_x, in_y = (np.array([np.bincount(pair[i].rows, pair[i].weight, len(s)) for pair in draws]) for i, s in enumerate((x, y)))
    (x, in_x), (y, in_y) = ((s[c.any(0)], c[:, c.any(0)]) for s, c in ((x, in_x), (y, in_y)))
    return np.stack([_kernel_sums(x, x, in_x, in_x), _kernel_sums(y, y, in_y, in_y), _kernel_sums(x, y, in_x, in_y)], axis=1)


def _kernel_sums(x: Array, y: Array, in_x: Array, in_y: Array) -> Array:
    """Sum of weight, weight and kernel over all pairs, for each row of weights [batches, n] and [batches, m]."""
    scaled, found = y.T / x.shape[1], np.zeros(len(in_x))
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        found += ((in_x[:, part] @ _to_the_fourth(x[part] @ scaled)) * in_y).sum(1)
    return found


def _to_the_fourth(product: Array) -> Array:
    """(product + 1)^4, in place."""
    product += 1
    np.square(product, out=product)
    return np.square(product, out=product)


def _diagonal(x: Array) -> Array:
    """The kernel of every event with itself, [n]."""
    return np.asarray((np.square(x).sum(1) / x.shape[1] + 1) ** DEGREE)


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
