"""Energy distance."""

from __future__ import annotations

import numpy as np

from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import Estimate, over_blocks, squared_distances, standardised


def energy_distance(x: Array, y: Array, *, blocks: int = 10, seed: int = 0) -> Estimate:
    """Energy distance 2 E|X-Y| - E|X-X'| - E|Y-Y'| in units of the truth's spread, unbiased, over disjoint blocks.

    Source: G. Szekely, M. Rizzo, Energy statistics: a class of statistics based on distances, J. Stat. Plan. Inference 143 (2013) 1249.

    Raises:
        FacsimError: for bad samples or constant columns.
    """
    return over_blocks(plain_energy_distance, *standardised(x, y, fewest=2 * blocks), blocks=blocks, seed=seed)


def plain_energy_distance(x: Array, y: Array) -> float:
    """The unbiased energy distance of x [n, d] and y [m, d] as they are, from all pairs.

    Examples:
        >>> plain_energy_distance(np.array([[0.0], [0.0]]), np.array([[1.0], [1.0]]))
        2.0
    """
    n, m = len(x), len(y)
    xx, yy, xy = (sum(float(np.sqrt(s).sum()) for s in squared_distances(a, b)) for a, b in ((x, x), (y, y), (x, y)))
    return 2 * xy / (n * m) - xx / (n * (n - 1)) - yy / (m * (m - 1))
