"""Air showers over an array of stations, parameterised: cosmic rays from protons to iron, and vertical showers of one depth.

Source: Erdmann, Glombitza and Walz, A deep learning-based reconstruction of cosmic ray-induced air showers, Astropart. Phys. 97 (2018) 46,
arXiv:1708.00647; the vertical showers: Erdmann, Geiger, Glombitza and Schmidt, Comput. Softw. Big Sci. 2 (2018) 4, arXiv:1802.03325.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import Events, FacsimError, StationArray, Variable
from facsim.core.variables import checked_condition
from facsim.simulators.atmosphere import METRE, height_at, vertical_depth
from facsim.simulators.primaries import MASSES, draw_core, draw_depth_of_maximum, draw_zenith, lg_ev
from facsim.simulators.prior import EnergyRange
from facsim.simulators.station_response import (
    Particles,
    add_gain_noise,
    draw_counts,
    draw_noise,
    draw_trace,
    expected_particles,
    shares_in_bins,
    threshold,
    time_uncertainty,
)

Array = NDArray[Any]

EEV = 1e12  # MeV
LIGHT = 299.792458  # mm/ns
BINS, BIN_WIDTH = 80, 25.0  # of the recorded trace, ns
CORE_RADIUS = 750 * METRE
LOWEST_MAXIMUM = 200 * METRE  # above the ground
DEEPEST = 2000.0  # g/cm2
TIME_OFFSET = 50.0  # ns: one uniform offset between - and + this for each event
THREE_TO_100_EEV = EnergyRange(10**0.5 * EEV, 100 * EEV)
AT_ONCE = 250  # events: bounds the memory, and keeps the arrays in cache


@dataclass(frozen=True)
class AirShowers:
    """Showers of protons, helium, nitrogen and iron over an array.

    The condition is (energy in MeV, mass number, zenith and azimuth of the direction of origin in rad, slant depth of the maximum in g/cm2, core x
    and y in mm on the ground). `muon_fraction` is the share of muons in proton showers, `noise` scales the bins' noise and the trigger that
    follows it, `fluctuations` those of the particle numbers and of the gain of each bin.

    The prior draws energies uniform in the logarithm, the four masses alike, zeniths ~ sin cos, the depth from EPOS-LHC, cores in a disc of 750 m.

    Raises:
        FacsimError: for settings out of range, or showers whose maximum lies less than 200 m above the ground.
    """

    array: StationArray
    energies: EnergyRange = THREE_TO_100_EEV
    max_zenith: float = np.pi / 3
    muon_fraction: float = 0.3
    noise: float = 1.0
    fluctuations: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.muon_fraction <= 1 or not 0 <= self.max_zenith < np.pi / 2 or min(self.noise, self.fluctuations) < 0:
            got = (self.muon_fraction, self.max_zenith, self.noise, self.fluctuations)
            raise FacsimError("no showers can be made", expected="0 <= muon fraction <= 1, 0 <= zenith < pi/2, noise and fluctuations >= 0", got=got)
        if self.array.bins not in (0, BINS) or (self.array.bins and self.array.bin_width != BIN_WIDTH):
            raise FacsimError("showers have traces of another length", expected=f"0 or {BINS} bins of {BIN_WIDTH} ns", got=self.array.bins)

    @property
    def detector(self) -> StationArray:
        """The array."""
        return self.array

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The seven columns of the condition."""
        return (
            Variable("energy", "MeV", self.energies.low, self.energies.high),
            Variable("mass", "1", 1.0, 56.0, tuple(MASSES.values())),
            Variable("zenith", "rad", 0.0, self.max_zenith),
            Variable("azimuth", "rad", -np.pi, np.pi),
            Variable("xmax", "g/cm2", 0.0, DEEPEST),
            Variable("core_x", "mm", -CORE_RADIUS, CORE_RADIUS),
            Variable("core_y", "mm", -CORE_RADIUS, CORE_RADIUS),
        )

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Conditions, float32 [n, 7]."""
        energy = self.energies.draw(n, rng)[:, 0]
        mass, zenith = rng.choice(list(MASSES.values()), n), draw_zenith(n, self.max_zenith, rng)
        azimuth, core = rng.uniform(-np.pi, np.pi, n), draw_core(n, CORE_RADIUS, rng)
        depth = self._draw_depth(energy, mass, zenith, rng)
        return np.stack([energy, mass, zenith, azimuth, depth, *core.T], axis=1).astype(np.float32)

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for conditions [n, 7]."""
        condition = checked_condition(condition, self.variables)
        response = np.empty((len(condition), *self.array.shape), dtype=np.float32)
        for start in range(0, len(condition), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            response[part] = self._responses(condition[part].astype(np.float64), rng)
        return Events(condition, response, self.array, self.variables)

    def _draw_depth(self, energy: Array, mass: Array, zenith: Array, rng: np.random.Generator) -> Array:
        """Depths of maxima that lie high enough above the ground."""
        largest = self._deepest(zenith)
        depth = np.full(len(energy), np.inf)
        while (low := depth > largest).any():
            depth[low] = draw_depth_of_maximum(energy[low], mass[low], rng)
        return depth

    def _deepest(self, zenith: Array) -> Array:
        return np.asarray(vertical_depth(np.array(self.array.height + LOWEST_MAXIMUM)) / np.cos(zenith))

    def _responses(self, condition: Array, rng: np.random.Generator) -> Array:
        """Responses [n, *shape] of a chunk of events."""
        energy, mass, zenith, azimuth, xmax, *core = condition.T
        if (xmax > self._deepest(zenith) * (1 + 1e-6)).any():
            raise FacsimError(
                "a shower's maximum lies in the ground or less than 200 m above it", expected="a smaller xmax", got=f"{xmax.max():g} g/cm2"
            )
        axis = direction(zenith, azimuth)
        place = self.array.stations.reshape(-1, 3) - np.stack([*core, np.full(len(core[0]), self.array.height)], axis=1)[:, None]
        along = np.einsum("nsk,nk->ns", place, axis)
        distance = np.sqrt(np.maximum(np.square(place).sum(-1) - along**2, 0))
        behind = self._depth_behind_maximum(place, axis, xmax)
        mean = expected_particles(
            distance, behind, lg_ev(energy)[:, None], mass[:, None], muon_fraction=self.muon_fraction, saturation=self.array.saturation
        )
        counts = Particles(*(draw_counts(s, self.fluctuations, rng) for s in mean))
        trace, particles = self._traces(counts, distance, behind, rng)
        return self._record(trace, self._times(along, particles, rng))

    def _depth_behind_maximum(self, place: Array, axis: Array, xmax: Array) -> Array:
        """Depth of the air between the shower's maximum and each station in g/cm2, [n, stations]; `place` is relative to the core."""
        vertical = xmax * axis[:, 2]
        height = height_at(vertical) - self.array.height
        to_maximum = (height / axis[:, 2])[:, None, None] * axis[:, None] - place
        cosine = height[:, None] / np.linalg.norm(to_maximum, axis=-1)
        return np.asarray((vertical_depth(np.array(self.array.height)) - vertical)[:, None] / cosine)

    def _traces(self, counts: Particles, distance: Array, behind: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Traces [n, stations, bins] with noise, zero in stations without trigger, and the particles [n, stations] behind them."""
        hit = (counts.muons + counts.electromagnetic) > 0
        shares = shares_in_bins(distance[hit], behind[hit], BIN_WIDTH * np.arange(BINS + 1))
        seen = draw_trace(Particles(*(n[hit] for n in counts)), shares, rng)
        particles = np.zeros(hit.shape)
        particles[hit] = seen.sum(1, dtype=np.float64)
        trace = draw_noise((*hit.shape, BINS), self.noise, rng)
        trace[hit] += add_gain_noise(seen, self.fluctuations, rng)
        np.maximum(trace, 0, out=trace)
        trace[trace.sum(-1) < threshold(BINS, self.noise)] = 0
        return trace, particles

    def _times(self, along: Array, particles: Array, rng: np.random.Generator) -> Array:
        """Arrival times in ns after the core reaches the ground, [n, stations]: a plane front, noise, one offset for each event."""
        noise = time_uncertainty(particles) * rng.standard_normal(along.shape)
        return -along / LIGHT + noise + rng.uniform(-TIME_OFFSET, TIME_OFFSET, (len(along), 1))

    def _record(self, trace: Array, time: Array) -> Array:
        """What the array keeps of traces [n, stations, 80] and times [n, stations]."""
        kept = trace if self.array.bins else trace.sum(-1, keepdims=True)
        if self.array.timed:
            seen = np.where(kept.any(-1), time + self.array.window, 0.0)
            kept = np.concatenate([kept, seen[..., None].astype(np.float32)], axis=-1)
        return kept.reshape(-1, *self.array.shape)


@dataclass(frozen=True)
class VerticalShowers:
    """Vertical proton showers on the central station with one depth of the maximum; the condition is the energy in MeV, uniform in the prior."""

    showers: AirShowers
    xmax: float

    def __post_init__(self) -> None:
        self.showers._responses(self._full(np.array([[self.showers.energies.low]])), np.random.default_rng(0))  # the depth must be possible

    @property
    def detector(self) -> StationArray:
        """The array."""
        return self.showers.array

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The energy."""
        return self.showers.variables[:1]

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Energies, float32 [n, 1], uniform."""
        return rng.uniform(self.showers.energies.low, self.showers.energies.high, (n, 1)).astype(np.float32)

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for energies [n, 1]."""
        condition = checked_condition(condition, self.variables)
        events = self.showers.simulate(self._full(condition), rng)
        return Events(condition, events.response, events.detector, self.variables)

    def _full(self, condition: Array) -> Array:
        """The seven columns of AirShowers for energies [n, 1]."""
        rest = np.array([MASSES["proton"], 0.0, 0.0, self.xmax, 0.0, 0.0])
        return np.concatenate([condition, np.broadcast_to(rest, (len(condition), len(rest)))], axis=1)


def direction(zenith: Array, azimuth: Array) -> Array:
    """Unit vectors (x, y, z) towards the origin of the showers, [n, 3]."""
    return np.stack([np.cos(azimuth) * np.sin(zenith), np.sin(azimuth) * np.sin(zenith), np.cos(zenith)], axis=1)
