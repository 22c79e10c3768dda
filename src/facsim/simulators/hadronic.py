"""Parameterised hadronic showers: a track up to the first nuclear interaction, then an electromagnetic and a hadronic component."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facsim.core import Detector, Events, FacsimError, Variable
from facsim.core.detectors.locate import locator
from facsim.core.variables import checked_condition
from facsim.simulators.depth import THICKEST, Depth
from facsim.simulators.hadronic_profile import draw_em_share, hadronic_profile, track_loss
from facsim.simulators.longitudinal import Profile, draw_profile, gamma_fractions
from facsim.simulators.medium import Medium
from facsim.simulators.prior import EnergyRange
from facsim.simulators.radial import RadialShape, radial_shape
from facsim.simulators.readout import accumulate
from facsim.simulators.spots import chunks, draw_slab_energies, draw_spot_counts, draw_spots

Array = NDArray[Any]

VALID = (2e3, 2e5)  # MeV
STEEPEST = 0.25  # slope of a track
SPOTS_PER_GEV = 25.0
SPOTS_AT_ONCE = 500_000
TRACK_SPREAD = 0.3  # of a minimum-ionising particle's loss in one plate, relative
SLAB_COST, CELL_COST = 8.0, 0.125  # in spots: what a slab and a cell of one event take
LEAST_EM, LEAST_RADIAL = 1.0, 500.0  # MeV: the formulas of electromagnetic showers are not asked below
TWO_TO_100_GEV = EnergyRange(2e3, 1e5)


@dataclass(frozen=True)
class HadronResponse:
    """What the formulas leave to the detector.

    `stochastic` (sqrt(GeV)) and `constant`: fluctuations beside those of the electromagnetic share and of leakage;
    `h_over_e`: visible hadronic over visible electromagnetic energy; `free_path`: the hadron's interaction length over the medium's;
    `concentration`: of the density of the electromagnetic share; `core` and `halo`: radii of the hadronic component in interaction
    lengths; `core_weight`: the core's part of it; `em_wider`: a factor on the radii of the electromagnetic one, which in truth starts at many points.
    """

    stochastic: float = 0.5
    constant: float = 0.05
    h_over_e: float = 0.7
    free_path: float = 1.0
    concentration: float = 3.0
    core: float = 0.1
    halo: float = 0.4
    core_weight: float = 0.6
    em_wider: float = 1.0

    def __post_init__(self) -> None:
        positive = (self.stochastic, self.constant, self.h_over_e, self.free_path, self.concentration, self.core, self.halo, self.em_wider)
        if min(positive) <= 0 or not 0 <= self.core_weight <= 1:
            raise FacsimError("the hadron response is impossible", expected="numbers > 0 and a core weight from 0 to 1", got=self)


AVERAGE_RESPONSE = HadronResponse()


class Component(NamedTuple):
    """A part of n showers in m slabs: visible energy and spots [n, m], lateral shape [n, m] in units of `scale` mm."""

    visible: Array
    counts: Array
    shape: RadialShape
    scale: float


class Flight(NamedTuple):
    """Hadrons on their way: energy in MeV [n], path lengths in mm at the slabs' edges [n, m + 1] and at the first interaction [n]."""

    energy: Array
    edges: Array
    start: Array


@dataclass(frozen=True)
class HadronShowers:
    """Showers of hadrons that enter at the centre of the front face; the condition is (energy in MeV, slope in x, slope in y).

    The response is the visible energy in MeV: of the track the medium's mip fraction, of the electromagnetic component that times e/mip, of
    the hadronic one `h_over_e` of the latter. A hadron that does not interact (punch-through) leaves its track alone; what lies
    behind the last layer is lost.

    Raises:
        FacsimError: for energies outside 2 to 200 GeV or slopes beyond 0.25 unless `extrapolate`, or depths that do not fit the detector.

    Source: see `facsim.simulators.hadronic_profile`.
    """

    medium: Medium
    detector: Detector
    depth: Depth
    tuning: HadronResponse = AVERAGE_RESPONSE
    charged: bool = True
    energies: EnergyRange = TWO_TO_100_GEV
    extrapolate: bool = False

    def __post_init__(self) -> None:
        self.depth.require_layers_of(self.detector)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Energy and slopes."""
        return (Variable("energy", "MeV", *VALID), *(Variable(name, "1", -STEEPEST, STEEPEST) for name in ("tx", "ty")))

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Conditions [n, 3]: energies uniform in the logarithm, tracks along the axis."""
        return np.concatenate([self.energies.draw(n, rng), np.zeros((n, 2), dtype=np.float32)], axis=1)

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for energies and slopes [n, 3]."""
        condition = checked_condition(condition, self.variables, extrapolate=self.extrapolate)
        response = np.zeros((len(condition), self.detector.n_cells), dtype=np.float32)
        for part in chunks(self._load(condition[:, 0]), SPOTS_AT_ONCE):
            for component in self.components(condition[part].astype(np.float64), rng):
                response[part] += self._read_out(component, condition[part, 1:], rng)
        return Events(condition, response.reshape(-1, *self.detector.shape), self.detector, self.variables)

    def components(self, condition: Array, rng: np.random.Generator) -> Iterator[Component]:
        """The track, the electromagnetic and the hadronic part of showers."""
        energy, path = condition[:, 0], np.sqrt(1 + np.square(condition[:, 1:]).sum(1))
        free_path = self.tuning.free_path * self.medium.interaction_length
        flight = Flight(energy, path[:, None] * self._slabs[0], rng.exponential(free_path, len(energy)))
        loss = track_loss(flight.edges, flight.start, energy, self.medium) if self.charged else np.zeros_like(flight.edges[:, 1:])
        share = draw_em_share(energy, self.tuning.concentration, rng)
        left = (energy - loss.sum(1)) * _unit_gamma(self.tuning.constant, len(energy), rng)
        yield self._track(loss, rng)
        yield self._electromagnetic(left * share, flight, rng)
        yield self._hadronic(left * (1 - share), flight, rng)

    def _track(self, loss: Array, rng: np.random.Generator) -> Component:
        quantum = TRACK_SPREAD**2 * self.medium.mip_loss * max(self.medium.period, 1.0)
        visible = self.medium.mip_fraction * quantum * rng.standard_gamma(loss / quantum)
        zero = np.zeros_like(loss)
        return Component(visible, (visible > 0).astype(np.int64), RadialShape(zero, zero, zero), 0.0)

    def _electromagnetic(self, energy: Array, flight: Flight, rng: np.random.Generator) -> Component:
        drawn, x0 = draw_profile(np.maximum(energy, LEAST_EM), self.medium, rng), self.medium.radiation_length
        depth = (flight.edges - flight.start[:, None]) / x0
        profile = Profile(drawn.maximum, drawn.alpha, np.zeros_like(energy))
        middle = np.maximum((depth[:, 1:] + depth[:, :-1]) / 2, 0)
        shape = radial_shape(np.maximum(energy, LEAST_RADIAL)[:, None], middle / profile.centre[:, None], self.medium)
        return self._spread(energy, profile.fractions(depth), shape, self.tuning.em_wider * self.medium.moliere_radius, rng)

    def _hadronic(self, energy: Array, flight: Flight, rng: np.random.Generator) -> Component:
        depth = (flight.edges - flight.start[:, None]) / self.medium.interaction_length
        fractions = gamma_fractions(*hadronic_profile(flight.energy), depth)
        core, halo, weight = (np.full_like(fractions, number) for number in (self.tuning.core, self.tuning.halo, self.tuning.core_weight))
        return self._spread(self.tuning.h_over_e * energy, fractions, RadialShape(core, halo, weight), self.medium.interaction_length, rng)

    def _spread(self, energy: Array, fractions: Array, shape: RadialShape, scale: float, rng: np.random.Generator) -> Component:
        """Energies of slabs around their means, and their spots."""
        deposit = draw_slab_energies(energy[:, None] * fractions, self.tuning.stochastic, rng)
        counts = draw_spot_counts(SPOTS_PER_GEV * energy / 1000, fractions, deposit, rng)
        return Component(self.medium.sampling_fraction * deposit, counts, shape, scale)

    def _read_out(self, component: Component, slopes: Array, rng: np.random.Generator) -> Array:
        """Responses [n, cells] of one component, its axis along the tracks."""
        edges, layers = self._slabs
        spots = draw_spots(*component, rng)
        event, slab = np.divmod(spots.pair, len(layers))
        z = ((edges[1:] + edges[:-1]) / 2)[slab]
        cell = self._locate(spots.x + slopes[event, 0] * z, spots.y + slopes[event, 1] * z, layers[slab])
        return accumulate(event, cell, spots.energy, (len(slopes), self.detector.n_cells))

    def _load(self, energy: Array) -> Array:
        """What each event costs, in spots."""
        return SPOTS_PER_GEV * energy / 1000 + SLAB_COST * len(self._slabs[1]) + CELL_COST * self.detector.n_cells

    @cached_property
    def _slabs(self) -> tuple[Array, Array]:
        """Edges of the slabs in mm, and the layer of each."""
        return self.depth.slabs(THICKEST * self.medium.radiation_length)

    @cached_property
    def _locate(self) -> Callable[[Array, Array, Array], Array]:
        return locator(self.detector)


def _unit_gamma(width: float, n: int, rng: np.random.Generator) -> Array:
    """Positive numbers of mean 1 and that width, [n]."""
    return rng.gamma(width**-2, width**2, n)
