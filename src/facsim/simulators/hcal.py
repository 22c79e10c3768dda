"""The hadronic calorimeter of LHCb: hadrons placed anywhere on its face, read out as transverse energy by cells of two sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facsim.core import Events, SplitGranularity, Variable
from facsim.core.detectors import saturate
from facsim.core.variables import checked_condition
from facsim.simulators.hadron_showers import VISIBLE, Hits, ParameterisedShowers, Shots, ShowerSource
from facsim.simulators.prior import EnergyRange
from facsim.simulators.readout import accumulate

Array = NDArray[Any]

STOCHASTIC, CONSTANT = 0.69, 0.09  # the printed resolution: 69 % / sqrt(E / GeV) (+) 9 %
OWN_WIDTH = ((2.8e3, 0.31), (5.7e3, 0.243), (11.3e3, 0.207), (22e3, 0.225))  # MeV, relative: the showers' own, from hcal_hadrons/pi+.h5
MUON_LOSS = 49.3 / VISIBLE  # MeV at the scale of hadrons: 240 mm of polystyrene at 2.05 MeV/cm
MUON_WIDTH = 0.2  # relative
ETA = (2.0, 4.5)  # where single hadrons fly
EVENTS_AT_ONCE = 500
WALL = SplitGranularity()
TWO_TO_30_GEV = EnergyRange(2e3, 3e4)


class Impacts(NamedTuple):
    """Hadrons on the face: their event [k], the shots, place x and y in mm [k]."""

    event: Array
    shots: Shots
    x: Array
    y: Array


def lacking_width(energy: Array) -> Array:
    """What the showers' own relative width lacks of the printed resolution, in quadrature; 0 where they are wider. Energies in MeV."""
    energies, widths = np.array(OWN_WIDTH).T
    own = np.interp(np.log(energy), np.log(energies), widths)
    return np.asarray(np.sqrt(np.maximum(STOCHASTIC**2 / (energy / 1e3) + CONSTANT**2 - own**2, 0)))


def smear(hits: Hits, energy: Array, rng: np.random.Generator) -> Hits:
    """The hits with one factor of mean 1 for each shot that brings its width to the printed one (photon statistics, cell-to-cell differences)."""
    width = np.maximum(lacking_width(energy), 1e-3)
    factor = rng.gamma(width**-2, width**2)
    return hits._replace(energy=hits.energy * factor[hits.shot])


def place(wall: SplitGranularity, impacts: Impacts, hits: Hits, pixel: float, events: int) -> Array:
    """Energy in the cells [events, cells], MeV: every fine pixel gives each cell the share of its area that lies on it; the rest is lost."""
    rows, columns = wall.pixels
    left, below = impacts.x[hits.shot] + hits.column * pixel, impacts.y[hits.shot] + hits.row * pixel
    number = np.pad(wall.cell_of_pixel, 1, constant_values=-1)
    cells = np.zeros((events, wall.n_cells), dtype=np.float32)
    for column, across in _spans(left, pixel, wall.pixel, columns):
        for row, along in _spans(below, pixel, wall.pixel, rows):
            cells += accumulate(impacts.event[hits.shot], number[row, column], hits.energy * across * along, cells.shape)
    return cells


def _spans(low: Array, size: float, cell: float, cells: int) -> list[tuple[Array, Array]]:
    """Along one axis, the two cells that intervals [low, low + size] may touch (1 is the first, 0 and cells + 1 are outside), with their shares."""
    first = np.floor(low / cell + cells / 2)
    border = (first + 1 - cells / 2) * cell
    share = ((border - low) / size).clip(0, 1)
    return [((first + step).clip(-1, cells).astype(np.int64) + 1, part) for step, part in ((0, share), (1, 1 - share))]


def respond(wall: SplitGranularity, source: ShowerSource, impacts: Impacts, events: int, rng: np.random.Generator) -> Array:
    """Transverse energies [events, cells] of hadrons before saturation, MeV."""
    hits = smear(source.shower(impacts.shots, rng), impacts.shots.energy, rng)
    return np.asarray(place(wall, impacts, hits, source.pixel, events) * wall.sine.astype(np.float32))


@dataclass(frozen=True)
class SingleHadrons:
    """Charged pions from the interaction point; the condition is (x, y) on the face in mm and transverse energy in MeV, named `energy`.

    The response is transverse energy, too. Tracks are straight: slopes are x and y over the distance. Places are drawn uniform in pseudorapidity
    from 2 to 4.5 and in azimuth, as far as they hit the face and not the hole; energies uniform in the logarithm.

    Source: the LHCb HCAL study of 2019, section on the single track data set.
    """

    source: ShowerSource
    wall: SplitGranularity = WALL
    energies: EnergyRange = TWO_TO_30_GEV

    @property
    def detector(self) -> SplitGranularity:
        """The wall of cells."""
        return self.wall

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Place and transverse energy."""
        rows, columns = (n * self.wall.pixel / 2 for n in self.wall.pixels)
        lowest = self.energies.low / np.cosh(ETA[1]) / 2
        return (Variable("x", "mm", -columns, columns), Variable("y", "mm", -rows, rows), Variable("energy", "MeV", lowest, self.energies.high))

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Conditions [n, 3]."""
        wanted = 3 * n + 100
        radius = self.wall.distance / np.sinh(rng.uniform(*ETA, wanted))
        angle = rng.uniform(-np.pi, np.pi, wanted)
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        chosen = np.flatnonzero(on_cells(self.wall, x, y))[:n]
        sine = sine_at(self.wall, x[chosen], y[chosen])
        return np.column_stack([x[chosen], y[chosen], self.energies.draw(n, rng)[:, 0] * sine]).astype(np.float32)

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for (x, y, transverse energy) [n, 3]."""
        condition = checked_condition(condition, self.variables)
        response = np.zeros((len(condition), self.wall.n_cells), dtype=np.float32)
        for start in range(0, len(condition), EVENTS_AT_ONCE):
            x, y, transverse = condition[start : start + EVENTS_AT_ONCE].T.astype(np.float64)
            energy = transverse / sine_at(self.wall, x, y)
            shots = Shots(np.zeros(len(x), dtype=np.int64), energy, x / self.wall.distance, y / self.wall.distance)
            response[start : start + len(x)] = respond(self.wall, self.source, Impacts(np.arange(len(x)), shots, x, y), len(x), rng)
        return Events(condition, saturate(self.wall, response), self.wall, self.variables)


def cell_under(wall: SplitGranularity, x: Array, y: Array) -> Array:
    """The cell at places in mm on the face, -1 beyond the face and in the hole."""
    column, row = (np.floor(at / wall.pixel + n / 2).clip(-1, n).astype(np.int64) + 1 for at, n in ((x, wall.pixels[1]), (y, wall.pixels[0])))
    return np.asarray(np.pad(wall.cell_of_pixel, 1, constant_values=-1)[row, column])


def on_cells(wall: SplitGranularity, x: Array, y: Array) -> Array:
    """Whether places in mm lie on a cell."""
    return np.asarray(cell_under(wall, x, y) >= 0)


def sine_at(wall: SplitGranularity, x: Array, y: Array) -> Array:
    """Sine of the angle to the beam of a place on the face; that of the middle of a hole's edge at least, so that energies stay finite."""
    radius = np.maximum(np.hypot(x, y), wall.pixel)
    return np.asarray(radius / np.hypot(radius, wall.distance))


def lhcb_hcal(library: ShowerSource | None = None, energy_low: float = 2e3, energy_high: float = 3e4) -> SingleHadrons:
    """Single charged pions in the LHCb HCAL; without a `library` of showers they are parameterised; energies in MeV."""
    return SingleHadrons(library or ParameterisedShowers(), energies=EnergyRange(energy_low, energy_high))
