"""Columns that follow from others, told beside them."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from facsim.core.contracts import Transform


class Appended(Transform):
    """Conditions [n, c] -> [n, c + more]: the columns themselves, then as many `more` as `tell` finds in them."""

    def __init__(self, shape: tuple[int, ...], more: int) -> None:
        super().__init__()
        self.width, self.more = shape[-1], more

    @abstractmethod
    def tell(self, x: Tensor, condition: Tensor) -> Tensor:
        """What is told besides, [n, more]."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.width + self.more,)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return torch.cat([x, self.tell(x, condition)], dim=1)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return y[:, : self.width]
