"""Conditions as a network wants them: logarithms of wide ranges, one-hot codes of choices, scaled arrays, all of order one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError
from facsim.core.events import Array
from facsim.core.variables import Variable, places

WIDE = 5.0  # a positive variable whose range spans more than this factor is taken in logarithm


class Encode(Transform):
    """Condition columns [n, c] -> [n, k]: one-hot for columns with `choices`, else (log of) the column mapped from its range to [-1, 1].

    `columns` holds one dictionary each: {"choices": [...]} or {"low": a, "high": b, "log": bool}; a constant column becomes 0. The cells of an
    array are one entry {"cells": k, "by": scale} and divided by its scale, so that empty ones stay zero.
    """

    def __init__(self, shape: tuple[int, ...], columns: Sequence[dict[str, Any]]) -> None:
        super().__init__()
        self.columns = [KINDS[next(key for key in KINDS if key in column)](**column) for column in columns]
        self.inputs = [column.inputs for column in self.columns]
        if sum(self.inputs) != shape[-1]:
            raise FacsimError("the encoding does not fit the condition", expected=f"{shape[-1]} columns", got=sum(self.inputs))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (sum(column.width for column in self.columns),)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        parts = torch.split(x, self.inputs, dim=1)
        return torch.cat([column.forward(part) for column, part in zip(self.columns, parts, strict=True)], dim=1) if self.columns else x

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        parts = torch.split(y, [column.width for column in self.columns], dim=1)
        return torch.cat([column.inverse(part) for column, part in zip(self.columns, parts, strict=True)], dim=1) if self.columns else y


class _Ranged:
    """A column mapped from [low, high] (or its logarithm) to [-1, 1]."""

    inputs = width = 1

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

    inputs = 1

    def __init__(self, choices: Sequence[float]) -> None:
        self.choices, self.width = torch.tensor(choices), len(choices)

    def forward(self, x: Tensor) -> Tensor:
        return (x == self.choices.to(x)).to(x.dtype)

    def inverse(self, y: Tensor) -> Tensor:
        return self.choices.to(y)[y.argmax(1, keepdim=True)]


class _Cells:
    """The cells of an array over one number."""

    def __init__(self, cells: int, by: float) -> None:
        self.inputs = self.width = cells
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        return x / self.by

    def inverse(self, y: Tensor) -> Tensor:
        return y * self.by


KINDS: dict[str, Callable[..., _Ranged | _OneHot | _Cells]] = {"choices": _OneHot, "cells": _Cells, "low": _Ranged}  # by a key of its settings


def encoding(variables: Sequence[Variable], condition: Array | None = None) -> list[dict[str, Any]]:
    """The `columns` of an Encode for these variables, whose ranges must be finite.

    An array's scale is the root mean square of its cells that are not zero in `condition` [n, c], or without one the end of its range.

    Examples:
        >>> encoding([Variable("energy", "MeV", 1e3, 1e5), Variable("x", "mm", -5, 5), Variable("tracks", "MeV", 0.0, 9.0, shape=(2, 2))])
        [{'low': 1000.0, 'high': 100000.0, 'log': True}, {'low': -5, 'high': 5, 'log': False}, {'cells': 4, 'by': 9.0}]
    """
    cells = [None if condition is None else condition[:, place] for place in places(variables)]
    return [_column(variable, part) for variable, part in zip(variables, cells, strict=True)]


def _column(variable: Variable, cells: Array | None) -> dict[str, Any]:
    if variable.choices and not variable.shape:
        return {"choices": list(variable.choices)}
    if not (math.isfinite(variable.low) and math.isfinite(variable.high)):
        raise FacsimError(f"condition {variable.name!r} has no finite range", remedy="give the variable low and high, or take them from data")
    if variable.shape:
        hit = np.array([variable.low, variable.high]) if cells is None else cells[cells != 0].astype(np.float64)
        size = float(np.abs(hit).max() if cells is None else np.sqrt(np.mean(hit**2)) if len(hit) else 1.0)
        return {"cells": variable.columns, "by": size or 1.0}
    return {"low": variable.low, "high": variable.high, "log": variable.low > 0 and variable.high > WIDE * variable.low}
