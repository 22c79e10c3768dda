"""The hadron trigger of a calorimeter wall: sums of 2 x 2 cells above a threshold, and whether the signal or the rest of the event made them.

Source: the LHCb HCAL study of 2019, section on HTOS and HTIS. Squares of signal and windows overlap if they share a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from facsim.core import Events, FacsimError, SplitGranularity
from facsim.core.detectors import part_grids
from facsim.evaluation.observables.summary import by_block
from facsim.evaluation.pair import Array
from facsim.evaluation.scorecard import Row
from facsim.evaluation.triggers import rate

THRESHOLD = 3200.0  # MeV of transverse energy in a window
REACH = 3  # pixels on either side of a signal track: squares of 7 x 7


class Windows(NamedTuple):
    """First row and column of each window in pixels [windows, 2], and how many it spans both ways [windows]."""

    first: Array
    span: Array


class Decisions(NamedTuple):
    """What fired the trigger, each [n]: the signal (HTOS), something else (HTIS); both may be true."""

    tos: Array
    tis: Array

    @property
    def fired(self) -> Array:
        """Whether anything did."""
        return np.asarray(self.tos | self.tis)

    @property
    def both(self) -> Array:
        """Whether some windows overlap the signal and others do not."""
        return np.asarray(self.tos & self.tis)


def window_sums(wall: SplitGranularity, cells: Array) -> Array:
    """Sums of 2 x 2 cells [n, windows] of cells [n, cells]: all windows of the inner part, then those of the outer part, twice as large.

    A window holds cells of one size; where it reaches beyond its part, the cells that are there.
    """
    return np.concatenate([_sums(grid).reshape(len(cells), -1) for grid in part_grids(wall, cells)], axis=1)


def windows(wall: SplitGranularity) -> Windows:
    """Where the windows of `window_sums` are on the face."""
    starts = [(whole - inner) // 2 for whole, inner in zip(wall.pixels, wall.inner, strict=True)]
    inner = _corners(wall.inner) + starts
    outer = 2 * _corners((wall.pixels[0] // 2, wall.pixels[1] // 2))
    return Windows(np.concatenate([inner, outer]), np.repeat([2, 4], [len(inner), len(outer)]))


def decisions(events: Events, signal: Array, threshold: float = THRESHOLD) -> Decisions:
    """The trigger's decisions for events and the places (x, y) in mm of their signal tracks on the face, [n, tracks, 2]; NaN for no track.

    Raises:
        FacsimError: if the detector has no such trigger or the places do not fit the events.
    """
    wall = events.detector
    if not isinstance(wall, SplitGranularity):
        raise FacsimError("this trigger needs a wall of two kinds of cells", expected="SplitGranularity", got=type(wall).__name__)
    if signal.ndim != 3 or len(signal) != len(events) or signal.shape[2] != 2:
        raise FacsimError("the places of the signal tracks have the wrong shape", expected=[len(events), "tracks", 2], got=list(signal.shape))
    fired = by_block(events.cells, lambda cells: window_sums(wall, cells) > threshold)
    tos, tis = np.zeros((2, len(events)), dtype=bool)
    event, window = np.nonzero(fired)
    touched = overlaps(wall, windows(wall), window, signal[event])
    tos[event[touched]], tis[event[~touched]] = True, True
    return Decisions(tos, tis)


def overlaps(wall: SplitGranularity, at: Windows, window: Array, places: Array) -> Array:
    """Whether windows [k] share a pixel with the square round any of their events' signal tracks [k, tracks, 2], [k]."""
    first, span = at.first[window][:, None, :], at.span[window][:, None, None]
    pixel = np.floor(places[..., ::-1] / wall.pixel + np.array(wall.pixels) / 2)
    shared = (first <= pixel + REACH) & (first + span > pixel - REACH)  # false for NaN
    return np.asarray(np.any(np.all(shared, axis=2), axis=1))


def rate_rows(candidate: Decisions, truth: Decisions, total: tuple[Array, Array], edges: Sequence[float]) -> list[Row]:
    """HTOS and HTIS rates in bins of total energy (MeV; of candidate and truth): the difference in units of its statistical error."""
    rows = []
    for low, high in pairwise(edges):
        chosen = [(energy >= low) & (energy < high) for energy in total]
        if min(np.count_nonzero(c) for c in chosen) == 0:
            continue
        for name in ("tos", "tis"):
            found, true = (rate(getattr(d, name)[c]) for d, c in zip((candidate, truth), chosen, strict=True))
            pull = abs(found.value - true.value) / np.hypot(found.error, true.error)
            rows.append(Row(f"h{name}", "rate_pull", float(pull), 1.0, 0.0, 0.0, bin=f"{low / 1e3:g}-{high / 1e3:g} GeV"))
    return rows


def _sums(grid: Array) -> Array:
    """Sums over 2 x 2 neighbours, [n, rows - 1, columns - 1]."""
    pairs = grid[:, :-1] + grid[:, 1:]
    return np.asarray(pairs[:, :, :-1] + pairs[:, :, 1:])


def _corners(shape: tuple[int, int]) -> Array:
    """First row and column of all windows of a grid, [windows, 2]."""
    return np.indices((shape[0] - 1, shape[1] - 1)).reshape(2, -1).T
