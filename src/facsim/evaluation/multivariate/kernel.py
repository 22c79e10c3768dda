"""Maximum mean discrepancy: with a polynomial kernel (kernel physics distance), and with a Gaussian one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np

from facsim.core.events import Array
from facsim.evaluation.multivariate.frechet import scaled_to_maximum
from facsim.evaluation.multivariate.samples import Estimate, over_blocks, squared_distances, standardised

DEGREE = 4
MOST_MONOMIALS = 3_000


def kernel_physics_distance(x: Array, y: Array, *, batches: int = 10, batch_size: int = 5_000, seed: int = 42) -> Estimate:
    """Kernel physics distance of features x [n, d] (truth) and y [m, d] (candidate): a median and half the central 67.45%.

    Features are divided by max|x|; every batch draws with replacement, from a generator of its own, and gives the unbiased squared maximum
    mean discrepancy with the kernel (x.y / d + 1)^4.

    Source: R. Kansal et al., On the evaluation of generative models in high energy physics, 2022, arXiv:2211.10295.

    Raises:
        FacsimError: for bad samples.
    """
    x, y = scaled_to_maximum(x, y)
    counts = [np.stack(c) for c in zip(*(_batch(len(x), len(y), batch_size, seed + 1000 * i) for i in range(batches)), strict=True)]
    values = _polynomial(x, y, counts[0], counts[1])
    low, high = np.percentile(values, (16.275, 83.725))
    return Estimate(float(np.median(values)), float(high - low) / 2)


def polynomial_mmd(x: Array, y: Array) -> float:
    """Unbiased squared maximum mean discrepancy of x [n, d] and y [m, d] with the kernel (x.y / d + 1)^4.

    Source: A. Gretton et al., A kernel two-sample test, JMLR 13 (2012) 723.
    """
    return float(_polynomial(x, y, np.ones((1, len(x))), np.ones((1, len(y))))[0])


def _polynomial(x: Array, y: Array, in_x: Array, in_y: Array) -> Array:
    """The discrepancy for each row of counts, [batches, n] and [batches, m]: how often each event takes part.

    With few columns the kernel is a scalar product of monomials, so that pairs need not be visited.
    """
    few = math.comb(x.shape[1] + DEGREE, DEGREE) <= MOST_MONOMIALS
    xx, yy, xy = (_by_monomials if few else _by_pairs)(x, y, in_x, in_y)
    diagonals, sizes = (in_x @ _diagonal(x), in_y @ _diagonal(y)), (in_x.sum(1), in_y.sum(1))
    return _unbiased(xx, yy, xy, diagonals=diagonals, sizes=sizes)


def _by_monomials(x: Array, y: Array, in_x: Array, in_y: Array) -> tuple[Array, Array, Array]:
    u, v = (np.sum([c @ monomials(p) for p, c in _chunks(s, counts)], axis=0) for s, counts in ((x, in_x), (y, in_y)))
    return np.square(u).sum(1), np.square(v).sum(1), (u * v).sum(1)


def _by_pairs(x: Array, y: Array, in_x: Array, in_y: Array) -> tuple[Array, Array, Array]:
    sums = [[_kernel_sum(x, x, c, c), _kernel_sum(y, y, d, d), _kernel_sum(x, y, c, d)] for c, d in zip(in_x, in_y, strict=True)]
    xx, yy, xy = np.array(sums).T
    return xx, yy, xy


def monomials(x: Array) -> Array:
    """The map f with f(x).f(y) = (x.y / d + 1)^4: all products of four of (1, x / sqrt d), [n, (d + 4 choose 4)].

    Examples:
        >>> f = monomials(np.array([[1.0, 2.0], [0.5, -1.0]]))
        >>> f.shape, bool(np.isclose(f[0] @ f[1], ((0.5 - 2) / 2 + 1) ** 4))
        ((2, 15), True)
    """
    u = np.concatenate([np.ones((len(x), 1)), x / math.sqrt(x.shape[1])], axis=1)
    choices = list(combinations_with_replacement(range(u.shape[1]), DEGREE))
    weight = np.sqrt([_arrangements(c) for c in choices])
    return np.asarray(np.prod([u[:, [c[i] for c in choices]] for i in range(DEGREE)], axis=0) * weight)


def gaussian_mmd(x: Array, y: Array, *, bandwidth: float | None = None, blocks: int = 10, seed: int = 0) -> Estimate:
    """Unbiased squared maximum mean discrepancy with exp(-|x-y|^2 / 2 h^2) in units of the truth's spread, over disjoint blocks.

    `bandwidth` h defaults to the square root of the number of columns: the size of typical distances, the same for every candidate.

    Source: A. Gretton et al., A kernel two-sample test, JMLR 13 (2012) 723.

    Raises:
        FacsimError: for bad samples or constant columns.
    """
    x, y = standardised(x, y, fewest=2 * blocks)
    h = math.sqrt(x.shape[1]) if bandwidth is None else bandwidth
    return over_blocks(lambda a, b: _gaussian(a, b, h), x, y, blocks=blocks, seed=seed)


def _gaussian(x: Array, y: Array, h: float) -> float:
    sizes = np.array(len(x)), np.array(len(y))
    xx, yy, xy = (np.sum([np.exp(s / (-2 * h * h)).sum() for s in squared_distances(a, b)]) for a, b in ((x, x), (y, y), (x, y)))
    return float(_unbiased(xx, yy, xy, diagonals=sizes, sizes=sizes))


def _unbiased(xx: Array, yy: Array, xy: Array, *, diagonals: tuple[Array, Array], sizes: tuple[Array, Array]) -> Array:
    (n, m), (of_x, of_y) = sizes, diagonals
    return np.asarray((xx - of_x) / (n * (n - 1)) + (yy - of_y) / (m * (m - 1)) - 2 * xy / (n * m))


def _kernel_sum(x: Array, y: Array, in_x: Array, in_y: Array) -> float:
    """Sum of count, count and kernel over all pairs, for events that take part."""
    (x, in_x), (y, in_y) = ((s[c > 0], c[c > 0]) for s, c in ((x, in_x), (y, in_y)))
    d = x.shape[1]
    return float(sum(c @ np.square(np.square(p @ y.T / d + 1)) @ in_y for p, c in _chunks(x, in_x)))


def _diagonal(x: Array) -> Array:
    return np.asarray((np.square(x).sum(1) / x.shape[1] + 1) ** DEGREE)


def _chunks(x: Array, counts: Array) -> Iterator[tuple[Array, Array]]:
    """Rows of x with their columns of counts, a thousand at a time."""
    for start in range(0, len(x), 1000):
        part = slice(start, start + 1000)
        yield x[part], counts[..., part]


def _batch(n: int, m: int, size: int, seed: int) -> tuple[Array, Array]:
    """How often each of n and m events is drawn."""
    rng = np.random.default_rng(seed)
    first, second = (np.bincount(rng.choice(of, size=size), minlength=of) for of in (n, m))
    return first.astype(np.float64), second.astype(np.float64)


def _arrangements(choice: tuple[int, ...]) -> float:
    """Number of orders of a multiset."""
    return math.factorial(len(choice)) / math.prod(math.factorial(n) for n in Counter(choice).values())
