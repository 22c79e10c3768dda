"""Sums over the cells of each event, from which the observables follow; each is one pass over the cells, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from math import isqrt

import numpy as np

from facsim.core import Events
from facsim.core.units import factor
from facsim.evaluation.observables.geometry import AXES, Array, coordinates, layer_slices, neighbour_axes, neighbours

BLOCK_CELLS = 1 << 19  # cells in one block: 4 MB as float64
THRESHOLDS = (0.1, 1.0, 10.0)  # MeV: from the deposit of one minimum ionising particle in silicon up to a shower's core
RANKS = (1, 2, 3, 5, 10)  # of the brightest cells
ENERGY = "energy"  # name of the condition that is the incident energy


def by_block(cells: Array, function: Callable[[Array], Array]) -> Array:
    """`function` of cells [n, cells] block by block of events, concatenated."""
    step = max(1, BLOCK_CELLS // max(1, cells.shape[1]))
    return np.concatenate([function(cells[i : i + step]) for i in range(0, max(1, len(cells)), step)])


def layer_moments(events: Events) -> Array:
    """Sums of E, E x, E y, E z, E r, E x2, E y2, E z2, E r2 over each layer's cells, float64 [n, layers, 9] (MeV, mm).

    Where a cell may be negative, only its positive part counts: an energy-weighted mean needs weights that are not negative.
    """
    places = coordinates(events.detector)
    weights = np.concatenate([np.ones((len(places), 1)), places, places**2], axis=1)
    slices = layer_slices(events.detector)

    def sums(block: Array) -> Array:
        energy = np.maximum(block, 0, dtype=np.float64) if events.detector.signed else block.astype(np.float64)
        return np.stack([energy[:, s] @ weights[s] for s in slices], axis=1)

    return by_block(events.cells, sums)


def layer_sums(events: Events) -> Array:
    """Energy of each layer, negative cells included, float64 [n, layers]."""
    starts = events.detector.layer_starts
    return by_block(events.cells, lambda block: np.add.reduceat(block, starts, axis=1, dtype=np.float64))


def active_cells(events: Events) -> Array:
    """Number of cells above zero in each layer, [n, layers]."""
    slices = layer_slices(events.detector)
    return by_block(events.cells, lambda block: np.stack([np.count_nonzero(block[:, s] > 0, axis=1) for s in slices], axis=1))


def cells_above(events: Events, thresholds: tuple[float, ...] = THRESHOLDS) -> Array:
    """Number of cells above each threshold (MeV), [n, thresholds]."""
    return by_block(events.cells, lambda block: np.stack([np.count_nonzero(block > t, axis=1) for t in thresholds], axis=1))


def brightest(cells: Array, ranks: tuple[int, ...] = RANKS) -> Array:
    """The cells of these ranks (1 is the brightest), [n, ranks]; the rank is cut at the number of cells.

    The k brightest cells lie in the k groups of cells whose maxima are the largest, so that only those are searched.

    Examples:
        >>> brightest(np.array([[3.0, 9.0, 1.0, 4.0]]), (1, 2))
        array([[9., 4.]])
    """
    size = cells.shape[1]
    wanted = [min(rank, size) for rank in ranks]
    width = max(d for d in range(1, 2 * isqrt(size) + 1) if size % d == 0)

    def top(block: Array) -> Array:
        groups = block.reshape(len(block), size // width, width)
        k = min(max(wanted), groups.shape[1])
        best = np.argpartition(groups.max(-1), -k, axis=1)[:, -k:]
        candidates = np.take_along_axis(groups, best[:, :, None], axis=1).reshape(len(block), k * width)
        ordered = np.sort(np.partition(candidates, -max(wanted), axis=1)[:, -max(wanted) :], axis=1)
        return ordered[:, [-rank for rank in wanted]]

    return by_block(cells, top)


def neighbour_overlap(events: Events) -> Array:
    """Sum of E_i E_j over neighbours i, j along each axis, divided by the sum of E_i2: [n, axes], 0 for an empty event.

    1 for energies that change slowly from cell to cell, 0 for lone cells.
    """
    axes = neighbour_axes(events.detector)

    def overlap(block: Array) -> Array:
        square = np.einsum("ni,ni->n", block, block, dtype=np.float64)
        pairs = [sum(_product(a, b) for a, b in neighbours(events.detector, block, axis)) for axis in axes]
        return ratio(np.stack(np.broadcast_arrays(*pairs), axis=1), square[:, None])

    return by_block(events.cells, overlap)


def _product(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("nijk,nijk->n" if a.ndim == 4 else "nij,nij->n", a, b))


def ratio(numerator: Array, denominator: Array) -> Array:
    """The quotient where the denominator is positive, 0 elsewhere: an empty event or layer has centre 0 and width 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)


def centre(moments: Array, axis: str) -> Array:
    """Energy-weighted mean of a coordinate from moments [..., 9], mm."""
    return ratio(moments[..., 1 + AXES.index(axis)], moments[..., 0])


def width(moments: Array, axis: str) -> Array:
    """Energy-weighted standard deviation of a coordinate from moments [..., 9], mm."""
    square = ratio(moments[..., 1 + len(AXES) + AXES.index(axis)], moments[..., 0])
    return np.asarray(np.sqrt(np.maximum(square - centre(moments, axis) ** 2, 0)))


class Summary:
    """The sums of one sample of events, each computed when it is first asked for and kept."""

    def __init__(self, events: Events) -> None:
        self.events = events

    @cached_property
    def layers(self) -> Array:
        """Moments of each layer, [n, layers, 9]."""
        return layer_moments(self.events)

    @cached_property
    def whole(self) -> Array:
        """Moments of the whole event, [n, 9]."""
        return np.asarray(self.layers.sum(1))

    @cached_property
    def layer_energy(self) -> Array:
        """Energy of each layer, [n, layers]."""
        return layer_sums(self.events) if self.events.detector.signed else self.layers[..., 0]

    @cached_property
    def active(self) -> Array:
        """Cells above zero in each layer, [n, layers]."""
        return active_cells(self.events)

    @cached_property
    def bright(self) -> Array:
        """The brightest cells, [n, RANKS]."""
        return brightest(self.events.cells)

    @property
    def total_energy(self) -> Array:
        """Energy of the whole event, [n]."""
        return np.asarray(self.layer_energy.sum(1))

    @property
    def incident_energy(self) -> Array:
        """The condition `energy` in MeV, [n]."""
        unit = next(v.unit for v in self.events.variables if v.name == ENERGY)
        return self.events.column(ENERGY).astype(np.float64) * factor(unit, "MeV")
