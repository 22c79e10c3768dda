"""Full events of the LHCb hadronic calorimeter: particles bent by the dipole, tracker images, calorimeter responses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facsim.core import Events, SplitGranularity, Variable, concatenate, stream
from facsim.core.detectors import saturate
from facsim.simulators.collisions import ETA, KAON, Particles, collide
from facsim.simulators.hadron_showers import Shots, ShowerSource
from facsim.simulators.hcal import MUON_LOSS, MUON_WIDTH, WALL, Impacts, cell_under, respond
from facsim.simulators.readout import accumulate

Array = NDArray[Any]

KICK = 0.299792458 * 4.0e3  # MeV of transverse momentum in x: 4 Tm, for a unit charge
MAGNET = 5200.0  # mm: where the bend is, in one place
TRACKER = (64, 64)  # pixels of the tracker image, each as large as an inner cell
DEPTH = 1200.0  # mm of the calorimeter
MUON = 13
KIND_OF = {211: 0, 2212: 1, 2112: 2, KAON: 3, 130: 4}  # by PDG code: what hadrons reach the calorimeter
BARYONS = (2212, 2112)
LEAST = 100.0  # MeV of kinetic energy that a hadron must have to be seen
SLICES = 12  # of a muon's way
BATCH = 100  # events at once
SIGNALS = ("kaon", "pion1", "pion2")


class Arrivals(NamedTuple):
    """Particles at the face: place x, y in mm and slopes [k]; NaN for those that the magnet throws out."""

    x: Array
    y: Array
    tx: Array
    ty: Array


def bend(particles: Particles, distance: float, polarity: float = 1.0) -> Arrivals:
    """Straight lines to the middle of the magnet, a kick of p_x by charge and polarity, straight lines to `distance` mm."""
    momentum, (x, y, z) = particles.momentum, particles.origin.T
    before = z < MAGNET
    sideways = momentum[:, 0] + np.where(before, polarity * particles.charge * KICK, 0.0)
    square = (momentum**2).sum(1) - sideways**2 - momentum[:, 1] ** 2
    forward = np.sqrt(np.where(square > 0, square, np.nan))
    slope_x, slope_y = momentum[:, 0] / momentum[:, 2], momentum[:, 1] / momentum[:, 2]
    to_magnet, tx, ty = np.where(before, MAGNET - z, 0.0), sideways / forward, momentum[:, 1] / forward
    rest = np.where(z < distance, distance - z - to_magnet, np.nan)
    return Arrivals(x + slope_x * to_magnet + tx * rest, y + slope_y * to_magnet + ty * rest, tx, ty)


def tracker_images(particles: Particles, at: Arrivals, events: int, pixel: float = WALL.pixel) -> Array:
    """Transverse energy of charged tracks of 2 < eta < 4.5 from before the magnet, in the pixels that they hit, float32 [events, 64, 64]."""
    transverse = np.hypot(*particles.momentum[:, :2].T)
    eta = np.arcsinh(particles.momentum[:, 2] / np.maximum(transverse, 1e-9))
    sine = transverse / np.sqrt((particles.momentum**2).sum(1))
    rows, columns = TRACKER
    column, row = np.floor(at.x / pixel + columns / 2), np.floor(at.y / pixel + rows / 2)
    seen = (particles.charge != 0) & (eta > ETA[0]) & (eta < ETA[1]) & (particles.origin[:, 2] < MAGNET)
    seen &= (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    place = (row[seen] * columns + column[seen]).astype(np.int64)
    return accumulate(particles.event[seen], place, (particles.energy * sine)[seen], (events, rows * columns)).reshape(events, rows, columns)


def calorimeter(particles: Particles, at: Arrivals, source: ShowerSource, events: int, rng: np.random.Generator) -> Array:
    """Responses of all hadrons and muons, saturated, float32 [events, cells]; electrons and photons have ended before."""
    wall, code = WALL, np.abs(particles.code)
    mass = np.sqrt(np.maximum(particles.energy**2 - (particles.momentum**2).sum(1), 0))
    kinetic = particles.energy - np.where(np.isin(code, BARYONS), mass, 0.0)
    near = (np.abs(at.x) < wall.pixels[1] * wall.pixel) & (np.abs(at.y) < wall.pixels[0] * wall.pixel)
    hadrons = np.flatnonzero(near & (kinetic > LEAST) & np.isin(code, list(KIND_OF)))
    kind = np.array([KIND_OF[c] for c in code[hadrons].tolist()], dtype=np.int64)
    impacts = Impacts(particles.event[hadrons], Shots(kind, kinetic[hadrons], at.tx[hadrons], at.ty[hadrons]), at.x[hadrons], at.y[hadrons])
    muons = np.flatnonzero(near & (code == MUON))
    tracks = minimum_ionising(wall, particles.event[muons], Arrivals(*(part[muons] for part in at)), events, rng)
    return saturate(wall, respond(wall, source, impacts, events, rng) + tracks)


def minimum_ionising(wall: SplitGranularity, event: Array, at: Arrivals, events: int, rng: np.random.Generator) -> Array:
    """Transverse energies that muons leave along their way, float32 [events, cells]."""
    loss = MUON_LOSS * np.sqrt(1 + at.tx**2 + at.ty**2) * rng.gamma(MUON_WIDTH**-2, MUON_WIDTH**2, len(event))
    depth = (np.arange(SLICES) + 0.5) / SLICES * DEPTH
    x, y = ((place[:, None] + slope[:, None] * depth).ravel() for place, slope in ((at.x, at.tx), (at.y, at.ty)))
    cell = cell_under(wall, x, y)
    return accumulate(event.repeat(SLICES), cell, (loss / SLICES).repeat(SLICES), (events, wall.n_cells)) * wall.sine.astype(np.float32)


def full_events(particles: Particles, events: int, source: ShowerSource, rng: np.random.Generator) -> Events:
    """Events with the tracker image as condition, and before it the places of the signal kaon and pions in mm, whose names begin with theirs.

    The places are for the trigger alone; `without_signal` takes them out.
    """
    at = bend(particles, WALL.distance)
    places = np.full((events, len(SIGNALS), 2), 10 * WALL.distance)  # far off, where there is no such track
    for number in (1, 2):
        mine = np.flatnonzero((particles.signal == number) & np.isfinite(at.x) & np.isfinite(at.y))
        order = _counted(particles.event[mine])
        fits = order < number
        places[particles.event[mine][fits], number - 1 + order[fits]] = np.column_stack([at.x, at.y])[mine][fits]
    tracks = tracker_images(particles, at, events)
    condition = np.concatenate([places.reshape(events, -1), tracks.reshape(events, -1)], axis=1)
    return Events(condition, calorimeter(particles, at, source, events, rng), WALL, (*SIGNAL_VARIABLES, TRACKS))


def generate(events: int, source: ShowerSource, seed: int) -> Events:
    """Full events from Pythia 8 (see `collide`)."""
    particles, parts = collide(events, seed), []
    for start in range(0, events, BATCH):
        number = min(BATCH, events - start)
        low, high = np.searchsorted(particles.event, [start, start + number])
        part = Particles(*(values[low:high] for values in particles))
        parts.append(full_events(part._replace(event=part.event - start), number, source, stream(seed, "full events", start)))
    return concatenate(parts)


SIGNAL_VARIABLES = tuple(Variable(f"{name}_{axis}", "mm", -10 * WALL.distance, 10 * WALL.distance) for name in SIGNALS for axis in ("x", "y"))
TRACKS = Variable("tracks", "MeV", 0.0, 6.5e6, shape=TRACKER)


def signal_places(events: Events) -> Array:
    """Places (x, y) of the signal kaon and pions on the face in mm, [n, 3, 2]."""
    return events.condition[:, : len(SIGNAL_VARIABLES)].reshape(len(events), len(SIGNALS), 2)


def without_signal(events: Events) -> Events:
    """The same events with the tracker image alone as condition."""
    return Events(events.condition[:, len(SIGNAL_VARIABLES) :], events.response, events.detector, events.variables[-1:], events.weight)


def _counted(values: Array) -> Array:
    """How many equal values stand before each in a sorted array."""
    return np.arange(len(values)) - np.searchsorted(values, values)
