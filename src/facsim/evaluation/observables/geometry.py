"""What the observables need to know of a detector: coordinates of its cells, its layers, which cells are neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import Detector, PolarLayers, RegularGrid, SplitGranularity, StationArray, Vector
from facsim.core.detectors import part_grids

Array = NDArray[Any]
AXES = ("x", "y", "z", "r")


def has_cells(detector: Detector) -> bool:
    """Whether the response is a signal in cells that have a place."""
    return not isinstance(detector, Vector)


def is_calorimeter(detector: Detector) -> bool:
    """Whether the response is energy in cells that have a place."""
    return has_cells(detector) and not isinstance(detector, StationArray)


def is_layered(detector: Detector) -> bool:
    """Whether the cells lie in more than one layer."""
    return is_calorimeter(detector) and detector.n_layers > 1


def coordinates(detector: Detector) -> Array:
    """Cell centres (x, y, z, r) in mm, float64 [cells, 4].

    A ring that is not divided in angle has no x and y of its own: both are 0 there, as in the CaloChallenge's features
    (Krause et al., 2024, arXiv:2410.21611).

    Examples:
        >>> coordinates(RegularGrid((1, 2), (6.0, 6.0))).tolist()
        [[-3.0, 0.0, 0.0, 3.0], [3.0, 0.0, 0.0, 3.0]]
    """
    x, y, z = detector.centres.T
    divided = ~_whole_rings(detector)
    return np.stack([x * divided, y * divided, z, np.hypot(x, y)], axis=1)


def _whole_rings(detector: Detector) -> NDArray[np.bool_]:
    """Which cells are rings that go all the way round, [cells]."""
    if not isinstance(detector, PolarLayers):
        return np.zeros(detector.n_cells, dtype=np.bool_)
    return np.array([layer.angles == 1 for layer in detector.stack])[detector.layers]


def layer_slices(detector: Detector) -> list[slice]:
    """Where each layer's cells are."""
    edges = [*detector.layer_starts.tolist(), detector.n_cells]
    return [slice(first, last) for first, last in pairwise(edges)]


def layer_depths(detector: Detector) -> Array:
    """The z of each layer's first cell in mm, [layers]."""
    return np.asarray(detector.centres[detector.layer_starts, 2])


def layer_names(detector: Detector) -> tuple[str, ...]:
    """The detector's own name of each layer: its number in a CaloChallenge geometry, else its place in the stack."""
    if isinstance(detector, PolarLayers):
        return tuple(str(layer.number) for layer in detector.stack)
    return tuple(str(i) for i in range(detector.n_layers))


def neighbour_axes(detector: Detector) -> tuple[str, ...]:
    """Names of the directions in which a cell has neighbours."""
    transverse = ("angle", "radius") if isinstance(detector, PolarLayers) else ("y", "x")
    return (*(("depth",) if len(detector.shape) == 3 else ()), *transverse)


def blocks(detector: Detector) -> list[tuple[slice, tuple[int, ...]]]:
    """Parts of the cells that are grids, each with its shape: the whole detector if its layers are alike, else layer by layer."""
    if isinstance(detector, RegularGrid) or len(detector.shape) > 1:
        return [(slice(0, detector.n_cells), detector.shape)]
    stack = getattr(detector, "stack", ())
    shapes = [(s.angles, s.rings) if isinstance(detector, PolarLayers) else (s.rows, s.columns) for s in stack]
    return list(zip(layer_slices(detector), shapes)) if shapes else [(slice(0, detector.n_cells), (1, detector.n_cells))]


def grids(detector: Detector, cells: Array) -> Iterator[Array]:
    """The cells [n, cells] as grids [n, ...], one for each part in which all cells are alike; a grid is zero where the detector has no cell."""
    if isinstance(detector, SplitGranularity):
        yield from part_grids(detector, cells)
        return
    for part, shape in blocks(detector):
        yield cells[:, part].reshape(len(cells), *shape)


def neighbours(detector: Detector, cells: Array, axis: str) -> Iterator[tuple[Array, Array]]:
    """Pairs of arrays [n, ...] of cells [n, cells]: the second holds the next cell along the axis of each cell in the first.

    Cells of different size are no neighbours.
    """
    if isinstance(detector, SplitGranularity):
        one, other = _pairs(detector, axis)
        yield cells[:, None, one], cells[:, None, other]
        return
    cyclic = axis == "angle"
    for part in grids(detector, cells):
        grid = np.moveaxis(part, neighbour_axes(detector).index(axis) + 1, 1)
        yield grid[:, :-1], grid[:, 1:]
        if cyclic and grid.shape[1] > 2:
            yield grid[:, -1:], grid[:, :1]


def _pairs(wall: SplitGranularity, axis: str) -> tuple[Array, Array]:
    """Numbers of the cells that have a next one of their size along the axis, and of that one, each [pairs]."""
    one, other = [], []
    for grid in part_grids(wall, np.arange(1, wall.n_cells + 1)):
        lines = np.moveaxis(grid, neighbour_axes(wall).index(axis), 0)
        both = (lines[:-1] > 0) & (lines[1:] > 0)
        one.append(lines[:-1][both] - 1)
        other.append(lines[1:][both] - 1)
    return np.concatenate(one), np.concatenate(other)
