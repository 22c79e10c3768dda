"""Cosmic rays as they arrive: kind, direction, and how deep in the air their showers are largest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MASSES = {"proton": 1.0, "helium": 4.0, "nitrogen": 14.0, "iron": 56.0}
EV = 1e-6  # MeV

# Rows: constant, linear and quadratic in lg(E/eV) - 19; columns: powers of ln A. EPOS-LHC.
MU = np.array([[775.589, -7.047, -2.427], [57.589, -0.743, 0.214], [-0.820, -0.169, -0.027]])
SIGMA = np.array([[29.403, 13.553, -3.154], [0.096, -0.961, 0.150]])
LAMBDA = np.array([[0.563, 0.711, 0.058], [0.039, 0.067, -0.004]])


def lg_ev(energy: Array) -> Array:
    """lg(E / eV) of energies in MeV."""
    return np.log10(np.asarray(energy, dtype=np.float64) / EV)


def draw_depth_of_maximum(energy: Array, mass: Array, rng: np.random.Generator) -> Array:
    """Slant depth of the shower's maximum in g/cm2 for energies [n] in MeV and mass numbers [n], [n].

    Xmax = mu - sigma ln G with G ~ Gamma(lambda, 1 / lambda). Source: De Domenico et al., Reinterpreting the development of extensive air showers
    initiated by nuclei and photons, JCAP 07 (2013) 050, arXiv:1305.2331 (generalised Gumbel, EPOS-LHC).
    """
    x, log_mass = lg_ev(energy) - 19, np.log(np.asarray(mass, dtype=np.float64))
    mu, sigma, shape = (_polynomial(table, x, log_mass) for table in (MU, SIGMA, LAMBDA))
    return np.asarray(mu - sigma * np.log(rng.standard_gamma(shape) / shape))


def draw_zenith(n: int, largest: float, rng: np.random.Generator) -> Array:
    """Zenith angles in rad, density ~ sin cos up to the largest: showers of equal flux on flat ground, [n]."""
    return np.arcsin(np.sqrt(rng.uniform(0, np.sin(largest) ** 2, n)))


def draw_core(n: int, radius: float, rng: np.random.Generator) -> Array:
    """Points (x, y) evenly in a disc round the centre, [n, 2]."""
    r, angle = radius * np.sqrt(rng.random(n)), rng.uniform(-np.pi, np.pi, n)
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


def _polynomial(table: Array, x: Array, y: Array) -> Array:
    return np.asarray(sum(table[i, j] * x**i * y**j for i, j in np.ndindex(*table.shape)))
