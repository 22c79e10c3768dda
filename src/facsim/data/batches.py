"""Batches of events in memory, and what they share with those streamed from files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import torch

from facsim.core import Events, FacsimError, stream
from facsim.core.contracts import Batch

Prepare = Callable[[Events], Batch]


def to_batch(events: Events) -> Batch:
    """The events' numbers as tensors, not transformed."""
    return Batch(*(torch.tensor(array) for array in (events.condition, events.response, events.weights)))


@dataclass(frozen=True)
class Plan:
    """How an epoch of n events falls into batches: the last incomplete batch is dropped; fewer events than one batch make a smaller one.

    Examples:
        >>> Plan.of(1000, 300), Plan.of(10, 32)
        (Plan(steps=3, size=300), Plan(steps=1, size=10))
    """

    steps: int
    size: int

    @classmethod
    def of(cls, n: int, batch_size: int) -> Self:
        """The plan for n events.

        Raises:
            FacsimError: if there is no event, or the batch size is not positive.
        """
        if n < 1 or batch_size < 1:
            raise FacsimError("no batches can be made", expected="1 or more events and batch size", got=f"{n} events in batches of {batch_size}")
        size = min(n, batch_size)
        return cls(n // size, size)


class ArrayBatches:
    """Shuffled batches of tensors in memory; the order depends on the seed and the epoch alone."""

    def __init__(self, data: Batch, batch_size: int, seed: int) -> None:
        self.data, self.seed = data, seed
        self.plan = Plan.of(len(data.response), batch_size)

    @classmethod
    def from_events(cls, events: Events, prepare: Prepare = to_batch, *, batch_size: int, seed: int) -> Self:
        """Batches of the events, of which `prepare` makes network tensors once and for all."""
        return cls(prepare(events), batch_size, seed)

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return self.plan.steps

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from batch `start` on; every event at most once."""
        order = torch.from_numpy(stream(self.seed, "batches", number).permutation(len(self.data.response)))
        for i in range(start, self.steps):
            rows = order[i * self.plan.size : (i + 1) * self.plan.size]
            yield Batch(*(t[rows] for t in self.data))
