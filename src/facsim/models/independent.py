"""Cells that know of each other only through the condition: a mixture of normal densities for each, cut at zero."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.core.contracts import Batch, Generator, Objective
from facsim.models.family import Family
from facsim.nets.mlp import mlp
from facsim.objectives.likelihood import negative_log_likelihood
from facsim.objectives.mixture import LOG_ROOT_2PI, Mixture

NARROWEST = -7.0  # logarithm of the smallest standard deviation


class Independent(Generator):
    """A dense network of the condition gives each cell a mixture of `components` normal densities; each cell is drawn on its own.

    `likelihood` as in a Flow: "censored" for max(v, 0) with v from the mixture, so that a cell without energy says only v <= 0; or "normal". Exact
    where cells fluctuate on their own, as the particles in separate stations of an array do once energy and depth are given; blind to all else.
    Source: Bishop, Mixture density networks (1994), Aston University NCRG/94/004; Tobin, Econometrica 26 (1958) 24 (the cut).
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        hidden: Sequence[int] = (128, 128),
        activation: str = "silu",
        components: int = 3,
        likelihood: str = "censored",
    ) -> None:
        super().__init__()
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.cells, self.components, self.censored = math.prod(response_shape), components, likelihood == "censored"
        self.network = mlp([1 + condition_size, *hidden, 3 * self.cells * components], activation)

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 2 * self.cells, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        mixture = self.mixture(condition)
        choice, level = noise.chunk(2, dim=1)
        passed = mixture.logit.softmax(-1).cumsum(-1) < torch.special.ndtr(choice)[..., None]
        component = passed.sum(-1, keepdim=True).clamp_max(self.components - 1)
        mean, log_std = (t.gather(-1, component).squeeze(-1) for t in (mixture.mean, mixture.log_std))
        y = torch.addcmul(mean, level, log_std.exp())
        return (y.clamp_min(0) if self.censored else y).reshape(-1, *self.response_shape)

    def mixture(self, condition: Tensor) -> Mixture:
        """The mixture of each cell, [n, cells, components]."""
        known = torch.cat([condition.new_ones(condition.shape[0], 1), condition], dim=1)
        logit, mean, log_std = self.network(known).reshape(condition.shape[0], 3, self.cells, self.components).unbind(1)
        return Mixture(logit, mean, log_std.clamp_min(NARROWEST))

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("likelihood", self.nll, tuple(self.parameters())),)

    def nll(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the logarithm of the likelihood of the batch's events, a mean over the cells."""
        mixture = self.mixture(batch.condition)
        scaled = (batch.response.flatten(1)[..., None] - mixture.mean) * torch.exp(-mixture.log_std)
        each = -0.5 * scaled.square() - mixture.log_std - LOG_ROOT_2PI
        if self.censored:
            each = torch.where(batch.response.flatten(1)[..., None] > 0, each, torch.special.log_ndtr(scaled))
        log_prob = (mixture.logit.log_softmax(-1) + each).logsumexp(-1).mean(1)
        return {"nll": negative_log_likelihood(log_prob, batch.weight)}


FAMILIES = {
    "independent": Family(
        Independent,
        idea="every cell has its own density, a mixture that follows the condition; cells are independent given it",
        when="arrays of separate detectors whose fluctuations are their own; a stable training of a minute",
        cost="one small dense network, one pass an event; no correlations between cells beyond those of the condition",
        source="Bishop (1994), mixture density networks",
        response=(("Gaussianise", {}),),
        training={"epochs": 30, "learning_rate": 2e-3, "schedule": "cosine", "clip": 5.0},
    ),
}
