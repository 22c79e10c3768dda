"""Which cell of a detector holds a point (x, y) of a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core.detectors.base import Detector
from facsim.core.detectors.layered import LayeredGrid
from facsim.core.detectors.polar import PolarLayers
from facsim.core.detectors.regular import RegularGrid
from facsim.core.errors import FacsimError

Array = NDArray[Any]
Locator = Callable[[Array, Array, Array], Array]


def locator(detector: Detector) -> Locator:
    """A function from x, y (mm, [k]) and layer number ([k]) to flat cell numbers [k]; -1 outside the layer.

    Raises:
        FacsimError: for a detector without cells in space.

    Examples:
        >>> find = locator(RegularGrid((2, 3), (10.0, 10.0)))
        >>> find(np.array([10.0, 0.0, 20.0]), np.array([-5.0, 5.0, 0.0]), np.zeros(3, dtype=int))
        array([ 2,  4, -1])
    """
    for kind, build in LOCATORS.items():
        if isinstance(detector, kind):
            return build(detector)
    raise FacsimError(
        "points have no cell in this detector", expected=f"one of {', '.join(k.__name__ for k in LOCATORS)}", got=type(detector).__name__
    )


def _regular(detector: RegularGrid) -> Locator:
    rows, columns = (np.full(detector.n_layers, n) for n in detector.cells[-2:])
    height, width = (np.full(detector.n_layers, s) for s in detector.size[-2:])
    return _rectangular(detector, rows, columns, (height, width))


def _layered(detector: LayeredGrid) -> Locator:
    rows, columns = (np.array([getattr(layer, name) for layer in detector.stack]) for name in ("rows", "columns"))
    height, width = np.array([layer.size for layer in detector.stack]).T
    return _rectangular(detector, rows, columns, (height, width))


def _rectangular(detector: Detector, rows: Array, columns: Array, size: tuple[Array, Array]) -> Locator:
    """Rows count y upwards, columns x; both grids are centred on the axis."""
    first, (inverse_height, inverse_width) = detector.layer_starts, (1 / s.astype(np.float32) for s in size)
    middle_row, middle_column = (np.float32(0.5) * n.astype(np.float32) for n in (rows, columns))

    def find(x: Array, y: Array, layer: Array) -> Array:
        row = np.floor(y * inverse_height[layer] + middle_row[layer])
        column = np.floor(x * inverse_width[layer] + middle_column[layer])
        inside = (row >= 0) & (row < rows[layer]) & (column >= 0) & (column < columns[layer])
        return np.where(inside, first[layer] + np.where(inside, row * columns[layer] + column, 0).astype(np.int64), -1)

    return find


def _polar(detector: PolarLayers) -> Locator:
    """Rings are looked up among the edges of all layers together; a table then tells the ring of each layer."""
    edges = np.unique(np.concatenate([layer.edges for layer in detector.stack]))
    angles, rings = (np.array([getattr(layer, name) for layer in detector.stack]) for name in ("angles", "rings"))
    table, edges32 = np.stack([_ring_table(np.array(layer.edges), edges) for layer in detector.stack]), edges.astype(np.float32)
    first, sectors = detector.layer_starts, angles.astype(np.float32)

    def find(x: Array, y: Array, layer: Array) -> Array:
        ring = table[layer, np.searchsorted(edges32, np.hypot(x, y), side="right")]
        turn = np.arctan2(y, x) * np.float32(0.5 / np.pi) + np.float32(0.5)
        sector = (turn * sectors[layer]).astype(np.int64) % angles[layer]
        return np.where(ring >= 0, first[layer] + sector * rings[layer] + ring, -1)

    return find


def _ring_table(own: Array, edges: Array) -> Array:
    """Ring of one layer for each interval between the common edges, outer ones included; -1 outside the layer."""
    inner = np.concatenate([[-np.inf], edges])
    ring = np.searchsorted(own, inner, side="right") - 1
    return np.where(ring < len(own) - 1, ring, -1)


LOCATORS: dict[type[Detector], Callable[[Any], Locator]] = {RegularGrid: _regular, LayeredGrid: _layered, PolarLayers: _polar}
