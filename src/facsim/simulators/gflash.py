"""GFlash: parameterised electromagnetic showers in any stack of plates or homogeneous block, on any readout in space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import Detector, Events, FacsimError, Variable, look_up
from facsim.core.detectors.locate import locator
from facsim.core.variables import checked_condition
from facsim.simulators.depth import THICKEST, Depth
from facsim.simulators.longitudinal import PARTICLES, Profile, draw_profile, log_y
from facsim.simulators.medium import Medium
from facsim.simulators.prior import ONE_TO_100_GEV, EnergyRange
from facsim.simulators.radial import radial_shape
from facsim.simulators.readout import accumulate
from facsim.simulators.spots import chunks, draw_slab_energies, draw_spot_counts, draw_spots, spot_number, spot_profile
from facsim.simulators.tuning import AS_PRINTED, Tuning

Array = NDArray[Any]

VALID = (500.0, 1e6)  # MeV: where the parameterisation was tuned
SPOTS_AT_ONCE = 500_000  # bounds the memory, and keeps the arrays in cache
CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class GFlash:
    """Showers of electrons or photons along the axis of a detector; the condition is the energy in MeV.

    The response is the visible energy in MeV: what is deposited, times `sampling_fraction` (by default the medium's own, the mip fraction
    times e/mip; 1 for a homogeneous block). A deposit fluctuates by `resolution` sqrt(E / GeV), and the shower's shape from event to event.
    A plate stack is not resolved: energy falls evenly on absorber and active material in proportion to the sampling fraction.

    Raises:
        FacsimError: for energies outside 0.5 GeV to 1 TeV unless `extrapolate`, for an unknown particle, or depths that do not fit the detector.

    Source: Grindhammer, Rudowicz and Peters, Nucl. Instrum. Meth. A 290 (1990) 469; Grindhammer and Peters (1993), hep-ex/0001020.
    """

    medium: Medium
    detector: Detector
    depth: Depth
    particle: str = "electron"
    resolution: float = 0.11
    sampling_fraction: float | None = None
    tuning: Tuning = AS_PRINTED
    energies: EnergyRange = ONE_TO_100_GEV
    extrapolate: bool = False

    def __post_init__(self) -> None:
        look_up(PARTICLES, self.particle, "particle")
        self.depth.require_layers_of(self.detector)
        if self.resolution <= 0 or self.visible_fraction <= 0 or self.tuning.wider <= 0:
            raise FacsimError(
                "resolution, sampling fraction and width must be positive", got=(self.resolution, self.visible_fraction, self.tuning.wider)
            )

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The energy in MeV, and the range in which the parameterisation holds."""
        low, high = VALID
        return (Variable("energy", "MeV", low, high),)

    @property
    def visible_fraction(self) -> float:
        """Visible over deposited energy."""
        return self.medium.sampling_fraction if self.sampling_fraction is None else self.sampling_fraction

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Conditions [n, 1]: energies, uniform in the logarithm."""
        return self.energies.draw(n, rng)

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for energies [n, 1] in MeV."""
        condition = checked_condition(condition, self.variables, extrapolate=self.extrapolate)
        energy = condition[:, 0].astype(np.float64)
        response = np.zeros((len(energy), self.detector.n_cells), dtype=np.float32)
        for part in chunks(self._load(energy), SPOTS_AT_ONCE):
            response[part] = self._showers(energy[part], rng)
        return Events(condition, response.reshape(-1, *self.detector.shape), self.detector, self.variables)

    def draw_profile(self, energy: Array, rng: np.random.Generator) -> Profile:
        """The longitudinal profiles of single showers of energies [n] in MeV."""
        profile = draw_profile(energy, self.medium, rng)
        started = replace(profile, start=PARTICLES[self.particle](len(energy), rng))
        return self.tuning.apply(started, log_y(energy, self.medium))

    def _load(self, energy: Array) -> Array:
        """What each event costs, in spots: its own and, in very fine readouts, its cells."""
        return spot_number(energy, self.medium, self.resolution) + self.detector.n_cells * SPOTS_AT_ONCE / CELLS_AT_ONCE

    def _showers(self, energy: Array, rng: np.random.Generator) -> Array:
        """Responses [n, cells] of a chunk of events."""
        edges, layers = self._slabs
        profile = self.draw_profile(energy, rng)
        deposit = draw_slab_energies(energy[:, None] * profile.fractions(edges), self.resolution, rng)
        number = spot_number(energy, self.medium, self.resolution)
        counts = draw_spot_counts(number, spot_profile(profile, self.medium).fractions(edges), deposit, rng)
        shape = radial_shape(energy[:, None], relative_depth(profile, edges), self.medium)
        spots = draw_spots(self.visible_fraction * deposit, counts, shape, self.tuning.wider * self.medium.moliere_radius, rng)
        event, slab = np.divmod(spots.pair, len(layers))
        cell = self._locate(spots.x, spots.y, layers[slab])
        return accumulate(event, cell, spots.energy, (len(energy), self.detector.n_cells))

    @cached_property
    def _slabs(self) -> tuple[Array, Array]:
        """Edges of the slabs in radiation lengths, and the layer of each."""
        edges, layers = self.depth.slabs(THICKEST * self.medium.radiation_length)
        return edges / self.medium.radiation_length, layers

    @cached_property
    def _locate(self) -> Callable[[Array, Array, Array], Array]:
        return locator(self.detector)


def relative_depth(profile: Profile, edges: Array) -> Array:
    """tau in the middle of each slab's part behind the shower's start: depth over the depth of the centre of gravity, [n, m]."""
    depth = np.maximum(edges - profile.start[:, None], 0)
    return np.asarray((depth[:, 1:] + depth[:, :-1]) / (2 * profile.centre[:, None]))
