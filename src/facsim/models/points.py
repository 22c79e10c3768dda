"""A cloud of hits: how many, then where and how much, all at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.models.family import ENERGIES, Family
from facsim.models.flow_matching import SOLVERS, solve
from facsim.nets import mlp
from facsim.nets.points import ContextBlock, masked_mean
from facsim.objectives import straight_path, weighted_mean
from facsim.objectives.flow_matching import Velocity


class PointVelocity(nn.Module):
    """Velocities of the points of sets: points [n, m, d], mask [n, m] and what is told of each set [n, k] -> [n, m, d]."""

    def __init__(self, size: int, told: int, *, width: int, context: int, blocks: int) -> None:
        super().__init__()
        self.enter, self.tell, self.leave = nn.Linear(size, width), nn.Linear(told, context), nn.Linear(width, size)
        self.blocks = nn.ModuleList(ContextBlock(width, context, activation="silu") for _ in range(blocks))

    def forward(self, points: Tensor, mask: Tensor, told: Tensor) -> Tensor:
        x, context = self.enter(points), self.tell(told)
        for block in self.blocks:
            x, context = block(x, mask, context)
        velocity: Tensor = self.leave(x)
        return velocity


class Points(Generator):
    """Every hit is a point, its place in the grid and the logarithm of its energy; flow matching carries as many points as are drawn from noise.

    At most `capacity` hits an event, in training the largest, none larger than any there. Places are spread over their cells, and rounded back;
    hits that end up in one cell add up. `width` is that of a point, `context` that of what all points of an event know, in each of `blocks`;
    `solver` and `steps` as in FlowMatching. Responses are >= 0.
    Sources: Buhmann et al., CaloClouds (2023), arXiv:2305.04847; Buhmann et al., EPiC-ly fast particle cloud generation with flow-matching and
    diffusion (2023), arXiv:2310.00049.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        capacity: int = 128,
        width: int = 64,
        context: int = 16,
        blocks: int = 3,
        solver: str = "midpoint",
        steps: int = 8,
        waves: int = 4,
    ) -> None:
        super().__init__()
        if min(capacity, steps) < 1:
            raise FacsimError("a cloud needs points and steps", expected="1 or more", got=(capacity, steps))
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.cells, self.axes, self.steps = math.prod(response_shape), len(response_shape), steps
        self.capacity, self.step = min(capacity, self.cells), look_up(SOLVERS, solver, "solver")
        self.register_buffer("waves", math.pi * torch.arange(1, waves + 1), persistent=False)
        self.register_buffer("scale", torch.tensor([0.0, 1.0, math.inf]))  # mean, deviation and largest of the log energies
        self.waves: Tensor
        self.scale: Tensor
        self.count = mlp([condition_size + 1, width, self.capacity + 1], "silu")
        self.network = PointVelocity(self.axes + 1, condition_size + 2 + 2 * waves, width=width, context=context, blocks=blocks)

    def see(self, batch: Batch) -> None:
        log_energy = batch.response[batch.response > 0].log()
        if len(log_energy) > 1:
            self.scale.copy_(torch.stack([log_energy.mean(), log_energy.std().clamp_min(1e-3), log_energy.max()]))

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 1 + self.capacity * (self.axes + 1), generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        mask = self._drawn(condition, noise[:, 0])
        points = solve(self.step, self.velocity(condition, mask), noise[:, 1:].reshape(-1, self.capacity, self.axes + 1), self.steps)
        return self._to_cells(points, mask).reshape(-1, *self.response_shape)

    def velocity(self, condition: Tensor, mask: Tensor) -> Velocity:
        """The velocity field (points [n, m, d], time [n, 1]) -> [n, m, d] of clouds with these conditions and places taken."""
        share = mask.sum(1, keepdim=True) / self.capacity

        def field(points: Tensor, time: Tensor) -> Tensor:
            phase = time * self.waves
            velocity: Tensor = self.network(points, mask, torch.cat([condition, share, time, phase.sin(), phase.cos()], dim=1))
            return velocity

        return field

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("cloud", self.loss, tuple(self.parameters())),)

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the log likelihood of the number of hits, and how far the points' velocities are from those of straight lines."""
        points, mask = self.points_of(batch.response, rng)
        number = cross_entropy(self._logits(batch.condition), mask.sum(1), reduction="none")
        noise = torch.randn(points.shape, generator=rng, device=points.device)
        time = torch.rand(len(points), 1, generator=rng, device=points.device)
        between, target = straight_path(noise, points, time[..., None])
        off = (self.velocity(batch.condition, mask)(between, time) - target).square()
        return {"number": weighted_mean(number, batch.weight), "velocity": weighted_mean(masked_mean(off, mask).mean(1), batch.weight)}

    def points_of(self, response: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """The hits of each event, largest first: points [n, m, axes + 1] and which there are [n, m], m that of the event with most."""
        energy, cell = response.flatten(1).topk(self.capacity, dim=1)
        most = max(1, int((energy > 0).sum(1).max()))
        energy, cell = energy[:, :most], cell[:, :most]
        sides = torch.tensor(self.response_shape, device=cell.device)
        index = torch.stack(torch.unravel_index(cell, self.response_shape), dim=2)
        place = (index + torch.rand(index.shape, generator=rng, device=cell.device)) * (2 / sides) - 1
        mask = energy > 0
        log_energy = (torch.where(mask, energy, 1.0).log() - self.scale[0]) / self.scale[1]
        return torch.cat([place, log_energy[..., None]], dim=2), mask

    def _logits(self, condition: Tensor) -> Tensor:
        """Of 0, 1, 2 ... hits, [n, capacity + 1]."""
        logits: Tensor = self.count(torch.cat([condition, condition.new_ones(condition.shape[0], 1)], dim=1))
        return logits

    def _drawn(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Which places are taken, [n, capacity]: the quantile of the number of hits at the noise."""
        below = self._logits(condition).softmax(1).cumsum(1) < torch.special.ndtr(noise)[:, None]
        taken: Tensor = torch.arange(self.capacity, device=noise.device) < below.sum(1, keepdim=True)
        return taken

    def _to_cells(self, points: Tensor, mask: Tensor) -> Tensor:
        """The energies of the points in their cells, [n, cells]."""
        cell = torch.zeros_like(mask, dtype=torch.long)
        for axis, side in enumerate(self.response_shape):
            cell = cell * side + ((points[..., axis] + 1) * (side / 2)).floor().clamp(0, side - 1).long()
        log_energy = torch.minimum(points[..., -1] * self.scale[1] + self.scale[0], self.scale[2])
        energy = torch.where(mask, log_energy.exp(), 0.0)
        filled: Tensor = energy.new_zeros(energy.shape[0], self.cells).scatter_add(1, cell, energy)
        return filled


FAMILIES = {
    "points": Family(
        Points,
        idea="a cloud of hits: their number, then places and energies of all at once by flow matching",
        when="sparse readouts of any geometry; cost by hits, not by cells",
        cost="a small network of every hit, once or twice in each of the solver's steps",
        source="Buhmann et al. (2023), arXiv:2305.04847 and arXiv:2310.00049",
        response=ENERGIES,
        training={"epochs": 40, "learning_rate": 1e-3, "schedule": "cosine", "ema": 0.999},
        signed=False,
    ),
}
