"""Autoregressive transformer over hits: a sparse event is a sequence of cells and energies that ends with a stop."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.table import look_up
from facsim.models.family import Family
from facsim.models.hit_network import HitNetwork, Size
from facsim.models.hit_sampling import sample_hits
from facsim.models.hit_sequences import ORDERS, HitSequences, hit_sequences
from facsim.objectives import weighted_mean
from facsim.objectives.mixture import mixture_log_prob

MOST_HITS = 256  # of an event, unless told otherwise
UNIFORMS = 3  # random numbers a hit takes: its cell, the component of its energy, the energy
PARTS = 4  # a batch is taken in parts of events of similar length, to pad less


class Hits(Generator):
    """Hits one after the other, each given all before it: its cell by a softmax over those still empty (or a stop), then its energy.

    The response holds energies >= 0 of order one. The energy's logarithm has a mixture of `components` normal densities. In the `order`
    "energy" the largest hit comes first and each energy is cut off at the one before; in the order "cell" hits come as their cells are
    numbered. No hit is larger than those of the training, no event has more than `max_hits` hits. Noise: uniform numbers [n, max_hits, 3].
    No gradient passes from response to noise.
    Sources: Vaswani et al. (2017), arXiv:1706.03762; calorimeter hits as sequences: Birk et al., OmniJet-alpha_C (2025), arXiv:2501.05534.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        width: int = 64,
        heads: int = 4,
        blocks: int = 3,
        expansion: int = 2,
        components: int = 8,
        order: str = "energy",
        max_hits: int | None = None,
    ) -> None:
        super().__init__()
        look_up(ORDERS, order, "order of hits")
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.cells, self.order = math.prod(response_shape), order
        self.max_hits = min(self.cells, MOST_HITS if max_hits is None else max_hits)
        self.network = HitNetwork(condition_size, self.response_shape, self.max_hits, Size(width, heads, blocks, expansion, components))

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.rand(n, self.max_hits, UNIFORMS, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        return sample_hits(self.network, self.order, condition, noise).reshape(-1, *self.response_shape)

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("likelihood", self.nll, tuple(self.parameters())),)

    def nll(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the log likelihood of the cells (the stop among them) and of the log energies."""
        hits = hit_sequences(batch.response.flatten(1), self.order, self.max_hits)
        self.network.see(hits)
        parts = [rows for rows in hits.size.argsort().chunk(PARTS) if len(rows)]
        losses = [self.log_likelihood(batch.condition[rows], hits.of(rows)) for rows in parts]
        cells, energies = (torch.cat(values) for values in zip(*losses, strict=True))
        weight = batch.weight[torch.cat(parts)]
        return {"cells": -weighted_mean(cells, weight), "energies": -weighted_mean(energies, weight)}

    def log_likelihood(self, condition: Tensor, hits: HitSequences) -> tuple[Tensor, Tensor]:
        """Log probability of all cells and the stop, and log density of all log energies, for each event, each [n]."""
        table = self.network.table()
        state = self.network(condition, hits, table)
        return self._of_cells(state, hits, table), self._of_energies(state, hits, table)

    def _of_cells(self, state: Tensor, hits: HitSequences, table: Tensor) -> Tensor:
        steps = torch.arange(hits.cell.shape[1] + 1, device=state.device)
        event, step = torch.nonzero((steps <= hits.size[:, None]) & (steps < self.max_hits), as_tuple=True)  # the hits, and the stop
        target = pad(hits.cell, (0, 1)).scatter(1, hits.size[:, None], self.cells)
        closed = closed_cells(hits, self.cells, self.order)[event, step]
        logits = self.network.logits(state[event, step], table).masked_fill(closed, -math.inf)
        chosen = logits.log_softmax(1).gather(1, target[event, step, None]).squeeze(1)
        return state.new_zeros(len(state)).index_add(0, event, chosen)

    def _of_energies(self, state: Tensor, hits: HitSequences, table: Tensor) -> Tensor:
        event, step = torch.nonzero(hits.there, as_tuple=True)
        ceiling = self.network.ceiling
        before = pad(hits.log_energy, (1, 0), value=ceiling)[event, step]
        bound = before if self.order == "energy" else torch.full_like(before, ceiling)
        mixture = self.network.mixture(state[event, step], table[hits.cell[event, step]])
        density = mixture_log_prob(mixture, hits.log_energy[event, step], bound)
        return state.new_zeros(len(state)).index_add(0, event, density)


def closed_cells(hits: HitSequences, cells: int, order: str) -> Tensor:
    """Which cells may not be hit at each step, [n, length + 1, cells + 1]: those hit before, or those up to the last; the stop always may."""
    n, length = hits.cell.shape
    index, step = torch.arange(cells + 1, device=hits.cell.device), torch.arange(length + 1, device=hits.cell.device)
    if order == "cell":
        last = pad(hits.cell, (1, 0), value=-1)
        return (index <= last[:, :, None]) & (index < cells)
    hit_at = torch.full((n, cells + 1), length + 1, device=step.device)  # the step at which a cell is hit
    hit_at.scatter_(1, torch.where(hits.there, hits.cell, cells), step[:length].expand(n, length))
    hit_at[:, cells] = length + 1
    return hit_at[:, None, :] < step[:, None]


FAMILIES = {
    "hits": Family(
        Hits,
        idea="hits one after the other, each given those before, until a stop",
        when="sparse readouts: few of many cells are hit; single events must be right",
        cost="a small transformer once for each hit; training reads whole events at once",
        source="Vaswani et al. (2017), arXiv:1706.03762",
        response=(("Scale", {}),),
        training={"epochs": 10, "learning_rate": 2e-3, "schedule": "onecycle", "clip": 10.0},
        signed=False,
        onnx="hit after hit until each event stops: a loop of unknown length over a growing memory, which a traced graph does not hold",
    ),
}
