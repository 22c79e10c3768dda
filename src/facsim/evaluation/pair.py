"""Two weighted samples of one number, put on common points: what every one-dimensional distance is computed from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import FacsimError

Array = NDArray[Any]
BINS = 50  # bins between the truth's smallest and largest value
EVEN_RANGE = (0.005, 0.995)  # quantiles of the truth between which bins of equal width lie
TAIL_POINTS = 40  # extreme points kept one by one where points are merged
MIDDLE_POINTS = 200


@dataclass(frozen=True)
class Pair:
    """Candidate and truth on common points.

    x: the points, rising, [m]; p, q: the candidate's and the truth's weight on each, [..., m]; p2, q2: their sums of squared weights, [m].
    """

    x: Array
    p: Array
    q: Array
    p2: Array
    q2: Array

    def grouped(self, starts: Array) -> Pair:
        """Neighbouring points merged into groups that begin at these indices (the first is 0); a group's point is its mean."""

        def add(a: Array) -> Array:
            return np.asarray(np.add.reduceat(a, starts, axis=-1))

        mass = self.p2 + self.q2
        return Pair(add(self.x * mass) / add(mass), add(self.p), add(self.q), add(self.p2), add(self.q2))

    def swapped(self) -> Pair:
        """The pair with candidate and truth exchanged."""
        return Pair(self.x, self.q, self.p, self.q2, self.p2)


def pair(candidate: Array, truth: Array, candidate_weight: Array | None = None, truth_weight: Array | None = None) -> Pair:
    """Two samples [n], [m] with optional weights of any sign, on the points where either has an event.

    Raises:
        FacsimError: if a sample is empty, has values that are not finite, or its weights do not add up to more than 0.

    Examples:
        >>> both = pair(np.array([1.0, 2.0, 2.0]), np.array([2.0, 3.0]))
        >>> both.x.tolist(), both.p.tolist(), both.q.tolist()
        ([1.0, 2.0, 3.0], [1.0, 2.0, 0.0], [0.0, 1.0, 1.0])
    """
    weights = [_checked(candidate, candidate_weight, "candidate"), _checked(truth, truth_weight, "truth")]
    values = np.concatenate([candidate, truth]).astype(np.float64)
    order = np.argsort(values)
    ordered = values[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1])
    p = np.concatenate([weights[0], np.zeros(len(truth))])[order]
    q = np.concatenate([np.zeros(len(candidate)), weights[1]])[order]
    p, q, p2, q2 = (np.add.reduceat(a, starts) for a in (p, q, p * p, q * q))
    present = p2 + q2 > 0  # events of weight 0 are no events
    return Pair(ordered[starts][present], p[present], q[present], p2[present], q2[present])


def _checked(values: Array, weight: Array | None, who: str) -> Array:
    """The weights of a sample as float64 [n], ones by default."""
    weight = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not len(values) or weight.sum() <= 0:
        raise FacsimError(f"the {who} sample is empty", expected="events whose weights add up to more than 0", got=f"{len(values)} events")
    if weight.shape != values.shape or not np.isfinite(values).all():
        raise FacsimError(
            f"the {who} sample cannot be compared", expected="finite values [n], weights [n]", got=f"shapes {values.shape}, {weight.shape}"
        )
    return weight


def every_point(both: Pair) -> Pair:
    """The pair as it is, without bins."""
    return both


def quantile_bins(both: Pair, bins: int = BINS) -> Pair:
    """Bins that hold equal parts of the truth, an underflow and an overflow; the candidate has no say in them.

    A value that alone holds more than one part of the truth (the zeros of an often empty layer) has a bin of its own.
    """
    held = np.flatnonzero(both.q2 > 0)
    share = both.q2[held] / both.q2.sum()
    number = ((np.cumsum(share) - share / 2) * bins).astype(np.int64)
    spikes = held[share > 1 / bins]
    edges = np.concatenate([[0], held[:1], held[np.flatnonzero(np.diff(number)) + 1], spikes, spikes + 1, held[-1:] + 1])
    return both.grouped(np.unique(edges[edges < len(both.x)]))


def even_bins(both: Pair, bins: int = BINS) -> Pair:
    """Bins of equal width between two outer quantiles of the truth, an underflow and an overflow; empty bins are kept, x is the middle."""
    share = np.cumsum(both.q2) / both.q2.sum()
    low, high = both.x[np.searchsorted(share, EVEN_RANGE)]
    edges = np.linspace(low, high if high > low else low + max(abs(low), 1.0) * 1e-6, bins + 1)
    number = np.searchsorted(edges, both.x, side="right")
    number[both.x == edges[-1]] = bins  # the last bin holds its upper edge
    step = edges[1] - edges[0]
    p, q, p2, q2 = (np.bincount(number, a, bins + 2) for a in (both.p, both.q, both.p2, both.q2))
    return Pair(edges[0] + (np.arange(bins + 2) - 0.5) * step, p, q, p2, q2)


def tail_bins(both: Pair, share: float) -> Pair:
    """Two bins: not above, and above the truth's quantile of this share."""
    count = np.searchsorted(np.cumsum(both.q2), share * both.q2.sum()) + 1  # points up to the quantile
    p, q, p2, q2 = (np.array([a[:count].sum(), a[count:].sum()]) for a in (both.p, both.q, both.p2, both.q2))
    return Pair(np.array([0.0, 1.0]), p, q, p2, q2)


def merged(both: Pair, middle: int = MIDDLE_POINTS, tail: int = TAIL_POINTS) -> Pair:
    """At most `middle` + 2 `tail` points: the extremes as they are, the others in groups of equal numbers."""
    m = len(both.x)
    if m <= middle + 2 * tail:
        return both
    starts = np.concatenate([np.arange(tail), np.linspace(tail, m - tail, middle, endpoint=False).astype(np.int64), np.arange(m - tail, m)])
    return both.grouped(np.unique(starts))


def redrawn(both: Pair, n: int, rng: np.random.Generator) -> Pair:
    """n bootstrap replicas of the pair: p and q become [n, m].

    Unweighted counts are redrawn from Poisson distributions; sums of weights from normal ones of the same variance, cut at 0 where
    the sum was not negative.
    """
    return replace(both, p=_redraw(both.p, both.p2, n, rng), q=_redraw(both.q, both.q2, n, rng))


def _redraw(weight: Array, square: Array, n: int, rng: np.random.Generator) -> Array:
    if np.array_equal(weight, square):
        drawn = rng.poisson(weight, (n, len(weight))).astype(np.float64)
    else:
        drawn = weight + np.sqrt(square) * rng.standard_normal((n, len(weight)))
        drawn = np.where(weight >= 0, np.maximum(drawn, 0), drawn)
    return np.where(drawn.sum(1, keepdims=True) > 0, drawn, weight)
