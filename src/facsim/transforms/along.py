"""Mean and spread that follow the conditions, taken out before the network and put back after it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError

STILL = 1e-6  # a spread below this is none
FEW = 4  # events: a place with fewer takes mean and spread of its whole choice


class _Axis:
    """A condition column from `low` to `high` in `bins` steps, which are even in the column or with `log` in its logarithm."""

    def __init__(self, column: int, low: float, high: float, bins: int, log: bool = False) -> None:
        if not low < high or bins < 1 or (log and low <= 0):
            raise FacsimError("there is nothing to standardise along", expected="low < high, one bin or more", got=(low, high, bins))
        self.column, self.bins, self.log = column, bins, log
        self.low, top = (math.log(low), math.log(high)) if log else (low, high)
        self.step = (top - self.low) / bins

    def position(self, condition: Tensor) -> Tensor:
        """Places in steps from the beginning, [n]; beyond the ends that of the nearest."""
        x = condition[:, self.column]
        return (((x.log() if self.log else x) - self.low) / self.step).clamp(0, self.bins)


class StandardiseAlong(Transform):
    """Subtract the mean and divide by the standard deviation that the numbers [n, d] have at an event's place among the conditions.

    Both are taken at a grid of places along the `axes` {"column": i, "low": a, "high": b, "bins": k, "log": true or false}, for each of the
    `choices` of the column `choice` on its own, and interpolated between them. Numbers that are the same in all events of a place come out as zero
    and go back exactly. So a network sees numbers of order one whose scale spans decades, and learns only what their shape does.

    Raises:
        FacsimError: for an axis without extent, or in `fit` if an event has none of the choices.
    """

    def __init__(self, shape: tuple[int, ...], axes: Sequence[dict[str, Any]], *, choice: int, choices: Sequence[float]) -> None:
        super().__init__()
        if not axes or not choices:
            raise FacsimError("there is nothing to standardise along", expected="one axis and one choice or more", got=(axes, choices))
        self.axes, self.choice = [_Axis(**axis) for axis in axes], choice
        self.strides = [math.prod(axis.bins + 1 for axis in self.axes[i + 1 :]) for i in range(len(self.axes))]
        self.grid = math.prod(axis.bins + 1 for axis in self.axes)
        self.register_buffer("choices", torch.tensor(sorted(choices), dtype=torch.float32), persistent=False)
        self.register_buffer("table", torch.full((len(choices) * self.grid, 2, *shape), math.nan))
        self.choices: Tensor
        self.table: Tensor

    def fit(self, x: Tensor, condition: Tensor) -> None:
        if not torch.isin(condition[:, self.choice], self.choices).all():
            raise FacsimError("an event has none of the choices", expected=self.choices.tolist())
        places = (axis.position(condition).round().long() for axis in self.axes)
        row = self._first_row(condition) + sum((p * s for p, s in zip(places, self.strides, strict=True)), torch.zeros((), dtype=torch.int64))
        numbers = x.double()
        moments = torch.stack([torch.ones_like(numbers), numbers, numbers.square()], dim=1)
        sums = numbers.new_zeros(len(self.table), *moments.shape[1:]).index_add(0, row, moments)
        of_choice = sums.reshape(-1, self.grid, *sums.shape[1:]).sum(1).repeat_interleave(self.grid, 0)
        count, mean, square = torch.where(sums[:, :1] < FEW, of_choice, sums).unbind(1)
        mean, square = mean / count.clamp_min(1), square / count.clamp_min(1)
        spread = (square - mean.square()).clamp_min(0).sqrt()
        still = spread <= STILL * (1 + mean.abs())  # rounding alone
        self.table.copy_(torch.stack([mean, torch.where(still, 0.0, spread)], dim=1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        mean, spread = self._at(condition)
        return (x - mean) / torch.where(spread > STILL, spread, 1.0)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        mean, spread = self._at(condition)
        return torch.addcmul(mean, y, spread)

    def _at(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread at the events' places, [n, d] each."""
        self.require_fitted()
        positions = [axis.position(condition) for axis in self.axes]
        below = [p.long().clamp_max(axis.bins - 1) for p, axis in zip(positions, self.axes, strict=True)]
        shares = [(p - b)[:, None, None] for p, b in zip(positions, below, strict=True)]
        row = self._first_row(condition)
        for b, stride in zip(below, self.strides, strict=True):
            row = row + b * stride
        mean, spread = self._between(row, shares, self.strides).unbind(1)
        return mean, spread

    def _between(self, row: Tensor, shares: Sequence[Tensor], strides: Sequence[int]) -> Tensor:
        """The table between the corners of a cell that begins at the row: linear along every axis, [n, 2, d]."""
        if not shares:
            return self.table[row]
        low, high = (self._between(row + step, shares[1:], strides[1:]) for step in (0, strides[0]))
        return torch.lerp(low, high, shares[0])

    def _first_row(self, condition: Tensor) -> Tensor:
        """The row of the first place of an event's choice."""
        chosen = torch.searchsorted(self.choices, condition[:, self.choice].contiguous()).clamp_max(len(self.choices) - 1)
        return chosen * self.grid
