"""A network that reads labels off an event, trained supervised; it generates nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Objective
from facsim.objectives.regression import squared_difference


class Regressor(nn.Module):
    """A network [n, ...] -> [n, labels], whose labels are the condition of its batches."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, response: Tensor) -> Tensor:
        found: Tensor = self.network(response)
        return found

    def objectives(self) -> tuple[Objective, ...]:
        """The squared difference from the labels."""
        return (Objective("regressor", self.loss, tuple(self.parameters())),)

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """C4: the mean squared difference between labels and what is found."""
        return {"C4": squared_difference(batch.condition, self(batch.response), batch.weight)}
