"""Showers of hadrons as fine pixels round the point of impact: from a library of full simulation, or parameterised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from facsim.core import Events, FacsimError, RegularGrid
from facsim.simulators.calorimeters import hadron_calo
from facsim.simulators.hadronic import STEEPEST

Array = NDArray[Any]

VISIBLE = 0.0345  # of a hadron's energy in the scintillator: pions of about 7 GeV in hcal_hadrons/pi+.h5
KINDS = ("pi+", "proton", "neutron", "kaon+", "kaon0L")  # of a library
CHARGED = (True, True, False, True, False)
NEAREST = 100  # library showers among which one is drawn, unless told otherwise
LIKENESS = (0.1, 0.04, 0.04)  # of ln E and of both slopes: differences that count alike
LIBRARY_ENERGIES = (2e3, 3e4)  # MeV


class Shots(NamedTuple):
    """Hadrons that enter the front face: number of the kind, kinetic energy in MeV, slopes; all [k]."""

    kind: Array
    energy: Array
    tx: Array
    ty: Array


class Hits(NamedTuple):
    """Deposits: the shot [h], column and row of the fine pixel counted from the impact [h], energy in MeV at the scale of the hadron's [h]."""

    shot: Array
    column: Array
    row: Array
    energy: Array


class ShowerSource(Protocol):
    """Where showers come from; `pixel` is the side of their square pixels in mm, whose corner is at the point of impact."""

    @property
    def pixel(self) -> float: ...

    def shower(self, shots: Shots, rng: np.random.Generator) -> Hits:
        """The deposits of all shots."""
        ...


@dataclass(frozen=True, eq=False)
class Shelf:
    """Showers of one kind: (energy, tx, ty) [n, 3]; shower i has the pixels [starts[i]: starts[i + 1]] with energies in MeV."""

    condition: Array
    starts: Array
    column: Array
    row: Array
    energy: Array

    @classmethod
    def of(cls, events: Events) -> Shelf:
        """The showers of events with conditions (energy, tx, ty) on a square grid.

        Raises:
            FacsimError: if they are no images.
        """
        grid = events.detector
        if not isinstance(grid, RegularGrid) or len(grid.cells) != 2:
            raise FacsimError("a shower library needs images", expected="RegularGrid (y, x)", got=type(grid).__name__)
        event, row, column = np.nonzero(events.response)
        starts = np.append(0, np.bincount(event, minlength=len(events)).cumsum())
        columns, rows = ((index - cells // 2).astype(np.int16) for index, cells in ((column, grid.cells[1]), (row, grid.cells[0])))
        condition = np.column_stack([events.column(name) for name in ("energy", "tx", "ty")])
        return cls(condition, starts, columns, rows, events.response[event, row, column] / VISIBLE)

    def and_more(self, other: Shelf) -> Shelf:
        """The showers of both."""
        starts = np.append(self.starts, self.starts[-1] + other.starts[1:])
        condition, column, row, energy = (
            np.concatenate([getattr(shelf, name) for shelf in (self, other)]) for name in ("condition", "column", "row", "energy")
        )
        return Shelf(condition, starts, column, row, energy)

    @cached_property
    def tree(self) -> cKDTree:
        """The showers by energy and steepness."""
        return cKDTree(_likeness(*self.condition.T.astype(np.float64)))

    def choose(self, shots: Shots, rng: np.random.Generator, nearest: int = NEAREST) -> Array:
        """A shower for each shot, drawn among those `nearest` in energy and steepness."""
        energy = shots.energy.clip(self.condition[:, 0].min(), self.condition[:, 0].max())
        nearest = min(nearest, len(self.condition))
        _, found = self.tree.query(_likeness(energy, shots.tx, shots.ty), k=nearest)
        return np.asarray(np.reshape(found, (len(energy), nearest))[np.arange(len(energy)), rng.integers(nearest, size=len(energy))])

    def shower(self, shots: Shots, rng: np.random.Generator, nearest: int = NEAREST) -> Hits:
        """Chosen showers, mirrored to the shots' slopes and scaled to their energies."""
        chosen = self.choose(shots, rng, nearest)
        counts = self.starts[chosen + 1] - self.starts[chosen]
        shot = np.repeat(np.arange(len(chosen)), counts)
        place = np.arange(len(shot)) + np.repeat(self.starts[chosen] - np.append(0, counts.cumsum())[:-1], counts)
        turn_x, turn_y = ((self.condition[chosen, i] < 0) != (wanted < 0) for i, wanted in ((1, shots.tx), (2, shots.ty)))
        column, row = (np.where(turn[shot], -1 - index[place], index[place]) for turn, index in ((turn_x, self.column), (turn_y, self.row)))
        return Hits(shot, column, row, self.energy[place] * (shots.energy / self.condition[chosen, 0])[shot])


@dataclass(frozen=True, eq=False)
class LibraryShowers:
    """Showers of full simulation, one shelf for each kind of KINDS; beyond the library's energies the nearest showers are scaled.

    Each shower is drawn among the `nearest`: few are most alike, many tell better how showers of one energy and angle vary.
    """

    shelves: Mapping[int, Shelf]
    pixel: float
    nearest: int = NEAREST

    @classmethod
    def of(cls, library: Mapping[str, Iterable[Events]]) -> LibraryShowers:
        """The library of showers of pi+, proton, neutron, kaon+ and kaon0L, each in parts; conditions (energy, tx, ty) in MeV.

        Raises:
            FacsimError: if a kind is missing, or the parts hold no such showers.
        """
        missing = [kind for kind in KINDS if kind not in library]
        if missing:
            raise FacsimError(f"the library has no showers of {', '.join(missing)}", expected=", ".join(KINDS), got=", ".join(library))
        shelves: dict[int, Shelf] = {}
        pixel = 0.0
        for number, kind in enumerate(KINDS):
            for part in library[kind]:
                shelf, pixel = Shelf.of(part), float(part.detector.size[-1])  # type: ignore[attr-defined]
                shelves[number] = shelves[number].and_more(shelf) if number in shelves else shelf
        return cls(shelves, pixel)

    def shower(self, shots: Shots, rng: np.random.Generator) -> Hits:
        return _by_kind(shots, lambda kind, part: self.shelves[kind].shower(part, rng, self.nearest))


@dataclass(frozen=True)
class ParameterisedShowers:
    """Showers by formulas, for charged and neutral hadrons, from 2 to 200 GeV; energies beyond are scaled, slopes cut at 0.25."""

    pixel: float = 32.75

    def shower(self, shots: Shots, rng: np.random.Generator) -> Hits:
        return _by_kind(shots, lambda kind, part: self._parameterised(CHARGED[kind], part, rng))

    def _parameterised(self, charged: bool, shots: Shots, rng: np.random.Generator) -> Hits:
        energy = shots.energy.clip(2e3, 2e5)
        slopes = [t.clip(-STEEPEST, STEEPEST) for t in (shots.tx, shots.ty)]
        events = hadron_calo(charged=charged).simulate(np.column_stack([energy, *slopes]), rng)
        shot, row, column = np.nonzero(events.response)
        half = [n // 2 for n in events.response.shape[1:]]
        return Hits(shot, column - half[1], row - half[0], events.response[shot, row, column] / VISIBLE * (shots.energy / energy)[shot])


def _by_kind(shots: Shots, shower: Any) -> Hits:
    """The hits of all shots, kind after kind."""
    found = []
    for kind in np.unique(shots.kind):
        mine = np.flatnonzero(shots.kind == kind)
        hits = shower(int(kind), Shots(*(part[mine] for part in shots)))
        found.append(hits._replace(shot=mine[hits.shot]))
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        return Hits(nothing, nothing, nothing, np.zeros(0))
    return Hits(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _likeness(energy: Array, tx: Array, ty: Array) -> Array:
    return np.column_stack([np.log(energy), np.abs(tx), np.abs(ty)]) / LIKENESS
