"""Sliced Wasserstein distance."""

from __future__ import annotations

import numpy as np

from facsim.core import stream
from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import UNWEIGHTED, Estimate, Weighted, Weights, jackknife, standardised, weighted


def sliced_wasserstein(x: Array, y: Array, *, weight: Weights = UNWEIGHTED, directions: int = 100, seed: int = 0) -> Estimate:
    """Wasserstein-1 distance of the projections on random directions, averaged, in units of the truth's spread.

    It is positive between equal samples, falling as 1 / sqrt n: read it beside its floor.

    Source: N. Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, J. Math. Imaging and Vision 51 (2015) 22.

    Raises:
        FacsimError: for bad samples or constant columns.
    """
    x, y = standardised(x, y, 20, weight[0])
    direction = stream(seed, "directions").standard_normal((x.shape[1], directions))
    direction /= np.linalg.norm(direction, axis=0)
    if all(w is None for w in weight) and len(x) == len(y):
        return jackknife(mean_wasserstein, x @ direction, y @ direction, seed=seed)
    return jackknife(weighted_wasserstein, weighted(x @ direction, weight[0]), weighted(y @ direction, weight[1]), seed=seed)


def mean_wasserstein(x: Array, y: Array) -> float:
    """Wasserstein-1 distance of each column of x [n, p] and y [m, p], averaged over the columns."""
    if len(x) == len(y):
        return float(np.abs(np.sort(x, axis=0) - np.sort(y, axis=0)).mean())
    return weighted_wasserstein(weighted(x, None), weighted(y, None))


def weighted_wasserstein(x: Weighted, y: Weighted) -> float:
    """The same for events with weights: the integral of the difference of the two cumulated shares, averaged over the columns."""
    values = np.concatenate([x.x, y.x])
    mass = np.concatenate([x.weight / x.total, -y.weight / y.total])
    order = np.argsort(values, axis=0)
    gap = np.abs(np.cumsum(mass[order], axis=0))[:-1]
    return float((gap * np.diff(np.take_along_axis(values, order, axis=0), axis=0)).sum(0).mean())
