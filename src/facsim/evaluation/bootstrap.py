"""Statistical errors of distances by the bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from facsim.core import look_up
from facsim.evaluation.distances import DISTANCES
from facsim.evaluation.pair import Array, Pair, every_point, merged, pair, redrawn

REPLICAS = 60  # the error itself is then known to 9 %


class Score(NamedTuple):
    """A value and its statistical error."""

    value: float
    error: float


def scores(
    names: Iterable[str],
    candidate: Array,
    truth: Array,
    rng: np.random.Generator,
    *,
    candidate_weight: Array | None = None,
    truth_weight: Array | None = None,
    replicas: int = REPLICAS,
) -> dict[str, Score]:
    """Several distances between two samples [n], [m] of one number, each with its error.

    The values are exact. For the errors both samples are resampled as Poisson counts on each measure's bins, or, where it has none, on at
    most 280 points into which neighbouring values are merged (the extremes stay alone); the error is the standard deviation of the replicas.

    Raises:
        FacsimError: as `distance` does.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> found = scores(["mean_shift"], rng.normal(0.5, 1, 10_000), rng.normal(0, 1, 10_000), rng)["mean_shift"]
        >>> round(found.value, 1), round(found.error, 2)
        (0.5, 0.01)
    """
    both = pair(candidate, truth, candidate_weight, truth_weight)
    drawn: dict[Callable[[Pair], Pair], Pair] = {}
    found = {}
    for measure in (look_up(DISTANCES, name, "distance") for name in names):
        binned = measure.bins(both)
        if measure.grid not in drawn:
            drawn[measure.grid] = redrawn(merged(binned) if measure.grid is every_point else binned, replicas, rng)
        found[measure.name] = Score(float(measure.of(binned)), float(measure.of(drawn[measure.grid]).std(ddof=1)))
    return found


def poisson_weights(n: int, replicas: int, rng: np.random.Generator) -> Array:
    """Weights of n events in the sample itself (first row, ones) and in its bootstrap replicas: float64 [replicas + 1, n]."""
    return np.concatenate([np.ones((1, n)), rng.poisson(1.0, (replicas, n))])
