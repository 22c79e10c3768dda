"""Mean and covariance that follow the conditions, taken out before the network and put back after it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError

STILL = 1e-6  # a spread below this is none
FEW = 10  # events: a place with fewer takes mean and covariance of its whole choice


class _Axis:
    """Places along a condition column: rising ones given by `at`, else even from `low` to `high` in `bins` steps, with `log` in its logarithm."""

    def __init__(self, column: int, low: float = 0.0, high: float = 0.0, bins: int = 0, log: bool = False, at: Sequence[float] = ()) -> None:
        ends = list(at) or [low, high]
        self.column, self.bins, self.log = column, len(at) - 1 if at else bins, log
        if ends != sorted(set(ends)) or self.bins < 1 or (log and ends[0] <= 0):
            got = list(at) or (low, high, bins)
            raise FacsimError("there is nothing to standardise along", expected="low < high, one bin or more; or rising places", got=got)
        self.at = torch.tensor(at, dtype=torch.float32)
        self.at = self.at.log() if log else self.at
        self.low, top = (math.log(end) if log else end for end in (ends[0], ends[-1]))
        self.step = (top - self.low) / self.bins

    def position(self, condition: Tensor) -> Tensor:
        """Places in steps from the beginning, [n]; beyond the ends that of the nearest."""
        x = condition[:, self.column].log() if self.log else condition[:, self.column]
        if not len(self.at):
            return ((x - self.low) / self.step).clamp(0, self.bins)
        at = self.at.to(x)
        below = torch.searchsorted(at[1:-1], x.contiguous())
        return below + ((x - at[below]) / at.diff()[below]).clamp(0, 1)


class WhitenAlong(Transform):
    """Numbers [n, d] to numbers of mean 0, deviation 1 and without correlation, at every place among the conditions: y = L^-1 (x - mean).

    The mean and the root L of the covariance (lower triangular) are taken at a grid of places along the `axes`, for each of the `choices` of the
    column `choice` on its own, and interpolated between them. An axis is {"column": i, "low": a, "high": b, "bins": k, "log": true or false}, or
    {"column": i, "at": [rising places], "log": true or false}. Numbers that are the same in all events of a place, or follow from those before them,
    come out as zero and go back exactly. So a network sees numbers of order one whose scale spans decades and which nearly follow from each other,
    and learns only what is not normal about them.

    Raises:
        FacsimError: for an axis without extent, or in `fit` if an event has none of the choices.
    """

    def __init__(self, shape: tuple[int, ...], axes: Sequence[dict[str, Any]], *, choice: int, choices: Sequence[float]) -> None:
        super().__init__()
        if not axes or not choices or len(shape) != 1:
            got = (axes, choices, shape)
            raise FacsimError("there is nothing to standardise along", expected="one axis and one choice or more, a row of numbers", got=got)
        self.axes, self.choice, self.size = [_Axis(**axis) for axis in axes], choice, shape[0]
        self.strides = [math.prod(axis.bins + 1 for axis in self.axes[i + 1 :]) for i in range(len(self.axes))]
        self.grid = math.prod(axis.bins + 1 for axis in self.axes)
        self.register_buffer("choices", torch.tensor(sorted(choices), dtype=torch.float32), persistent=False)
        self.register_buffer("table", torch.full((len(choices) * self.grid, 1 + self.size, self.size), math.nan))  # the mean, then the rows of L
        self.choices: Tensor
        self.table: Tensor

    def fit(self, x: Tensor, condition: Tensor) -> None:
        if not torch.isin(condition[:, self.choice], self.choices).all():
            raise FacsimError("an event has none of the choices", expected=self.choices.tolist())
        row = self._first_row(condition)
        for axis, stride in zip(self.axes, self.strides, strict=True):
            row = row + axis.position(condition).round().long() * stride
        known = torch.cat([torch.ones(len(x), 1, dtype=torch.float64), x.double()], dim=1)
        sums = known.new_zeros(len(self.table), 1 + self.size, 1 + self.size)
        for i in range(1 + self.size):
            sums[:, i].index_add_(0, row, known * known[:, i, None])
        of_choice = sums.reshape(-1, self.grid, *sums.shape[1:]).sum(1).repeat_interleave(self.grid, 0)
        sums = torch.where(sums[:, :1, :1] < FEW, of_choice, sums)
        moments = sums / sums[:, :1, :1].clamp_min(1)
        mean = moments[:, :1, 1:]
        self.table.copy_(torch.cat([mean, root(moments[:, 1:, 1:] - mean * mean.transpose(1, 2))], dim=1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        mean, lower = self._at(condition)
        y: list[Tensor] = []
        for i, left in enumerate((x - mean).unbind(1)):
            left = left - sum((lower[:, i, j] * done for j, done in enumerate(y)), torch.zeros(()))
            y.append(torch.where(lower[:, i, i] > 0, left / lower[:, i, i], 0.0))
        return torch.stack(y, dim=1)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        mean, lower = self._at(condition)
        return mean + (lower @ y[:, :, None]).squeeze(2)

    def _at(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Mean [n, d] and root of the covariance [n, d, d] at the events' places."""
        self.require_fitted()
        positions = [axis.position(condition) for axis in self.axes]
        below = [p.long().clamp_max(axis.bins - 1) for p, axis in zip(positions, self.axes, strict=True)]
        row = self._first_row(condition)
        for b, stride in zip(below, self.strides, strict=True):
            row = row + b * stride
        shares = [(p - b)[:, None] for p, b in zip(positions, below, strict=True)]
        found = self._between(row, shares, self.strides).reshape(-1, 1 + self.size, self.size)
        return found[:, 0], found[:, 1:]

    def _between(self, row: Tensor, shares: Sequence[Tensor], strides: Sequence[int]) -> Tensor:
        """The table between the corners of a cell that begins at the row, linear along every axis: [n, numbers]."""
        if not shares:
            return self.table.flatten(1).index_select(0, row)
        low, high = (self._between(row + step, shares[1:], strides[1:]) for step in (0, strides[0]))
        return torch.lerp(low, high, shares[0])

    def _first_row(self, condition: Tensor) -> Tensor:
        """The row of the first place of an event's choice."""
        chosen = torch.searchsorted(self.choices, condition[:, self.choice].contiguous()).clamp_max(len(self.choices) - 1)
        return chosen * self.grid


def root(covariance: Tensor) -> Tensor:
    """The lower triangular L with L L^T = covariance [m, d, d] (Cholesky), with columns of zeros where nothing is left to fluctuate.

    Examples:
        >>> root(torch.tensor([[[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 9.0]]]))
        tensor([[[2., 0., 0.],
                 [1., 0., 0.],
                 [0., 0., 3.]]])
    """
    lower = torch.zeros_like(covariance)
    for i in range(covariance.shape[1]):
        left = covariance[:, i:, i] - (lower[:, i:, :i] * lower[:, i, None, :i]).sum(-1)
        alive = left[:, 0] > STILL * (STILL + covariance[:, i, i])
        own = torch.where(alive, left[:, 0], 1.0).sqrt()
        lower[:, i:, i] = torch.where(alive[:, None], left / own[:, None], 0.0)
    return lower
