"""Precision, recall, density and coverage: who lies within the neighbourhoods of whom."""

from __future__ import annotations

import math

import numpy as np
from sklearn.neighbors import NearestNeighbors

from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import Estimate, checked, mean_with_error, squared_distances, standardised

NEIGHBOURS = 5


def precision_recall_density_coverage(
    x: Array, y: Array, *, k: int = NEIGHBOURS, standardise: bool = True, weight: Array | None = None
) -> dict[str, Estimate]:
    """Four numbers from balls round each event that reach its k-th neighbour in its own sample, in units of the truth's spread
    unless `standardise` is false.

    precision: fraction of candidate events y [m, d] within some ball of the truth x [n, d]; recall: fraction of truth within some ball of the
    candidate; density: mean number of truth balls round a candidate event, over k (1 for equal samples); coverage: fraction of truth balls
    that hold a candidate event (1 - 2^-k for equal samples). Errors are those of the means, the balls held fixed.

    With weights of the candidate [m] there are precision and density alone, which are means over its events; recall and coverage ask how near
    the nearest of its events are, which no weight can change.

    Source: T. Kynkaanniemi et al., Improved precision and recall metric, 2019, arXiv:1904.06991; M. Naeem et al., Reliable fidelity and
    diversity metrics for generative models, 2020, arXiv:2002.09797.

    Raises:
        FacsimError: for bad samples, fewer than k + 1 events, or constant columns.
    """
    x, y = (standardised if standardise else checked)(x, y, k + 1)
    of_x, of_y = neighbour_distance(x, k), neighbour_distance(y, k)
    near_x, recalled, covered = np.zeros(len(y)), [], []
    for start, squared in zip(range(0, len(x), 1024), squared_distances(x, y, 1024), strict=True):
        own = of_x[start : start + len(squared), None]
        near_x += (squared <= own).sum(0)
        recalled.append((squared <= of_y).any(1))
        covered.append(squared.min(1) <= own[:, 0])
    of_candidate, of_truth = (
        {"precision": near_x > 0, "density": near_x / k},
        {"recall": np.concatenate(recalled), "coverage": np.concatenate(covered)},
    )
    found = {name: mean_with_error(values, weight) for name, values in of_candidate.items()}
    return found if weight is not None else found | {name: mean_with_error(values) for name, values in of_truth.items()}


def neighbour_distance(x: Array, k: int) -> Array:
    """Squared distance of every event of x [n, d] to its k-th nearest other event, [n]."""
    distance, _ = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()
    return np.asarray(np.square(distance[:, -1]))


def expected_coverage(n: int, m: int, k: int = NEIGHBOURS) -> float:
    """Coverage of equal distributions, n truth and m candidate events: 1 - (n-1)...(n-k) / ((n+m-1)...(n+m-k)).

    Source: M. Naeem et al., 2020, arXiv:2002.09797 (lemma 2).

    Examples:
        >>> round(expected_coverage(10**6, 10**6), 4)
        0.9688
    """
    return 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))
