"""Where conditions come from by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import FacsimError

Array = NDArray[Any]


@dataclass(frozen=True)
class EnergyRange:
    """Energies in MeV, uniform in the logarithm.

    Examples:
        >>> EnergyRange(800.0, 800.0).draw(2, np.random.default_rng(0))
        array([[800.],
               [800.]], dtype=float32)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise FacsimError("the energy range is empty", expected="0 < low <= high in MeV", got=(self.low, self.high))

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Energies, float32 [n, 1]."""
        energy = np.exp(rng.uniform(np.log(self.low), np.log(self.high), (n, 1)))
        return energy.clip(self.low, self.high).astype(np.float32)


ONE_TO_100_GEV = EnergyRange(1e3, 1e5)
