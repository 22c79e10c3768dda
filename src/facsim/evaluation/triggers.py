"""Trigger decisions: how often the brightest cell or cluster is above a threshold, and how that turns on with the incident energy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from facsim.core import Events
from facsim.evaluation.bootstrap import Score
from facsim.evaluation.comparison import Comparison
from facsim.evaluation.conditioning import FEWEST, curve_edges
from facsim.evaluation.observables.geometry import grids, is_calorimeter, neighbour_axes
from facsim.evaluation.observables.summary import ENERGY, by_block
from facsim.evaluation.pair import Array
from facsim.evaluation.scorecard import Row

RATES = (0.5, 0.1)  # of the reference at the thresholds


def trigger_rows(compared: Comparison) -> Iterator[Row]:
    """Decisions on the brightest cell and on the brightest 2 x 2 cells: rates, and the turn-on against the incident energy.

    Thresholds are quantiles of the reference. A rate is told relative to the reference's; the turn-on by its largest departure in
    arcsin(sqrt(efficiency)) over bins of the energy.
    """
    samples = [s.events for s in (compared.reference, compared.candidate, compared.floor)]
    if not is_calorimeter(samples[0].detector):
        return
    for name, quantity in TRIGGERS.items():
        values = [quantity(e) for e in samples]
        for share in RATES:
            fired = [v > np.quantile(values[0], 1 - share) for v in values]
            yield Row(f"trigger[{name}]", f"rate_{share:.0%}", *_excess(fired[1], fired[0]), *_excess(fired[2], fired[0]), "1", compared.bin, True)
            yield from _turn_on(compared, name, share, fired)


def _turn_on(compared: Comparison, name: str, share: float, fired: list[Array]) -> Iterable[Row]:
    samples = (compared.reference, compared.candidate, compared.floor)
    if not all(_energy_varies(s.events) for s in samples):
        return
    edges = curve_edges(compared.reference.events, ENERGY)[1:-1]
    number = [np.searchsorted(edges, s.events.column(ENERGY), side="right") for s in samples]
    found = [_departure(fired[i], number[i], fired[0], number[0]) for i in (1, 2)]
    yield Row(f"trigger[{name}]", f"turn_on_{share:.0%}", *found[0], *found[1], bin=compared.bin)


def _energy_varies(events: Events) -> bool:
    return ENERGY in [v.name for v in events.variables] and bool(np.ptp(events.column(ENERGY)))


def _departure(one: Array, one_bin: Array, other: Array, other_bin: Array) -> Score:
    """Largest difference of arcsin(sqrt(efficiency)) over the bins that hold events enough of both."""
    found = [Score(0.0, 0.0)]
    for b in range(int(other_bin.max()) + 1):
        a, c = one[one_bin == b], other[other_bin == b]
        if min(len(a), len(c)) >= FEWEST:
            difference = np.arcsin(math.sqrt(a.mean())) - np.arcsin(math.sqrt(c.mean()))
            found.append(Score(float(abs(difference)), math.sqrt(0.25 / len(a) + 0.25 / len(c))))
    return max(found)


def rate(fired: Array) -> Score:
    """Fraction of true values [n] and its binomial error, which is that of half an event more where none or all are true."""
    smooth = (np.count_nonzero(fired) + 0.5) / (len(fired) + 1)
    return Score(float(fired.mean()), math.sqrt(smooth * (1 - smooth) / len(fired)))


def _excess(one: Array, other: Array) -> Score:
    """Rate over the other's rate, minus 1; the difference itself where the other is 0."""
    a, b = rate(one), rate(other)
    scale = b.value or 1.0
    return Score((a.value - b.value) / scale, math.hypot(a.error, a.value / scale * b.error) / scale)


def brightest_cell(events: Events) -> Array:
    """Energy of the brightest cell, [n]."""
    return np.asarray(events.cells.max(1))


def brightest_cluster(events: Events) -> Array:
    """Largest sum over 2 x 2 neighbouring cells, [n]; over the whole depth where all layers are alike, else within a layer."""
    depth, cyclic = len(events.detector.shape) == 3, neighbour_axes(events.detector)[-2] == "angle"

    def largest(cells: Array) -> Array:
        found = (_clusters(grid.sum(1) if depth else grid, cyclic).max((1, 2)) for grid in grids(events.detector, cells))
        return np.asarray(np.max(list(found), axis=0))

    return by_block(events.cells, largest)


def _clusters(grid: Array, cyclic: bool) -> Array:
    """Sums over 2 x 2 cells of images [n, rows, columns], the first axis closed on itself if cyclic; a single row or column stays as it is."""
    rows = grid + np.roll(grid, -1, axis=1) if cyclic and grid.shape[1] > 2 else _neighbours(grid, 1)
    return _neighbours(rows, 2)


def _neighbours(grid: Array, axis: int) -> Array:
    n = grid.shape[axis]
    return grid if n == 1 else np.asarray(np.take(grid, range(n - 1), axis) + np.take(grid, range(1, n), axis))


TRIGGERS: dict[str, Callable[[Events], Array]] = {"maximum_cell": brightest_cell, "cluster_2x2": brightest_cluster}
