"""Energy distance."""

from __future__ import annotations

import numpy as np

from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import UNWEIGHTED, Estimate, Weights, over_blocks, pair_sum, standardised, unbiased, weighted


def energy_distance(x: Array, y: Array, *, weight: Weights = UNWEIGHTED, blocks: int = 10, seed: int = 0) -> Estimate:
    """Energy distance 2 E|X-Y| - E|X-X'| - E|Y-Y'| in units of the truth's spread, unbiased, over disjoint blocks.

    Source: G. Szekely, M. Rizzo, Energy statistics: a class of statistics based on distances, J. Stat. Plan. Inference 143 (2013) 1249.

    Raises:
        FacsimError: for bad samples or constant columns.
    """
    x, y = standardised(x, y, 2 * blocks, weight[0])
    both = weighted(x, weight[0]), weighted(y, weight[1])
    return over_blocks(lambda a, b: plain_energy_distance(a.x, b.x, weight=(a.weight, b.weight)), *both, blocks=blocks, seed=seed)


def plain_energy_distance(x: Array, y: Array, *, weight: Weights = UNWEIGHTED) -> float:
    """The unbiased energy distance of x [n, d] and y [m, d] as they are, from all pairs.

    Examples:
        >>> plain_energy_distance(np.array([[0.0], [0.0]]), np.array([[1.0], [1.0]]))
        2.0
    """
    a, b = weighted(x, weight[0]), weighted(y, weight[1])
    xx, yy, xy = (pair_sum(np.sqrt, *pair) for pair in ((a, a), (b, b), (a, b)))
    return -unbiased(xx, yy, xy, a, b)
