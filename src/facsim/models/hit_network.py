"""The network behind a sequence of hits: embeddings of cells and energies, a causal transformer, heads for the next cell and its energy."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from facsim.models.hit_sequences import HitSequences
from facsim.nets import CausalTransformer, mlp
from facsim.objectives.mixture import UNBOUNDED, Mixture

WAVES = 4  # frequencies in which the network sees the place of a cell
SPAN = 4.0  # of log energies, to bring them to order one
MARGIN = 0.1  # how far above the largest log energy of training a hit may come


class Size(NamedTuple):
    """How large the network is; `components` are those of the energy's density."""

    width: int
    heads: int
    blocks: int
    expansion: int
    components: int


class HitNetwork(nn.Module):
    """What comes next, given the condition and the hits so far."""

    def __init__(self, condition_size: int, response_shape: tuple[int, ...], max_hits: int, size: Size) -> None:
        super().__init__()
        width, self.cells = size.width, math.prod(response_shape)
        self.transformer = CausalTransformer(width, size.heads, size.blocks, size.expansion)
        self.own = nn.Parameter(0.1 * torch.randn(self.cells + 1, width))  # what each cell is beside its place; last: the stop
        self.place = nn.Linear(2 * WAVES * len(response_shape), width)
        self.head, self.bias = nn.Linear(width, width), nn.Parameter(torch.zeros(self.cells + 1))
        self.start = nn.Parameter(torch.zeros(width))
        self.condition = nn.Linear(condition_size, width) if condition_size else None
        self.position = nn.Parameter(0.02 * torch.randn(max_hits + 1, width))
        self.energy_in = mlp([3, width, width], "silu")
        self.energy_out = mlp([2 * width, width, 3 * size.components], "silu")
        self.register_buffer("waves", _waves(response_shape), persistent=False)
        self.register_buffer("highest", torch.tensor(-math.inf))  # log energy seen in training
        self.waves: Tensor
        self.highest: Tensor

    def forward(self, condition: Tensor, hits: HitSequences, table: Tensor) -> Tensor:
        """The state before each hit and after the last, [n, length + 1, width]."""
        energy = hits.log_energy.exp() * hits.there
        known = self.hit_token(table[hits.cell], hits.log_energy, energy.cumsum(1))
        tokens = torch.cat([self.start.expand(len(known), 1, -1), known], dim=1)
        state: Tensor = self.transformer(tokens + self.position[: tokens.shape[1]] + self.context(condition)[:, None])
        return state

    def table(self) -> Tensor:
        """Embeddings of all cells, by place and each its own, and of the stop: [cells + 1, width]."""
        return self.own + nn.functional.pad(self.place(self.waves), (0, 0, 0, 1))

    def context(self, condition: Tensor) -> Tensor:
        """The condition, embedded: [n, width]."""
        return condition.new_zeros(len(condition), len(self.start)) if self.condition is None else self.condition(condition)

    def hit_token(self, cell: Tensor, log_energy: Tensor, total: Tensor) -> Tensor:
        """A hit of an embedded cell, with its energy and the event's energy so far."""
        told: Tensor = self.energy_in(torch.stack([log_energy / SPAN, log_energy.exp(), total.clamp_min(1e-6).log()], dim=-1))
        return cell + told

    def see(self, hits: HitSequences) -> None:
        """Raise the ceiling to these hits of the training data."""
        if hits.log_energy.numel():
            self.highest.copy_(torch.maximum(self.highest, torch.where(hits.there, hits.log_energy, -math.inf).amax()))

    @property
    def ceiling(self) -> float:
        """The log energy that no hit exceeds: a density has tails, a detector has not."""
        return self.highest.item() + MARGIN if bool(torch.isfinite(self.highest)) else UNBOUNDED

    def logits(self, state: Tensor, table: Tensor, out: Tensor | None = None) -> Tensor:
        """Logits of the next cell or the stop, [n, cells + 1]."""
        return torch.addmm(self.bias, self.head(state), table.T, alpha=state.shape[1] ** -0.5, out=out)

    def mixture(self, state: Tensor, cell: Tensor) -> Mixture:
        """The density of the log energy in an embedded cell."""
        logit, mean, log_std = self.energy_out(torch.cat([state, cell], dim=-1)).chunk(3, dim=-1)
        return Mixture(logit, SPAN * mean, log_std.clamp(-6, 3))


def _waves(shape: tuple[int, ...]) -> Tensor:
    """Sines and cosines of each cell's place along each axis, [cells, 2 WAVES axes]."""
    axes = torch.meshgrid(*(torch.linspace(0, 1, size) for size in shape), indexing="ij")
    phase = torch.stack([a.flatten() for a in axes], dim=1)[:, :, None] * math.pi * 2.0 ** torch.arange(WAVES)
    return torch.cat([phase.sin(), phase.cos()], dim=2).flatten(1)
