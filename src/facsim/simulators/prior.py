"""Where conditions come from by default, and the check of those that a user brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import FacsimError, Variable

Array = NDArray[Any]

ROUNDING = 1e-6  # of float32, relative


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


def checked_condition(condition: Array, variables: tuple[Variable, ...], extrapolate: bool) -> Array:
    """The condition as float32 [n, c].

    Raises:
        FacsimError: if it has not one column for each variable, or a value outside its range that `extrapolate` does not allow.
    """
    condition = np.asarray(condition, dtype=np.float32)
    if condition.ndim != 2 or condition.shape[1] != len(variables):
        raise FacsimError("condition has the wrong shape", expected=f"[n, {len(variables)}]", got=list(condition.shape))
    for values, variable in zip(condition.T, variables, strict=True):
        _require_inside(values, variable, extrapolate)
    return condition


def _require_inside(values: Array, variable: Variable, extrapolate: bool) -> None:
    possible = np.isfinite(values) & ((values > 0) | (variable.low <= 0))
    outside = ~possible if extrapolate else ~_inside(values, variable)
    if outside.any():
        raise FacsimError(
            f"{variable.name} is outside the simulator's range",
            expected=f"{variable.low:g} to {variable.high:g} {variable.unit}",
            got=f"{values[outside][0]:g}",
            remedy="pass extrapolate=True to go beyond at your own risk",
        )


def _inside(values: Array, variable: Variable) -> Array:
    """Within the limits, up to the rounding of float32 at each of them."""
    low, high = (limit + sign * ROUNDING * abs(limit) for limit, sign in ((variable.low, -1), (variable.high, 1)))
    return np.asarray((values >= low) & (values <= high))
