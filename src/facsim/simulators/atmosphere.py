"""The US standard atmosphere: vertical depth at a height, and back.

Source: U.S. Standard Atmosphere (1976), parameters of J. Linsley and B. Keilhauer, as in CORSIKA, Heck et al., FZKA 6019 (1998), appendix D.
Heights in mm above the sea, depths in g/cm2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

METRE, KILOMETRE = 1e3, 1e6  # mm
LOWER_EDGES = np.array([0.0, 7.0, 11.4, 37.0, 100.0]) * KILOMETRE
A = np.array([-149.801663, -57.932486, 0.63631894, 4.3545369e-4, 0.01128292])
B = np.array([1183.6071, 1143.0425, 1322.9748, 655.67307, 1.0])
C = np.array([9542.4834, 8000.0534, 6295.6893, 7375.2177, 1e7]) * METRE
TOP = 112_829.2 * METRE


def vertical_depth(height: Array) -> Array:
    """Depth of the air above a height, [...]; 0 above the top of the atmosphere.

    Examples:
        >>> vertical_depth(np.array([0.0, 1.4e6, 1.6e6])).round(3).tolist()
        [1033.805, 872.293, 851.094]
    """
    height = np.asarray(height, dtype=np.float64)
    layer = np.searchsorted(LOWER_EDGES, height, side="right").clip(1) - 1
    a, b, c = A[layer], B[layer], C[layer]
    depth = np.where(layer == 4, a - b * height / c, a + b * np.exp(-height / c))
    return np.where(height < TOP, depth, 0.0)


def height_at(depth: Array) -> Array:
    """Height at which the vertical depth is reached, [...]; the inverse of `vertical_depth` for depths > 0.

    Examples:
        >>> height_at(np.array([872.293])).round(-3).tolist()
        [1400000.0]
    """
    depth = np.asarray(depth, dtype=np.float64)
    layer = 4 - np.searchsorted(vertical_depth(LOWER_EDGES)[:0:-1], depth, side="left")
    a, b, c = A[layer], B[layer], C[layer]
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(layer == 4, (a - depth) * c / b, -c * np.log((depth - a) / b)))
