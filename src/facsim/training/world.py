"""Several processes that train one model: each takes its share of every batch, gradients are averaged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from facsim.core import FacsimError
from facsim.core.contracts import Batch

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class World:
    """The processes of a training and what they tell each other; alone, every method gives back what it was given."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric, self.size, self.rank = fabric, fabric.world_size, fabric.global_rank

    @property
    def first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def share(self, batch: Batch) -> Batch:
        """This process's part of a batch, of which all processes have the whole.

        Raises:
            FacsimError: if the batch has fewer events than there are processes.
        """
        if self.size == 1:
            return batch
        if len(batch.weight) < self.size:
            raise FacsimError("a batch cannot be shared", expected=f"{self.size} or more events", got=len(batch.weight), remedy="use fewer devices")
        part = len(batch.weight) // self.size
        return Batch(*(t[self.rank * part : (self.rank + 1) * part] for t in batch))

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the mean over all processes in place of each gradient."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.size == 1 or not gradients:
            return
        mean = self._mean(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, part in zip(gradients, torch.split_with_sizes(mean, [gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.reshape(gradient.shape))

    def average(self, values: list[float]) -> list[float]:
        """The mean of each number over all processes."""
        return values if self.size == 1 else self._mean(torch.tensor(values, dtype=torch.float64)).tolist()

    def average_row(self, row: dict[str, float]) -> dict[str, float]:
        """The mean of each named number over all processes, so that all stop at the same epoch."""
        return dict(zip(row, self.average(list(row.values())), strict=True))

    def anyone(self, asks: bool) -> bool:
        """Whether any process asks."""
        return asks if self.size == 1 else self.average([float(asks)])[0] > 0

    def gather(self, state: Tensor) -> Tensor:
        """The states of all processes, [size, ...]; alone, the state itself."""
        if self.size == 1:
            return state
        states = [torch.empty_like(state) for _ in range(self.size)]
        torch.distributed.all_gather(states, state)
        return torch.stack(states)

    def own(self, states: Tensor) -> Tensor:
        """This process's part of what `gather` gave."""
        return states if self.size == 1 else states[self.rank].clone()  # a generator cannot be set from a part of a tensor

    def _mean(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.fabric.all_reduce(x, reduce_op="mean"))


def first_process() -> bool:
    """Whether this process was not started by another of the same training; known from the start on."""
    return os.environ.get("LOCAL_RANK", "0") == "0"
