"""Detector <-> points: a cell that has energy is a point at its centre; a point belongs to the cell that contains it.

x, y and z are those of `Detector.centres`, in mm: the axis at x = y = 0, the front face at z = 0. A cell is a rectangle round its centre, or for
polar layers a piece of a ring.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from facsim.core import Detector, Events, FacsimError, StationArray, Vector
from facsim.core.detectors.locate import LOCATORS, locator
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
        >>> from facsim.core import RegularGrid
        >>> grid = RegularGrid((2, 2, 4), (1.0, 10.0, 5.0))  # z, y, x
        >>> cell_at(grid, np.array([7.0, 99.0]), np.array([-3.0, 0.0]), np.array([1, 1]))
        array([11, -1])
    """
    found = np.full(len(x), -1, dtype=np.int64)
    there = np.flatnonzero((layer >= 0) & (layer < detector.n_layers))
    find = locator(detector) if isinstance(detector, tuple(LOCATORS)) else partial(_nearest, detector)
    found[there] = find(x[there], y[there], layer[there])
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


def _nearest(detector: Detector, x: Array, y: Array, layer: Array) -> Array:
    """Square cells of several sizes in one layer: the nearest whose square contains the point."""
    near = min(NEIGHBOURS, detector.n_cells)
    _, index = cKDTree(detector.centres[:, :2]).query(np.column_stack([x, y]), k=near)
    index = index.reshape(len(x), near)
    away = np.abs(detector.centres[index, :2] - np.column_stack([x, y])[:, None]).max(-1)
    inside = away <= np.sqrt(detector.areas[index]) / 2 * (1 + EDGE)
    return np.where(inside.any(1), index[np.arange(len(x)), inside.argmax(1)], -1)
