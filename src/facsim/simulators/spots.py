"""Showers as spots of energy: how many, where, and how much each carries.

Source: Grindhammer and Peters, The parameterized simulation of electromagnetic showers in homogeneous and sampling calorimeters (1993),
hep-ex/0001020, sections 2.3 and 3.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facsim.simulators.longitudinal import LOWEST_ALPHA, Profile
from facsim.simulators.medium import Medium
from facsim.simulators.radial import RadialShape, draw_radius

Array = NDArray[Any]

NEGLIGIBLE = 1e-3  # of the energy quantum c^2: slabs with less are empty; costs less than this share of their mean


class Spots(NamedTuple):
    """Points x, y in mm, the number of the (event, slab) pair each belongs to, in C order, and its energy; all [k]."""

    x: Array
    y: Array
    pair: Array
    energy: Array


def spot_number(energy: Array, medium: Medium, resolution: float) -> Array:
    """Mean number of spots of showers of that energy in MeV; `resolution` is c of a stack."""
    gev = np.asarray(energy) / 1000
    return 10.3 / resolution * gev**0.959 if medium.is_sampling else 93 * np.log(medium.Z) * gev**0.876


def spot_profile(profile: Profile, medium: Medium) -> Profile:
    """The profile of the spots' density, a little before that of the energy."""
    shrink_maximum, shrink_alpha = (0.813 + 0.0019 * medium.Z, 0.844 + 0.0026 * medium.Z) if medium.is_sampling else _homogeneous(medium.Z)
    alpha = np.maximum(profile.alpha * shrink_alpha, LOWEST_ALPHA)
    return replace(profile, maximum=profile.maximum * shrink_maximum, alpha=alpha)


def _homogeneous(Z: float) -> tuple[float, float]:
    return 0.698 + 0.00212 * Z, 0.639 + 0.00334 * Z


def draw_slab_energies(mean: Array, resolution: float, rng: np.random.Generator) -> Array:
    """Energies of slabs around their means in MeV: Gamma(mean / c^2) c^2, so that the sum has the width c sqrt(E / GeV)."""
    quantum = 1000 * resolution**2
    energy = quantum * rng.standard_gamma(mean / quantum)
    return np.where(energy > NEGLIGIBLE * quantum, energy, 0.0)


def draw_spot_counts(number: Array, fractions: Array, energy: Array, rng: np.random.Generator) -> Array:
    """Spots in each slab [n, m] of showers with `number` [n] spots spread by `fractions` [n, m]; one at least where there is energy."""
    lost = np.clip(1 - fractions.sum(1, keepdims=True), 0, 1)
    counts = rng.multinomial(np.rint(number).astype(np.int64), np.concatenate([fractions, lost], axis=1))[:, :-1]
    return np.where(energy > 0, np.maximum(counts, 1), 0)


def draw_spots(energy: Array, counts: Array, shape: RadialShape, scale: float, rng: np.random.Generator) -> Spots:
    """Spots of slabs: energy (MeV), counts and lateral shape are [n, m]; `scale` is the Moliere radius in mm."""
    pair = np.repeat(np.arange(counts.size), counts.ravel())
    share = (energy / np.maximum(counts, 1)).ravel()
    core, tail, weight = (a.ravel().astype(np.float32)[pair] for a in (shape.core, shape.tail, shape.weight))
    radius = np.float32(scale) * draw_radius(RadialShape(core, tail, weight), rng)
    angle = np.float32(2 * np.pi) * rng.random(len(pair), dtype=np.float32)
    return Spots(radius * np.cos(angle), radius * np.sin(angle), pair, share[pair])


def chunks(spots: Array, limit: int) -> Iterator[slice]:
    """Slices of events with about `limit` spots together, one event at least each."""
    group = (np.cumsum(spots) / limit).astype(np.int64)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    for start, stop in pairwise([*starts.tolist(), len(spots)]):
        yield slice(start, stop)
