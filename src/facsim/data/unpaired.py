"""Batches of two samples of events that have no partners in each other: simulation and data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from facsim.core import stream
from facsim.core.contracts import Batch
from facsim.core.events import Array
from facsim.data.batches import Plan


class UnpairedBatches:
    """Batches whose condition is a simulated event [n, cells] and whose response and weight are those of an unrelated event of data.

    An epoch is as long as the larger sample; the smaller is gone through again and again, in a new order each time. Simulated events are drawn in
    proportion to `simulation_weight` [m] >= 0 where there is one. The order depends on the seed and the epoch alone.
    """

    def __init__(self, simulation: Tensor, data: Batch, batch_size: int, seed: int, *, simulation_weight: Array | None = None) -> None:
        self.simulation, self.data, self.seed = simulation.flatten(1), data, seed
        smaller = min(len(simulation), len(data.response))
        size = Plan.of(smaller, batch_size).size
        self.plan = Plan.of(max(len(simulation), len(data.response)), size)
        self.share = None if simulation_weight is None else simulation_weight / simulation_weight.sum()

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return self.plan.steps

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from batch `start` on."""
        simulated, measured = self._order("simulation", number, len(self.simulation)), self._order("data", number, len(self.data.response))
        for i in range(start, self.steps):
            part = slice(i * self.plan.size, (i + 1) * self.plan.size)
            condition, rows = self.simulation[simulated[part]], measured[part]
            yield Batch(condition, self.data.response[rows], self.data.weight[rows])

    def _order(self, name: str, number: int, n: int) -> Tensor:
        """As many rows of a sample as an epoch has, each used as often as any other (simulated ones: by weight)."""
        rng, total = stream(self.seed, "unpaired", name, number), self.steps * self.plan.size
        if name == "simulation" and self.share is not None:
            return torch.from_numpy(rng.choice(n, total, p=self.share))
        rounds = -(-total // n)
        return torch.from_numpy(np.concatenate([rng.permutation(n) for _ in range(rounds)])[:total])
