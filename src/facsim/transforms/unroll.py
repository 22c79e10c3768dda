"""Layers cut to their middle and unrolled to rows, with the proof that nothing is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError


class Crop(Transform):
    """Keep `size` x `size` cells of every layer [..., rows, columns], from `start` (row, column) on; the middle ones unless given.

    What lies outside must be empty in the training data, up to the share `loss` of all energy; the inverse puts zeros there.
    """

    def __init__(self, shape: tuple[int, ...], size: int, start: Sequence[int] | None = None, loss: float = 0.0) -> None:
        super().__init__()
        if len(shape) < 2 or not 0 < size <= min(shape[-2:]):
            raise FacsimError("the layers cannot be cropped", expected="two last axes, no smaller than what is kept", got=f"{list(shape)} to {size}")
        self.whole, self.size, self.loss = (shape[-2], shape[-1]), size, loss
        self.first = [(length - size) // 2 for length in self.whole] if start is None else [int(first) for first in start]
        if len(self.first) != 2 or not all(0 <= first <= length - size for first, length in zip(self.first, self.whole, strict=True)):
            raise FacsimError("the crop starts outside the layer", expected=f"(row, column) from 0 to {min(self.whole) - size}", got=self.first)

    def fit(self, x: Tensor, condition: Tensor) -> None:
        require_little_lost(x, self(x, condition), self.loss, "Crop")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-2], self.size, self.size)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        (row, column), size = self.first, self.size
        return x[..., row : row + size, column : column + size]

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        (row, column), size = self.first, self.size
        x = y.new_zeros(*y.shape[:-2], *self.whole)
        x[..., row : row + size, column : column + size] = y
        return x


class Unroll(Transform):
    """Unroll every square layer along a spiral from its centre outward: [..., size, size] -> [..., cells].

    The first k * k cells are always a square of k x k cells round the centre. `keep` cells are kept of each layer (all unless given); those
    further out must be empty in the training data, up to the share `loss` of all energy.
    Source: Guthrie, Malkin, Pine (2017), rows of 400, 100 and 25 cells.
    """

    def __init__(self, shape: tuple[int, ...], keep: int | None = None, loss: float = 0.0) -> None:
        super().__init__()
        if len(shape) < 2 or shape[-1] != shape[-2]:
            raise FacsimError("only square layers can be unrolled", expected="as many rows as columns", got=list(shape))
        self.side, self.keep, self.loss = shape[-1], keep or shape[-1] ** 2, loss
        if not 0 < self.keep <= self.side**2:
            raise FacsimError("more cells kept than a layer has", expected=f"at most {self.side**2}", got=keep)
        self.register_buffer("order", spiral(self.side)[: self.keep], persistent=False)
        self.order: Tensor

    def fit(self, x: Tensor, condition: Tensor) -> None:
        require_little_lost(x, self(x, condition), self.loss, "Unroll")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-2], self.keep)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x.flatten(-2)[..., self.order]

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        x = y.new_zeros(*y.shape[:-1], self.side**2)
        x[..., self.order] = y
        return x.reshape(*y.shape[:-1], self.side, self.side)


def spiral(side: int) -> Tensor:
    """Numbers of the cells of a square, row by row, along a spiral from its centre outward.

    Examples:
        >>> spiral(3).tolist()
        [4, 5, 8, 7, 6, 3, 0, 1, 2]
    """
    row = column = (side - 1) // 2
    path, steps = [(row, column)], 1
    turns = ((0, 1), (1, 0), (0, -1), (-1, 0))
    for turn in range(2 * side - 1):
        for _ in range(steps):
            row, column = row + turns[turn % 4][0], column + turns[turn % 4][1]
            path.append((row, column))
        steps += turn % 2
    return torch.tensor([r * side + c for r, c in path if 0 <= r < side and 0 <= c < side])


def require_little_lost(whole: Tensor, kept: Tensor, most: float, name: str) -> None:
    """Raise if more than the share `most` of the energy was cut away."""
    energy = float(whole.abs().double().sum())
    lost = 1 - float(kept.abs().double().sum()) / energy if energy else 0.0
    if lost > most + 1e-12:
        told = f"{lost:.3g} of the energy" if math.isfinite(lost) else "energies that are not finite"
        remedy = f"keep more cells, or allow it with loss={math.ceil(lost * 1000) / 1000:g}"
        raise FacsimError(f"{name} would cut away energy", expected=f"at most {most:g} of it", got=told, remedy=remedy)
