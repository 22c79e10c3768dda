"""A tabular response: a few named numbers an event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facsim.core.detectors.base import Array, Detector, require
from facsim.core.table import look_up
from facsim.core.units import UNITS


@dataclass(frozen=True)
class Vector(Detector):
    """Named columns with units (a smeared momentum, log-likelihood differences): response [columns], of any sign.

    Examples:
        >>> Vector(("pt",), ("MeV",)).shape
        (1,)
    """

    names: tuple[str, ...]
    units: tuple[str, ...] = ()
    signed: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "units", tuple(self.units) or ("1",) * len(self.names))
        require(len(self.names) > 0, "a vector has no column", "one or more names", 0)
        require(len(self.units) == len(self.names), "units do not match the columns", f"{len(self.names)} units", len(self.units))
        for unit in self.units:
            look_up(UNITS, unit, "unit")

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.names),)

    @property
    def centres(self) -> Array:
        return np.zeros((len(self.names), 3))

    @property
    def areas(self) -> Array:
        return np.ones(len(self.names))

    @property
    def layers(self) -> Array:
        return np.zeros(len(self.names), dtype=np.int64)

    def image(self, response: Array) -> Array:
        return response.reshape(1, -1)
