"""Conditions as a network wants them: logarithms of wide ranges, one-hot codes of choices, all of order one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError
from facsim.core.variables import Variable

WIDE = 5.0  # a positive variable whose range spans more than this factor is taken in logarithm


class Encode(Transform):
    """Condition columns [n, c] -> [n, k]: one-hot for columns with `choices`, else (log of) the column mapped from its range to [-1, 1].

    `columns` holds one dictionary each: {"choices": [...]} or {"low": a, "high": b, "log": bool}; a constant column becomes 0.
    """

    def __init__(self, shape: tuple[int, ...], columns: Sequence[dict[str, Any]]) -> None:
        super().__init__()
        if len(columns) != shape[-1]:
            raise FacsimError("the encoding does not fit the condition", expected=f"{shape[-1]} columns", got=len(columns))
        self.columns = [_OneHot(**c) if "choices" in c else _Ranged(**c) for c in columns]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (sum(column.width for column in self.columns),)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return torch.cat([column.forward(x[:, i : i + 1]) for i, column in enumerate(self.columns)], dim=1) if self.columns else x

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        parts = torch.split(y, [column.width for column in self.columns], dim=1)
        return torch.cat([column.inverse(part) for column, part in zip(self.columns, parts, strict=True)], dim=1) if self.columns else y


class _Ranged:
    """A column mapped from [low, high] (or its logarithm) to [-1, 1]."""

    width = 1

    def __init__(self, low: float, high: float, log: bool) -> None:
        self.log = log
        ends = (math.log(low), math.log(high)) if log else (low, high)
        self.centre, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
        self.half = half if half > 1e-6 * max(abs(self.centre), 1e-30) else math.inf  # a constant carries no information

    def forward(self, x: Tensor) -> Tensor:
        return ((x.log() if self.log else x) - self.centre) / self.half

    def inverse(self, y: Tensor) -> Tensor:
        x = self.centre + y * self.half if math.isfinite(self.half) else torch.full_like(y, self.centre)
        return x.exp() if self.log else x


class _OneHot:
    """A column of choices as indicators."""

    def __init__(self, choices: Sequence[float]) -> None:
        self.choices, self.width = torch.tensor(choices), len(choices)

    def forward(self, x: Tensor) -> Tensor:
        return (x == self.choices.to(x)).to(x.dtype)

    def inverse(self, y: Tensor) -> Tensor:
        return self.choices.to(y)[y.argmax(1, keepdim=True)]


def encoding(variables: Sequence[Variable]) -> list[dict[str, Any]]:
    """The `columns` of an Encode for these variables, whose ranges must be finite.

    Examples:
        >>> encoding([Variable("energy", "MeV", 1e3, 1e5), Variable("x", "mm", -5, 5)])
        [{'low': 1000.0, 'high': 100000.0, 'log': True}, {'low': -5, 'high': 5, 'log': False}]
    """
    return [_column(variable) for variable in variables]


def _column(variable: Variable) -> dict[str, Any]:
    if variable.choices:
        return {"choices": list(variable.choices)}
    if not (math.isfinite(variable.low) and math.isfinite(variable.high)):
        raise FacsimError(f"condition {variable.name!r} has no finite range", remedy="give the variable low and high, or take them from data")
    return {"low": variable.low, "high": variable.high, "log": variable.low > 0 and variable.high > WIDE * variable.low}
