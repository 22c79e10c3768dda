"""The longitudinal profile of an electromagnetic shower: a Gamma density whose two parameters fluctuate from shower to shower.

Depths are in radiation lengths, energies in MeV. The formulas of a stack turn into those of a homogeneous block where the plates are
infinitely thin and e/mip is one, so that each is written once.

Source: Grindhammer and Peters, The parameterized simulation of electromagnetic showers in homogeneous and sampling calorimeters (1993),
hep-ex/0001020, sections 2.1 and 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc

from facsim.simulators.medium import Medium

Array = NDArray[Any]

LOWEST_MAXIMUM, LOWEST_ALPHA = 1.0, 1.1  # guards at low energy, as Geant4 has them
WIDEST = 0.5  # of ln T and ln alpha, likewise
CONVERSION = 9 / 7  # mean depth at which a photon makes its first pair, X0


@dataclass(frozen=True)
class Fluctuation:
    """The widths of ln T and ln alpha are 1 / (c0 + c1 ln y); their correlation is rho0 - 0.023 ln y."""

    maximum: tuple[float, float]
    alpha: tuple[float, float]
    correlation: float


HOMOGENEOUS = Fluctuation((-1.4, 1.26), (-0.58, 0.86), 0.705)
SAMPLING = Fluctuation((-2.5, 1.25), (-0.82, 0.79), 0.784)


@dataclass(frozen=True)
class Profile:
    """Gamma profiles of n showers: the depth of the maximum T, the shape alpha and the depth where the shower starts, each [n]."""

    maximum: Array
    alpha: Array
    start: Array

    @property
    def beta(self) -> Array:
        """The scale of the Gamma density, 1/X0."""
        return (self.alpha - 1) / self.maximum

    @property
    def centre(self) -> Array:
        """Mean depth counted from the shower's start, X0."""
        return self.alpha / self.beta

    def fractions(self, edges: Array) -> Array:
        """Share of the energy between neighbouring depths, [m + 1] or [n, m + 1]: [n, m]."""
        return gamma_fractions(self.alpha, self.beta, edges - self.start[:, None])


def gamma_fractions(alpha: Array, beta: Array, depth: Array) -> Array:
    """Share of Gamma densities [n] between neighbouring depths [n, m + 1] counted from their start: [n, m]."""
    return np.diff(gammainc(alpha[:, None], beta[:, None] * np.maximum(depth, 0)), axis=1)


def log_y(energy: Array, medium: Medium) -> Array:
    """ln(E / Ec)."""
    return np.log(np.asarray(energy, dtype=np.float64) / medium.critical_energy)


def typical_maximum(log_y: Array, medium: Medium) -> Array:
    """exp<ln T>: the typical depth of the maximum, X0."""
    return np.maximum(log_y - 0.812 - 0.55 * medium.plate_depth - 0.69 * medium.hardness, LOWEST_MAXIMUM)


def typical_alpha(log_y: Array, medium: Medium) -> Array:
    """exp<ln alpha>: the typical shape of the Gamma density."""
    return np.maximum(0.81 + (0.458 + 2.26 / medium.Z) * log_y - 0.476 * medium.plate_depth, LOWEST_ALPHA)


def typical_profile(energy: Array, medium: Medium) -> Profile:
    """Profiles without fluctuations, for energies [n]."""
    ln_y = log_y(energy, medium)
    return Profile(typical_maximum(ln_y, medium), typical_alpha(ln_y, medium), np.zeros_like(ln_y))


def draw_profile(energy: Array, medium: Medium, rng: np.random.Generator) -> Profile:
    """Profiles of single electron showers of energies [n]: ln T and ln alpha are correlated Gaussians."""
    ln_y, typical = log_y(energy, medium), typical_profile(energy, medium)
    fluctuation = SAMPLING if medium.is_sampling else HOMOGENEOUS
    rho = np.clip(fluctuation.correlation - 0.023 * ln_y, -1, 1)
    common, opposed = rng.standard_normal((2, len(ln_y))) * np.sqrt([(1 + rho) / 2, (1 - rho) / 2])
    return replace(
        typical,
        maximum=np.maximum(typical.maximum * np.exp(_width(fluctuation.maximum, ln_y) * (common + opposed)), LOWEST_MAXIMUM),
        alpha=np.maximum(typical.alpha * np.exp(_width(fluctuation.alpha, ln_y) * (common - opposed)), LOWEST_ALPHA),
    )


def _width(coefficients: tuple[float, float], log_y: Array) -> Array:
    constant, slope = coefficients
    return 1 / np.maximum(constant + slope * log_y, 1 / WIDEST)


def electron_start(n: int, rng: np.random.Generator) -> Array:
    """An electron showers at once."""
    return np.zeros(n)


def photon_start(n: int, rng: np.random.Generator) -> Array:
    """A photon showers after its conversion, at an exponential depth of mean 9/7 X0."""
    return rng.exponential(CONVERSION, n)


PARTICLES = {"electron": electron_start, "photon": photon_start}
