"""What all multivariate distances share: checked input, a common scale, a value with its error, errors from blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeVar

import numpy as np

from facsim.core import FacsimError, stream
from facsim.core.events import Array

CHUNK = 1024  # rows of a distance matrix held at once


Weights = tuple[Array | None, Array | None]  # of truth [n] and candidate [m], of any sign
UNWEIGHTED: Weights = (None, None)


class Estimate(NamedTuple):
    """A measured number and its standard error."""

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class Weighted:
    """Events x [n, d] with their weights [n]."""

    x: Array
    weight: Array

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: Array) -> Self:
        return type(self)(self.x[rows], self.weight[rows])

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return float(self.weight.sum())

    @property
    def squares(self) -> float:
        """Sum of the squared weights: what pairs of an event with itself weigh."""
        return float(np.square(self.weight).sum())


def weighted(x: Array, weight: Array | None) -> Weighted:
    """Events with weights, which are 1 by default."""
    return Weighted(x, np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64))


def drawn(n: int, size: int, rng: np.random.Generator, weight: Array | None = None) -> tuple[Array, Array | None]:
    """`size` of n events drawn with replacement, [size], in proportion to the size of their weights; and the signs of these, if there are weights."""
    if weight is None:
        return rng.choice(n, size=size), None
    rows = rng.choice(n, size=size, p=np.abs(weight) / np.abs(weight).sum(dtype=np.float64))
    return rows, np.sign(weight[rows])


def unbiased(xx: float, yy: float, xy: float, x: Weighted, y: Weighted) -> float:
    """Mean over pairs of different events of x, plus that of y, minus twice the mean over pairs of both; given as weighted sums over these."""
    return xx / (x.total**2 - x.squares) + yy / (y.total**2 - y.squares) - 2 * xy / (x.total * y.total)


def mean_with_error(values: Array, weight: Array | None = None) -> Estimate:
    """Weighted mean of numbers [n] and its error; of true and false values that of half an event more of either, so that it is never 0.

    Examples:
        >>> mean_with_error(np.array([True, True, True, True]))
        Estimate(value=1.0, error=0.15)
    """
    share = np.full(len(values), 1 / len(values)) if weight is None else weight / weight.sum()
    mean, per_event = float(np.average(values, weights=weight)), float(np.square(share).sum())
    if values.dtype == np.bool_:
        smooth = min(max((mean + per_event / 2) / (1 + per_event), 0.0), 1.0)
        return Estimate(mean, math.sqrt(smooth * (1 - smooth) * per_event))
    return Estimate(mean, math.sqrt(float(np.square(share) @ np.square(values - mean))))


def checked(x: Array, y: Array, fewest: int = 2) -> tuple[Array, Array]:
    """Truth x [n, d] and candidate y [m, d] as float64.

    Raises:
        FacsimError: if the columns differ, a sample has fewer than `fewest` events, or a value is not finite.
    """
    x, y = (np.asarray(a, dtype=np.float64) for a in (x, y))
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or not x.shape[1]:
        raise FacsimError("the two samples do not have the same columns", expected="[n, d] and [m, d]", got=f"{list(x.shape)} and {list(y.shape)}")
    if min(len(x), len(y)) < fewest:
        raise FacsimError("too few events", expected=f"{fewest} or more in each sample", got=f"{len(x)} and {len(y)}", remedy="pass more events")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise FacsimError("a sample has values that are not finite", expected="finite numbers", got="NaN or infinity", remedy="remove these events")
    return x, y


def standardised(x: Array, y: Array, fewest: int = 2, weight: Array | None = None) -> tuple[Array, Array]:
    """Both samples in units of the truth's standard deviation, column by column, centred on the truth's mean; `weight` is the truth's.

    Raises:
        FacsimError: as `checked`, and if a column of the truth is constant.
    """
    x, y = checked(x, y, fewest)
    constant = np.flatnonzero(~varying(x))
    if len(constant):
        raise FacsimError(f"column {constant[0]} of the truth is constant", expected="columns that vary", remedy="leave constant columns out")
    mean, spread = _mean_and_spread(x, weight)
    return (x - mean) / spread, (y - mean) / spread


def _mean_and_spread(x: Array, weight: Array | None) -> tuple[Array, Array]:
    """Of every column; unweighted spreads where negative weights leave none."""
    if weight is None:
        return x.mean(0), x.std(0)
    mean = np.average(x, axis=0, weights=weight)
    variance = np.average(np.square(x - mean), axis=0, weights=weight)
    return mean, np.sqrt(np.where(variance > 0, variance, x.var(0)))


def varying(x: Array) -> Array:
    """Which columns of x [n, d] are not constant, [d]."""
    return np.asarray(np.ptp(x, axis=0) > 1e-9 * np.abs(x).max(0))


S = TypeVar("S", Array, Weighted)


def parts(x: S, number: int, seed: int, name: str = "parts") -> list[S]:
    """The rows of x in `number` disjoint random parts of equal size (within one), whatever the order of the events."""
    return [x[np.sort(index)] for index in np.array_split(stream(seed, name).permutation(len(x)), number)]


def over_blocks(statistic: Callable[[S, S], float], x: S, y: S, *, blocks: int = 10, seed: int = 0) -> Estimate:
    """Mean of an unbiased statistic over disjoint random blocks of both samples, and the error of that mean."""
    of_x, of_y = parts(x, blocks, seed, "blocks of truth"), parts(y, blocks, seed, "blocks of candidate")
    values = [statistic(a, b) for a, b in zip(of_x, of_y, strict=True)]
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(blocks)))


def jackknife(statistic: Callable[[S, S], float], x: S, y: S, *, blocks: int = 10, seed: int = 0) -> Estimate:
    """A statistic of the whole samples, and its error from leaving out one random block of both samples after the other.

    Source: B. Efron, C. Stein, The jackknife estimate of variance, Annals of Statistics 9 (1981) 586.
    """
    return jackknife_each(lambda a, b: [statistic(a, b)], x, y, blocks=blocks, seed=seed)[0]


def jackknife_each(statistics: Callable[[S, S], Sequence[float]], x: S, y: S, *, blocks: int = 10, seed: int = 0) -> list[Estimate]:
    """As `jackknife`, for several statistics that one function gives."""
    belongs = [stream(seed, "blocks", i).permutation(len(s)) % blocks for i, s in enumerate((x, y))]
    values = np.array([statistics(x[belongs[0] != b], y[belongs[1] != b]) for b in range(blocks)])
    error = np.sqrt((blocks - 1) * values.var(0))
    return [Estimate(float(v), float(e)) for v, e in zip(statistics(x, y), error, strict=True)]


def squared_distances(x: Array, y: Array, chunk: int = CHUNK) -> Iterator[Array]:
    """Squared Euclidean distances of x [n, d] to y [m, d], in blocks [<= chunk, m] of rows of x."""
    length = np.square(y).sum(1)
    for part in np.split(x, range(chunk, len(x), chunk)):
        squared = part @ y.T
        squared *= -2
        squared += np.square(part).sum(1)[:, None]
        squared += length
        yield np.maximum(squared, 0, out=squared)


def pair_sum(kernel: Callable[[Array], Array], x: Weighted, y: Weighted) -> float:
    """Sum over all pairs of weight, weight and a function of the squared distance."""
    weights = np.split(x.weight, range(CHUNK, len(x), CHUNK))
    return float(sum(w @ (kernel(s) @ y.weight) for w, s in zip(weights, squared_distances(x.x, y.x), strict=True)))
