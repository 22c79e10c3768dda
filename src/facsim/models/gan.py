"""Fully connected generative adversarial network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.core.contracts import Batch, Generator, Objective
from facsim.models.family import Family
from facsim.nets import mlp
from facsim.objectives import ADVERSARIAL, between, gradient_penalty, weighted_mean


class WGANGP(Generator):
    """A generator against a critic that measures the Wasserstein distance, kept smooth by a gradient penalty.

    `last` is the generator's output activation. The critic steps `critic_steps` times, each on new events, for one step of the generator.
    Source: Gulrajani et al., Improved training of Wasserstein GANs (2017), arXiv:1704.00028.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        latent: int = 64,
        hidden: Sequence[int] = (256, 256),
        activation: str = "leaky-relu",
        last: str = "relu",
        penalty: float = 10.0,
        critic_steps: int = 5,
    ) -> None:
        super().__init__()
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.latent, self.penalty, self.critic_steps = latent, penalty, critic_steps
        cells = math.prod(response_shape)
        self.generator = mlp([latent + condition_size, *hidden, cells], activation, last)
        self.critic = mlp([cells + condition_size, *reversed(hidden), 1], activation)

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, self.latent, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        cells: Tensor = self.generator(torch.cat([noise, condition], dim=1))
        return cells.reshape(-1, *self.response_shape)

    def judge(self, condition: Tensor, response: Tensor) -> Tensor:
        """The critic's verdict on each event, [n]."""
        verdict: Tensor = self.critic(torch.cat([response.flatten(1), condition], dim=1))
        return verdict.squeeze(1)

    def objectives(self) -> tuple[Objective, ...]:
        return (
            Objective("critic", self.critic_loss, tuple(self.critic.parameters()), self.critic_steps),
            Objective("generator", self.generator_loss, tuple(self.generator.parameters())),
        )

    def critic_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the estimated Wasserstein distance, and the penalty."""
        game = ADVERSARIAL["wasserstein"]
        with torch.no_grad():
            fake = self.sample_like(batch, rng)
        real_term = weighted_mean(game.real(self.judge(batch.condition, batch.response)), batch.weight)
        fake_term = weighted_mean(game.fake(self.judge(batch.condition, fake)), batch.weight)
        smooth = gradient_penalty(lambda x: self.judge(batch.condition, x), between(batch.response, fake, rng))
        return {"wasserstein": real_term + fake_term, "penalty": self.penalty * smooth.mean()}

    def generator_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """What the critic says of generated events at the batch's conditions."""
        verdict = self.judge(batch.condition, self.sample_like(batch, rng))
        return {"fool": weighted_mean(ADVERSARIAL["wasserstein"].fool(verdict), batch.weight)}

    def sample_like(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Generated events at the batch's conditions."""
        return self.forward(batch.condition, self.draw_noise(len(batch.condition), rng))


FAMILIES = {
    "wgan-gp": Family(
        WGANGP,
        idea="a generator against a critic that measures the Wasserstein distance",
        when="sharp single events matter more than an easy training",
        cost="five steps of the critic for one of the generator; one pass of the generator an event",
        source="Gulrajani et al. (2017), arXiv:1704.00028",
        response=(("Log", {"offset": 1.0}), ("Scale", {})),
        training={"epochs": 60, "learning_rate": 1e-4, "betas": (0.0, 0.9)},
    ),
}
