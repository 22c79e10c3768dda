"""What all multivariate distances share: checked input, a common scale, a value with its error, errors from blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from facsim.core import FacsimError, stream
from facsim.core.events import Array

CHUNK = 1024  # rows of a distance matrix held at once


class Estimate(NamedTuple):
    """A measured number and its standard error."""

    value: float
    error: float


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


def standardised(x: Array, y: Array, fewest: int = 2) -> tuple[Array, Array]:
    """Both samples in units of the truth's standard deviation, column by column, centred on the truth's mean.

    Raises:
        FacsimError: as `checked`, and if a column of the truth is constant.
    """
    x, y = checked(x, y, fewest)
    mean, spread = x.mean(0), x.std(0)
    constant = np.flatnonzero(~varying(x))
    if len(constant):
        raise FacsimError(f"column {constant[0]} of the truth is constant", expected="columns that vary", remedy="leave constant columns out")
    return (x - mean) / spread, (y - mean) / spread


def varying(x: Array) -> Array:
    """Which columns of x [n, d] are not constant, [d]."""
    return np.asarray(np.ptp(x, axis=0) > 1e-9 * np.abs(x).max(0))


def parts(x: Array, number: int, seed: int, name: str = "parts") -> list[Array]:
    """The rows of x in `number` disjoint random parts of equal size (within one), whatever the order of the events."""
    return [x[np.sort(index)] for index in np.array_split(stream(seed, name).permutation(len(x)), number)]


def over_blocks(statistic: Callable[[Array, Array], float], x: Array, y: Array, *, blocks: int = 10, seed: int = 0) -> Estimate:
    """Mean of an unbiased statistic over disjoint random blocks of both samples, and the error of that mean."""
    of_x, of_y = parts(x, blocks, seed, "blocks of truth"), parts(y, blocks, seed, "blocks of candidate")
    values = [statistic(a, b) for a, b in zip(of_x, of_y, strict=True)]
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(blocks)))


def jackknife(statistic: Callable[[Array, Array], float], x: Array, y: Array, *, blocks: int = 10, seed: int = 0) -> Estimate:
    """A statistic of the whole samples, and its error from leaving out one random block of both samples after the other.

    Source: B. Efron, C. Stein, The jackknife estimate of variance, Annals of Statistics 9 (1981) 586.
    """
    return jackknife_each(lambda a, b: [statistic(a, b)], x, y, blocks=blocks, seed=seed)[0]


def jackknife_each(statistics: Callable[[Array, Array], Sequence[float]], x: Array, y: Array, *, blocks: int = 10, seed: int = 0) -> list[Estimate]:
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
