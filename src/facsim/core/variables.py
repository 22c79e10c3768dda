"""Condition variables: what each column of a condition means, in which unit, over which range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.core.units import UNITS

TOLERANCE = 1e-5  # of the larger end of a range: float32 storage must not push a limit outside itself


@dataclass(frozen=True)
class Variable:
    """One column of the condition.

    `low` and `high` bound its range in `unit`; `choices`, if given, are the only values it takes (a particle code).

    Examples:
        >>> energy = Variable("energy", "MeV", 100.0, 1800.0)
        >>> energy.inside(np.array([50.0, 800.0]))
        array([False,  True])
    """

    name: str
    unit: str = "1"
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        look_up(UNITS, self.unit, "unit")
        object.__setattr__(self, "choices", tuple(float(c) for c in self.choices))
        if not self.low <= self.high:
            raise FacsimError(f"variable {self.name!r} has an empty range", expected="low <= high", got=f"{self.low} and {self.high}")

    def inside(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of the values lie in the range (and among the choices)."""
        slack = TOLERANCE * max((abs(v) for v in (self.low, self.high) if math.isfinite(v)), default=0.0)
        within = (values >= self.low - slack) & (values <= self.high + slack)
        return within & np.isin(values, self.choices) if self.choices else within

    def covering(self, values: NDArray[Any]) -> Variable:
        """The same variable, its range narrowed or widened to the values."""
        if not len(values):
            return self
        return Variable(self.name, self.unit, float(values.min()), float(values.max()), self.choices)


def inside(variables: tuple[Variable, ...], condition: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows of a condition [n, c] lie in the range of every variable."""
    result = np.ones(len(condition), dtype=np.bool_)
    for column, variable in enumerate(variables):
        result &= variable.inside(condition[:, column])
    return result


def column_index(variables: tuple[Variable, ...], name: str) -> int:
    """The position of a variable, by name."""
    return look_up({v.name: i for i, v in enumerate(variables)}, name, "condition variable")
