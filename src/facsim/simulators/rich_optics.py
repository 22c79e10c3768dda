"""Rings of Cherenkov light: radiators, angles, yields, and the light of other tracks under a ring.

Sources: LHCb RICH group, Performance of the LHCb RICH detector at the LHC (2012), arXiv:1211.6759 (refractive indices, resolutions and yields of data
taken in 2011; yields are those of pions and kaons from D0 decays in crowded events, two thirds of the averages in D'Ambrosio et al.,
arXiv:1703.09927: 30 in C4F10 with the same photon detectors, 22 in CF4 with those of the upgrade); LHCb Collaboration, The LHCb detector at the
LHC, JINST 3 (2008) S08005 (acceptances, magnet).

Lengths of the radiators do not enter: yields are measured ones of saturated rings. The outer acceptances are those in the bending plane; upright they
are smaller (250 and 100 mrad), here both are circles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import FacsimError

Array = NDArray[Any]

MASSES = {11: 0.51099895, 13: 105.6583755, 211: 139.57039, 321: 493.677, 2212: 938.27209}  # MeV, by PDG code of either charge
ETA_SPAN = 3.0  # units of pseudorapidity over which an event's tracks are spread evenly


@dataclass(frozen=True)
class Radiator:
    """A gas between a track and its photon detectors.

    `index` of refraction; `photons` detected of a saturated ring; `resolution` of one photon's angle, rad; light is caught between the polar
    angles `inner` and `outer`, rad; `bend` is the magnet's sideways kick in MeV as seen from the origin, which a track has to survive to get here.
    A share `lost` of all tracks makes no light, as those that have interacted before.

    Raises:
        FacsimError: for a gas that gives no light, or an acceptance without extent.
    """

    index: float
    photons: float
    resolution: float
    inner: float
    outer: float
    bend: float = 0.0
    lost: float = 0.0

    def __post_init__(self) -> None:
        if self.index <= 1 or min(self.photons, self.resolution) <= 0:
            got = (self.index, self.photons, self.resolution)
            raise FacsimError("the radiator gives no light", expected="index > 1, photons > 0, resolution > 0", got=got)
        if not 0 <= self.inner < self.outer or not 0 <= self.lost < 1:
            raise FacsimError(
                "the radiator's acceptance is empty", expected="0 <= inner < outer, 0 <= lost < 1", got=(self.inner, self.outer, self.lost)
            )

    @property
    def saturated(self) -> float:
        """The largest Cherenkov angle, of a particle at the speed of light, rad."""
        return float(np.arccos(1 / self.index))

    def angle(self, p: Array, mass: float) -> Array:
        """The Cherenkov angle from cos(theta) = 1 / (n beta), rad; 0 below the threshold. Momenta in MeV.

        Examples:
            >>> CF4.angle(np.array([4e3, 5e3, 1e5]), MASSES[211]).round(4)
            array([0.    , 0.0149, 0.0316])
        """
        return np.asarray(np.arccos(np.minimum(np.hypot(p, mass) / (p * self.index), 1.0)))

    def yields(self, angle: Array, polar: Array) -> Array:
        """Photons expected of rings with these angles about tracks at these polar angles: in proportion to sin^2 of the ring's angle."""
        caught = inside(self.outer, polar, angle) - inside(self.inner, polar, angle)
        return np.asarray(self.photons * (np.sin(angle) / np.sin(self.saturated)) ** 2 * caught)

    def reach(self, p: Array, polar: Array) -> Array:
        """The probability that a track comes here, the magnet having bent it to any side of its own."""
        return inside(self.outer, polar, self.bend / p) - inside(self.inner, polar, self.bend / p)

    def haze(self, n_tracks: Array, polar: Array) -> Array:
        """Photons of other tracks per solid angle: their tracks are even in pseudorapidity, 1 / (2 pi theta^2), blurred by their rings' own size."""
        return np.asarray(n_tracks / ETA_SPAN * self.photons / (2 * np.pi * (polar**2 + self.saturated**2)))


def inside(radius: float, distance: Array, circle: Array) -> Array:
    """The share of a circle of radius `circle`, whose centre is at `distance`, that lies within `radius` of the origin.

    Examples:
        >>> inside(1.0, np.array([0.5, 2.0, 1.0]), np.array([0.1, 0.1, 1.0])).round(3)
        array([1.   , 0.   , 0.333])
    """
    twice = np.maximum(2 * distance * circle, np.finfo(float).tiny)
    return np.asarray(1 - np.arccos(np.clip((radius**2 - distance**2 - circle**2) / twice, -1, 1)) / np.pi)


def polar_angle(eta: Array) -> Array:
    """The polar angle of a pseudorapidity, rad."""
    return np.asarray(2 * np.arctan(np.exp(-eta)))


C4F10 = Radiator(index=1.0014, photons=20.4, resolution=1.618e-3, inner=0.025, outer=0.300, lost=0.02)
CF4 = Radiator(index=1.0005, photons=15.8, resolution=0.68e-3, inner=0.015, outer=0.120, bend=600.0, lost=0.05)  # half of the kick of 4 Tm: half way
AEROGEL = Radiator(index=1.03, photons=5.0, resolution=5.6e-3, inner=0.025, outer=0.300, lost=0.02)  # taken out for the second run
