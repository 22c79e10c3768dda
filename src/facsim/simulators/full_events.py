"""Full events of the LHCb hadronic calorimeter: particles bent by the dipole, lists of what arrives, tracker images, calorimeter responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facsim.core import Events, SplitGranularity, Variable
from facsim.core.detectors import saturate
from facsim.core.variables import checked_condition
from facsim.simulators.collisions import ETA, KAON, Particles, collide
from facsim.simulators.hadron_showers import ParameterisedShowers, Shots, ShowerSource
from facsim.simulators.hcal import MUON_LOSS, MUON_WIDTH, WALL, Impacts, cell_under, on_cells, respond, sine_at
from facsim.simulators.readout import accumulate

Array = NDArray[Any]

KICK = 0.299792458 * 4.0e3  # MeV of transverse momentum in x: 4 Tm, for a unit charge
MAGNET = 5200.0  # mm: where the bend is, in one place
TRACKER = (64, 64)  # pixels of the tracker image, each as large as an inner cell
DEPTH = 1200.0  # mm of the calorimeter
MUON = 13
KIND_OF = {211: 0, 2212: 1, 2112: 2, KAON: 3, 130: 4, MUON: 5}  # by PDG code: what reaches the calorimeter; the first five as KINDS has them
MUONS, STOPPED = 5, 6  # kinds: muons, and what leaves nothing in the calorimeter but maybe a track
BARYONS = (2212, 2112)
LEAST = 100.0  # MeV of kinetic energy that a hadron must have to be seen
SLICES = 12  # of a muon's way
BATCH = 100  # events at once
SLOTS = 512  # particles that the list of an event holds
SIGNALS = ("kaon", "pion1", "pion2")
NOWHERE = 10 * WALL.distance  # mm: where signal tracks are that do not exist


class Arrivals(NamedTuple):
    """Particles at the face: place x, y in mm and slopes [k]; NaN for those that the magnet throws out."""

    x: Array
    y: Array
    tx: Array
    ty: Array


class Incident(NamedTuple):
    """Particles at the face: event, kind (KIND_OF; 6 leaves nothing there), kinetic energy in MeV, place in mm, slopes; all [k].

    `track` is the transverse energy of its track in MeV, 0 if it has none: the energy times the sine of the place where the track hits the face, as
    cells tell theirs.
    """

    event: Array
    kind: Array
    energy: Array
    x: Array
    y: Array
    tx: Array
    ty: Array
    track: Array


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


def incident(particles: Particles) -> Incident:
    """What arrives at the calorimeter, or leaves a track: charged ones of 2 < eta < 4.5 from before the magnet that reach the tracker image.

    Hadrons in the hole for the beam or beyond the face meet no calorimeter.
    """
    at, code = bend(particles, WALL.distance), np.abs(particles.code)
    mass = np.sqrt(np.maximum(particles.energy**2 - (particles.momentum**2).sum(1), 0))
    kinetic = particles.energy - np.where(np.isin(code, BARYONS), mass, 0.0)
    kind = np.array([KIND_OF.get(c, STOPPED) for c in code.tolist()], dtype=np.int64)
    kind = np.where((kind < MUONS) & ((kinetic <= LEAST) | ~on_cells(WALL, *np.nan_to_num([at.x, at.y]))), STOPPED, kind)
    track = np.where(_tracked(particles, at), particles.energy * sine_at(WALL, at.x, at.y), 0.0)
    near = (np.abs(at.x) < WALL.pixels[1] * WALL.pixel) & (np.abs(at.y) < WALL.pixels[0] * WALL.pixel)
    kept = (near & (kind != STOPPED)) | (track > 0)
    return Incident(*(part[kept] for part in (particles.event, kind, kinetic, *at, track)))


def _tracked(particles: Particles, at: Arrivals) -> Array:
    momentum = particles.momentum
    eta = np.arcsinh(momentum[:, 2] / np.maximum(np.hypot(momentum[:, 0], momentum[:, 1]), 1e-9))
    column, row = pixel_of(at.x, at.y)
    seen = (particles.charge != 0) & (eta > ETA[0]) & (eta < ETA[1]) & (particles.origin[:, 2] < MAGNET)
    return np.asarray(seen & (column >= 0) & (column < TRACKER[1]) & (row >= 0) & (row < TRACKER[0]))


def pixel_of(x: Array, y: Array) -> tuple[Array, Array]:
    """Column and row of the tracker image at places in mm, beyond its edges too; whole numbers as floats, NaN for NaN."""
    return np.floor(x / WALL.pixel + TRACKER[1] / 2), np.floor(y / WALL.pixel + TRACKER[0] / 2)


def tracker_images(particles: Incident, events: int) -> Array:
    """Transverse energies of the tracks in the pixels that they hit, float32 [events, 64, 64]."""
    seen = particles.track > 0
    column, row = pixel_of(particles.x[seen], particles.y[seen])
    place = (row * TRACKER[1] + column).astype(np.int64)
    return accumulate(particles.event[seen], place, particles.track[seen], (events, TRACKER[0] * TRACKER[1])).reshape(events, *TRACKER)


def calorimeter(particles: Incident, source: ShowerSource, events: int, rng: np.random.Generator) -> Array:
    """Responses to all hadrons and muons, saturated, float32 [events, cells]; electrons and photons have ended before."""
    hadrons, muons = (Incident(*(part[chosen] for part in particles)) for chosen in (particles.kind < MUONS, particles.kind == MUONS))
    shots = Shots(hadrons.kind, hadrons.energy, hadrons.tx, hadrons.ty)
    response = respond(WALL, source, Impacts(hadrons.event, shots, hadrons.x, hadrons.y), events, rng)
    return saturate(WALL, response + minimum_ionising(WALL, muons, events, rng))


def minimum_ionising(wall: SplitGranularity, muons: Incident, events: int, rng: np.random.Generator) -> Array:
    """Transverse energies that muons leave along their way, float32 [events, cells]."""
    loss = MUON_LOSS * np.sqrt(1 + muons.tx**2 + muons.ty**2) * rng.gamma(MUON_WIDTH**-2, MUON_WIDTH**2, len(muons.event))
    depth = (np.arange(SLICES) + 0.5) / SLICES * DEPTH
    x, y = ((place[:, None] + slope[:, None] * depth).ravel() for place, slope in ((muons.x, muons.tx), (muons.y, muons.ty)))
    energy = (loss / SLICES).repeat(SLICES)
    return accumulate(muons.event.repeat(SLICES), cell_under(wall, x, y), energy, (events, wall.n_cells)) * wall.sine.astype(np.float32)


def signal_tracks(particles: Particles, events: int) -> Array:
    """Where the signal kaon and pions hit the face, (x, y) in mm, [events, 3, 2]; far off where there is no such track."""
    at = bend(particles, WALL.distance)
    places = np.full((events, len(SIGNALS), 2), NOWHERE)
    for number in (1, 2):
        mine = np.flatnonzero((particles.signal == number) & np.isfinite(at.x) & np.isfinite(at.y))
        order = _counted(particles.event[mine])
        fits = order < number
        places[particles.event[mine][fits], number - 1 + order[fits]] = np.column_stack([at.x, at.y])[mine][fits]
    return places.clip(-NOWHERE, NOWHERE)


def as_condition(particles: Incident, signal: Array) -> Array:
    """Conditions as FullEvents has them, float32 [events, columns]; of more than 512 particles those of the highest energies."""
    events = len(signal)
    order = np.lexsort((-particles.energy, particles.event))
    rank = _counted(particles.event[order])
    kept = Incident(*(part[order[rank < SLOTS]] for part in particles))
    lists = np.zeros((len(LISTS), events, SLOTS), dtype=np.float32)
    lists[:, kept.event, rank[rank < SLOTS]] = kept[1:]
    tracks = tracker_images(kept, events)
    return np.concatenate([signal.reshape(events, -1).astype(np.float32), *lists, tracks.reshape(events, -1)], axis=1)


def particles_of(condition: Array) -> Incident:
    """The particles of conditions [events, columns] as FullEvents has them."""
    lists = condition[:, len(SIGNAL_VARIABLES) : -TRACKS.columns].reshape(len(condition), len(LISTS), SLOTS).astype(np.float64)
    event, slot = np.nonzero(lists[:, list(Incident._fields).index("energy") - 1])
    kind, *rest = lists[event, :, slot].T
    return Incident(event, kind.astype(np.int64), *rest)


SIGNAL_VARIABLES = tuple(Variable(f"{name}_{axis}", "mm", -NOWHERE, NOWHERE) for name in SIGNALS for axis in ("x", "y"))
LISTS = (
    Variable("particle_kind", "1", 0.0, STOPPED, shape=(SLOTS,)),
    Variable("particle_energy", "MeV", 0.0, 6.5e6, shape=(SLOTS,)),
    *(Variable(f"particle_{axis}", "mm", -NOWHERE, NOWHERE, shape=(SLOTS,)) for axis in ("x", "y")),
    *(Variable(f"particle_{slope}", "1", -1e4, 1e4, shape=(SLOTS,)) for slope in ("tx", "ty")),
    Variable("particle_track", "MeV", 0.0, 6.5e6, shape=(SLOTS,)),
)
TRACKS = Variable("tracks", "MeV", 0.0, 6.5e6, shape=TRACKER)


@dataclass(frozen=True)
class FullEvents:
    """Events of B -> D mu nu (see `collide`) in the LHCb hadronic calorimeter; responses in transverse energy, the last condition the tracker image.

    Before it are the places of the signal kaon and pions (for the trigger), and lists of all particles that arrive, 512 places each, those of the
    highest energies first, zeros behind the last: `particle_kind` (0 pion, 1 proton, 2 neutron, 3 kaon, 4 K0L, 5 muon, 6 other), kinetic
    `particle_energy`, place and slopes on the face, and the transverse energy of its track, `particle_track`, 0 for those without. So the same event
    can be simulated again; `only(events, "tracks")` keeps the image alone for models to learn from.

    Source: the LHCb HCAL study of 2019, section 2.2; collisions from Pythia 8.
    """

    source: ShowerSource

    @property
    def detector(self) -> SplitGranularity:
        """The wall of cells."""
        return WALL

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Signal places, lists of particles, the tracker image."""
        return (*SIGNAL_VARIABLES, *LISTS, TRACKS)

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Conditions of n collisions [n, columns]; needs Pythia."""
        particles = collide(n, int(rng.integers(2**31)))
        return as_condition(incident(particles), signal_tracks(particles, n))

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for conditions [n, columns], whose particles are all that counts."""
        condition = checked_condition(condition, self.variables)
        response = np.zeros((len(condition), WALL.n_cells), dtype=np.float32)
        for start in range(0, len(condition), BATCH):
            part = condition[start : start + BATCH]
            response[start : start + BATCH] = calorimeter(particles_of(part), self.source, len(part), rng)
        return Events(condition, response, WALL, self.variables)


def signal_places(events: Events) -> Array:
    """Places (x, y) of the signal kaon and pions on the face in mm, [n, 3, 2]."""
    return np.stack([events.column(v.name) for v in SIGNAL_VARIABLES], axis=1).reshape(len(events), len(SIGNALS), 2)


def lhcb_events(library: ShowerSource | None = None) -> FullEvents:
    """Full events in the LHCb HCAL; without a `library` of showers they are parameterised."""
    return FullEvents(library or ParameterisedShowers())


def _counted(values: Array) -> Array:
    """How many equal values stand before each in a sorted array."""
    return np.arange(len(values)) - np.searchsorted(values, values)
