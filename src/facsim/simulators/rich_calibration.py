"""Calibration tracks: a decay tells the species, and a mass peak on a slope how often it is wrong.

Source: LHCb, Selection and processing of calibration samples to measure the particle identification performance in Run 2 (2019), arXiv:1803.00824.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import truncexpon, truncnorm

from facsim.core import Events, FacsimError, Variable, Vector
from facsim.core.variables import checked_condition
from facsim.simulators.prior import EnergyRange
from facsim.simulators.rich import Rich

Array = NDArray[Any]

D0_MASS = 1864.84  # MeV
BACKGROUND = {11: 0.05, 13: 0.05, 211: 0.65, 321: 0.15, 2212: 0.10}  # species of tracks that belong to no decay: what collisions make


@dataclass(frozen=True)
class MassPeak:
    """A Gaussian signal on a falling exponential, both cut to [low, high]; all in MeV.

    Raises:
        FacsimError: if the peak is not inside, or a length is not positive.
    """

    low: float = 1815.0
    high: float = 1915.0
    peak: float = D0_MASS
    width: float = 8.0
    slope: float = 100.0

    def __post_init__(self) -> None:
        if not self.low < self.peak < self.high or min(self.width, self.slope) <= 0:
            raise FacsimError("there is no peak in the mass window", expected="low < peak < high, width > 0, slope > 0", got=self)

    @property
    def signal(self) -> Any:
        """The peak as a distribution of scipy."""
        return truncnorm((self.low - self.peak) / self.width, (self.high - self.peak) / self.width, loc=self.peak, scale=self.width)

    @property
    def background(self) -> Any:
        """The slope as a distribution of scipy."""
        return truncexpon((self.high - self.low) / self.slope, loc=self.low, scale=self.slope)


@dataclass(frozen=True)
class RichCalibration:
    """Tracks of which a share `contamination` are not what their PDG code says, with the mass of their decay as the last condition.

    A track's mass decides how likely it belongs to the peak; beside it the mass tells nothing of the track, as sWeights demand. The species of the
    background are those of `BACKGROUND`, whatever the decay was taken for.
    """

    rich: Rich = field(default_factory=Rich)
    contamination: float = 0.3
    mass: MassPeak = field(default_factory=MassPeak)

    def __post_init__(self) -> None:
        if not 0 <= self.contamination < 1:
            raise FacsimError("contamination is a share", expected="0 <= contamination < 1", got=self.contamination)

    @property
    def detector(self) -> Vector:
        """Five log-likelihood differences."""
        return self.rich.detector

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Those of the tracks, and the mass."""
        return (*self.rich.variables, Variable("mass", "MeV", self.mass.low, self.mass.high))

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Tracks and their masses, float32 [n, 5]."""
        of_background = rng.random(n) < self.contamination
        masses = np.where(of_background, self.mass.background.rvs(n, random_state=rng), self.mass.signal.rvs(n, random_state=rng))
        return np.column_stack([self.rich.prior(n, rng), masses]).astype(np.float32)

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for (PDG code, momentum, pseudorapidity, tracks, mass) [n, 5]."""
        condition = checked_condition(condition, self.variables)
        tracks, signal = condition[:, :-1].copy(), rng.random(len(condition)) < self.purity(condition[:, -1])
        strangers = rng.choice(list(BACKGROUND), len(condition), p=list(BACKGROUND.values()))
        tracks[:, 0] = np.where(signal, tracks[:, 0], strangers)
        return Events(condition, self.rich.simulate(tracks, rng).response, self.detector, self.variables)

    def purity(self, mass: Array) -> Array:
        """The probability that a track of this mass is what its PDG code says.

        Examples:
            >>> RichCalibration(contamination=0.5).purity(np.array([1864.84, 1905.0])).round(2)
            array([0.84, 0.  ])
        """
        peak = (1 - self.contamination) * self.mass.signal.pdf(mass.astype(np.float64))
        return np.asarray(peak / (peak + self.contamination * self.mass.background.pdf(mass.astype(np.float64))))


def rich_calibration(contamination: float = 0.3, momentum_low: float = 3e3, momentum_high: float = 1e5, width: float = 8.0) -> RichCalibration:
    """Calibration tracks of the two gases, momenta and the width of the peak in MeV."""
    return RichCalibration(Rich(momenta=EnergyRange(momentum_low, momentum_high)), contamination, MassPeak(width=width))
