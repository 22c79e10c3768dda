"""Sliced Wasserstein distance."""

from __future__ import annotations

import numpy as np
from scipy.stats import wasserstein_distance

from facsim.core import stream
from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import Estimate, jackknife, standardised


def sliced_wasserstein(x: Array, y: Array, *, directions: int = 100, seed: int = 0) -> Estimate:
    """Wasserstein-1 distance of the projections on random directions, averaged, in units of the truth's spread.

    It is positive between equal samples, falling as 1 / sqrt n: read it beside its floor.

    Source: N. Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, J. Math. Imaging and Vision 51 (2015) 22.

    Raises:
        FacsimError: for bad samples or constant columns.
    """
    x, y = standardised(x, y, fewest=20)
    direction = stream(seed, "directions").standard_normal((x.shape[1], directions))
    direction /= np.linalg.norm(direction, axis=0)
    return jackknife(mean_wasserstein, x @ direction, y @ direction, seed=seed)


def mean_wasserstein(x: Array, y: Array) -> float:
    """Wasserstein-1 distance of each column of x [n, p] and y [m, p], averaged over the columns."""
    if len(x) == len(y):
        return float(np.abs(np.sort(x, axis=0) - np.sort(y, axis=0)).mean())
    return float(np.mean([wasserstein_distance(a, b) for a, b in zip(x.T, y.T, strict=True)]))
