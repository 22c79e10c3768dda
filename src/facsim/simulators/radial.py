"""The lateral profile of an electromagnetic shower: a core and a tail that widen with depth.

Radii are in Moliere radii; tau is the depth over the depth of the shower's centre of gravity.

Source: Grindhammer and Peters, The parameterized simulation of electromagnetic showers in homogeneous and sampling calorimeters (1993),
hep-ex/0001020, sections 2.2 and 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.simulators.medium import Medium

Array = NDArray[Any]

SMALLEST_RADIUS = 0.005  # guard: thick plates can drive the corrected radii below zero


@dataclass(frozen=True)
class RadialShape:
    """f(r) = weight 2 r core^2 / (r^2 + core^2)^2 + (1 - weight) 2 r tail^2 / (r^2 + tail^2)^2; equal shapes."""

    core: Array
    tail: Array
    weight: Array

    def contained(self, radius: float) -> Array:
        """Share of the energy inside the radius."""
        return np.asarray(self.weight * _inside(radius, self.core) + (1 - self.weight) * _inside(radius, self.tail))


def _inside(radius: float, scale: Array) -> Array:
    return np.asarray(radius**2 / (radius**2 + scale**2))


def radial_shape(energy: Array, tau: Array, medium: Medium) -> RadialShape:
    """The lateral shape at depths tau of showers of that energy in MeV (shapes broadcast)."""
    ln_e, tau = np.log(np.asarray(energy) / 1000), np.asarray(tau)
    return RadialShape(_core(ln_e, tau, medium), _tail(ln_e, tau, medium), _weight(ln_e, tau, medium))


def _core(ln_e: Array, tau: Array, medium: Medium) -> Array:
    radius = (0.0251 + 0.00319 * ln_e) + (0.1162 - 0.000381 * medium.Z) * tau
    correction = -0.0203 * medium.hardness + 0.0397 * medium.plate_depth * np.exp(-tau)
    return np.maximum(radius + correction, SMALLEST_RADIUS)


def _tail(ln_e: Array, tau: Array, medium: Medium) -> Array:
    k1, k2, k3, k4 = 0.659 - 0.00309 * medium.Z, 0.645, -2.59, 0.3585 + 0.0421 * ln_e
    radius = k1 * (np.exp(k3 * (tau - k2)) + np.exp(k4 * (tau - k2)))
    correction = -0.14 * medium.hardness - 0.495 * medium.plate_depth * np.exp(-tau)
    return np.maximum(radius + correction, SMALLEST_RADIUS)


def _weight(ln_e: Array, tau: Array, medium: Medium) -> Array:
    p1, p2, p3 = 2.632 - 0.00094 * medium.Z, 0.401 + 0.00187 * medium.Z, 1.313 - 0.0686 * ln_e
    rise = (p2 - tau) / p3
    correction = medium.hardness * (0.348 - 0.642 * medium.plate_depth * np.exp(-((tau - 1) ** 2)))
    return np.asarray(np.clip(p1 * np.exp(rise - np.exp(rise)) + correction, 0, 1))


def draw_radius(shape: RadialShape, rng: np.random.Generator) -> Array:
    """One radius for each entry of the shape: r = R sqrt(u / (1 - u)), R the core's or the tail's."""
    n, kind = len(shape.core), shape.core.dtype.type
    scale = np.where(rng.random(n, dtype=kind) < shape.weight, shape.core, shape.tail)
    u = rng.random(n, dtype=kind)
    return np.asarray(scale * np.sqrt(u / (1 - u)))
