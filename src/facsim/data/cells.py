"""Detector <-> points: a cell that has energy is a point at its centre; a point belongs to the cell that contains it.

x, y and z are those of `Detector.centres`, in mm: the axis at x = y = 0, the front face at z = 0. A cell is a rectangle round its centre, or for
polar layers a piece of a ring.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from facsim.core import Detector, Events, FacsimError, LayeredGrid, PolarLayer, PolarLayers, RegularGrid, StationArray, Vector
from facsim.core.events import Array

NEIGHBOURS = 4  # centres that are tried: on a border of small and large cells the nearest need not be that of the cell
EDGE = 1e-3  # of a cell: a point this far outside is on its edge


class Hits(NamedTuple):
    """Cells that have energy: hits of each event [n], and for each hit the cell's number and energy in MeV, event after event."""

    counts: Array
    cell: Array
    energy: Array

    @property
    def event(self) -> Array:
        """The event of each hit."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


def require_cells(detector: Detector, format: str) -> None:
    """Raise unless the detector's response is energy in cells that have a place."""
    if isinstance(detector, (Vector, StationArray)):
        got = f"a {type(detector).__name__}"
        raise FacsimError(f"the {format} format holds energies of cells", expected="a calorimeter", got=got, remedy="write format 'native'")


def hits_of(events: Events) -> Hits:
    """The cells that are not empty, in the order of their numbers."""
    event, cell = np.nonzero(events.cells)
    return Hits(np.bincount(event, minlength=len(events)), cell, events.cells[event, cell])


def response_of(hits: Hits, detector: Detector) -> Array:
    """The response [n, cells], float32, of hits; those in one cell are added."""
    response = np.zeros((len(hits.counts), detector.n_cells), dtype=np.float32)
    np.add.at(response, (hits.event, hits.cell), hits.energy.astype(np.float32))
    return response


def cell_at(detector: Detector, x: Array, y: Array, layer: Array) -> Array:
    """The number of the cell of that layer that contains each point, int64; -1 where none does.

    Examples:
        >>> grid = RegularGrid((2, 2, 4), (1.0, 10.0, 5.0))  # z, y, x
        >>> cell_at(grid, np.array([7.0, 99.0]), np.array([-3.0, 0.0]), np.array([1, 1]))
        array([11, -1])
    """
    found = np.full(len(x), -1, dtype=np.int64)
    for number in np.unique(layer[(layer >= 0) & (layer < detector.n_layers)]):
        rows = np.flatnonzero(layer == number)
        found[rows] = _in_layer(detector, int(number), x[rows], y[rows])
    return found


def layer_at(detector: Detector, z: Array) -> Array:
    """The layer whose depth is nearest to each z in mm, int64; -1 beyond half a layer from it. A detector of one layer takes all."""
    depth = detector.centres[detector.layer_starts, 2]
    if len(depth) == 1:
        return np.zeros(len(z), dtype=np.int64)
    order = np.argsort(depth)
    middle = (depth[order][1:] + depth[order][:-1]) / 2
    reach = np.diff(depth[order]).max() / 2 * (1 + EDGE)
    layer = order[np.searchsorted(middle, z)]
    return np.where(np.abs(z - depth[layer]) <= reach, layer, -1)


def require_inside(cell: Array, energy: Array, what: str) -> None:
    """Raise if a point lies in no cell: energy is never dropped silently."""
    lost = cell < 0
    if lost.any():
        share = float(np.abs(energy[lost]).sum() / max(np.abs(energy).sum(), np.finfo(np.float64).tiny))
        got = f"{int(lost.sum())} of {len(cell)} outside, with {share:.2%} of the energy"
        raise FacsimError(f"{what} has points outside the detector", expected="all inside a cell", got=got, remedy="name their detector: --detector")


def _in_layer(detector: Detector, number: int, x: Array, y: Array) -> Array:
    """The cells of points of one layer."""
    first = int(detector.layer_starts[number])
    if isinstance(detector, PolarLayers):
        return _polar(detector.stack[number], first, x, y)
    if isinstance(detector, RegularGrid):
        return _rectangular(detector.cells[-2:], detector.size[-2:], first, x, y)
    if isinstance(detector, LayeredGrid):
        layer = detector.stack[number]
        return _rectangular((layer.rows, layer.columns), layer.size, first, x, y)
    return _nearest(detector, np.flatnonzero(detector.layers == number), x, y)


def _rectangular(shape: tuple[int, ...], size: tuple[float, ...], first: int, x: Array, y: Array) -> Array:
    (rows, columns), (height, width) = shape, size
    row, column = np.floor(y / height + rows / 2).astype(np.int64), np.floor(x / width + columns / 2).astype(np.int64)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    return np.where(inside, first + row * columns + column, -1)


def _polar(layer: PolarLayer, first: int, x: Array, y: Array) -> Array:
    ring = np.searchsorted(layer.edges, np.hypot(x, y), side="right") - 1
    sector = np.floor((np.arctan2(y, x) + np.pi) / (2 * np.pi) * layer.angles).astype(np.int64) % layer.angles
    return np.where((ring >= 0) & (ring < layer.rings), first + sector * layer.rings + ring, -1)


def _nearest(detector: Detector, cells: Array, x: Array, y: Array) -> Array:
    """Square cells of several sizes: the nearest whose square contains the point."""
    near = min(NEIGHBOURS, len(cells))
    _, index = cKDTree(detector.centres[cells, :2]).query(np.column_stack([x, y]), k=near)
    index = cells[index.reshape(len(x), near)]
    away = np.abs(detector.centres[index, :2] - np.column_stack([x, y])[:, None]).max(-1)
    inside = away <= np.sqrt(detector.areas[index]) / 2 * (1 + EDGE)
    return np.where(inside.any(1), index[np.arange(len(x)), inside.argmax(1)], -1)
