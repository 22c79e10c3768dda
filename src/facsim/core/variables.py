"""Condition variables: what the columns of a condition mean, in which unit, over which range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.core.units import UNITS

TOLERANCE = 1e-5  # of each end of a range: float32 storage must not push a limit outside itself


@dataclass(frozen=True)
class Variable:
    """One column of the condition, or with a `shape` as many as an array of that shape has cells, row by row: an image of tracks.

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
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        look_up(UNITS, self.unit, "unit")
        object.__setattr__(self, "choices", tuple(float(c) for c in self.choices))
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        if min(self.shape, default=1) < 1:
            raise FacsimError(f"variable {self.name!r} has no columns", expected="lengths of 1 or more", got=self.shape)
        if not self.low <= self.high:
            raise FacsimError(f"variable {self.name!r} has an empty range", expected="low <= high", got=f"{self.low} and {self.high}")

    @property
    def columns(self) -> int:
        """How many columns of the condition it takes."""
        return math.prod(self.shape)

    def inside(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of the values lie in the range (and among the choices)."""
        within = (values >= self.low - TOLERANCE * abs(self.low)) & (values <= self.high + TOLERANCE * abs(self.high))
        return within & np.isin(values, self.choices) if self.choices else within

    def covering(self, values: NDArray[Any]) -> Variable:
        """The same variable, its range narrowed or widened to the values."""
        if not len(values):
            return self
        return replace(self, low=float(values.min()), high=float(values.max()))


def describe_variable(variable: Variable) -> dict[str, Any]:
    """A JSON-ready dictionary, from which `variable_from` rebuilds the variable; a range without end has None there, one column no shape.

    Examples:
        >>> describe_variable(Variable("energy", "MeV", low=100.0))
        {'name': 'energy', 'unit': 'MeV', 'low': 100.0, 'high': None, 'choices': []}
    """
    ends = {key: (value if math.isfinite(value) else None) for key, value in (("low", variable.low), ("high", variable.high))}
    shape = {"shape": list(variable.shape)} if variable.shape else {}
    return {"name": variable.name, "unit": variable.unit, **ends, "choices": list(variable.choices), **shape}


def variable_from(description: dict[str, Any]) -> Variable:
    """The variable that `describe_variable` told of.

    Raises:
        FacsimError: if the fields are not those of a variable.
    """
    try:
        return Variable(**{key: value for key, value in description.items() if value is not None})
    except (TypeError, AttributeError) as error:
        raise FacsimError("a variable cannot be read", expected="name, unit, low, high, choices, shape", got=description) from error


def places(variables: Sequence[Variable]) -> list[slice]:
    """The columns of each variable in a condition.

    Raises:
        FacsimError: if a variable of one column comes after an array: column i must be variable i as long as there are no arrays.

    Examples:
        >>> places((Variable("energy", "MeV"), Variable("tracks", "MeV", shape=(64, 64))))
        [slice(0, 1, None), slice(1, 4097, None)]
    """
    ranks = [bool(v.shape) for v in variables]
    if ranks != sorted(ranks):
        raise FacsimError("a condition's arrays come after its numbers", got=", ".join(v.name for v in variables), remedy="change the order")
    ends = list(accumulate((v.columns for v in variables), initial=0))
    return [slice(start, stop) for start, stop in pairwise(ends)]


def width(variables: Sequence[Variable]) -> int:
    """How many columns a condition of these variables has."""
    return max((place.stop for place in places(variables)), default=0)


def inside(variables: tuple[Variable, ...], condition: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows of a condition [n, c] lie in the range of every variable."""
    result = np.ones(len(condition), dtype=np.bool_)
    for variable, place in zip(variables, places(variables), strict=True):
        result &= variable.inside(condition[:, place]).all(1)
    return result


def checked_condition(condition: NDArray[Any], variables: tuple[Variable, ...], *, extrapolate: bool = False) -> NDArray[np.float32]:
    """A copy of the condition as float32 [n, c]; with `extrapolate` values may leave the ranges, but not turn from positive to negative.

    Raises:
        FacsimError: if it has not one column for each variable, or a value that is not allowed.
    """
    condition = np.array(condition, dtype=np.float32, order="C")
    if condition.ndim != 2 or condition.shape[1] != width(variables):
        names = ", ".join(v.name for v in variables)
        raise FacsimError("the condition has the wrong shape", expected=f"[n, {width(variables)}] ({names})", got=list(condition.shape))
    for variable, place in zip(variables, places(variables), strict=True):
        values = condition[:, place]
        possible = np.isfinite(values) & ((values > 0) | (variable.low <= 0))
        bad = values[~possible if extrapolate else ~variable.inside(values)]
        if len(bad):
            raise _outside(variable, float(bad[0]))
    return condition


def _outside(variable: Variable, value: float) -> FacsimError:
    expected = f"one of {variable.choices}" if variable.choices else f"{variable.low:g} to {variable.high:g} {variable.unit}"
    remedy = "pass --extrapolate (extrapolate=True) to go beyond at your own risk"
    return FacsimError(f"condition {variable.name!r} is outside its range", expected=expected, got=f"{value:g}", remedy=remedy)


def column_index(variables: tuple[Variable, ...], name: str) -> int:
    """The position of a variable among the variables, by name; for a variable that is no array, that of its column too."""
    return look_up({v.name: i for i, v in enumerate(variables)}, name, "condition variable")
