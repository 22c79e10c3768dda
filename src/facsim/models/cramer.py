"""Generators trained by the energy distance: in a space that a critic finds, or in that of the responses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.core.contracts import Batch, Objective
from facsim.models.family import SPARSE, Family
from facsim.models.gan import FIVE_STEPS
from facsim.models.one_network import OneNetwork
from facsim.nets.critics import dense_critic
from facsim.nets.mlp import mlp
from facsim.objectives.adversarial import weighted_mean
from facsim.objectives.energy import energy_distance, energy_score, surrogate_witness, witness
from facsim.objectives.penalties import between, gradient_penalty


class EnergyRegression(OneNetwork):
    """A generator alone, whose pairs of events at one condition are brought as close to the real event as to each other.

    Source: Gneiting and Raftery (2007), J. Am. Stat. Assoc. 102, 359 (energy score); Shen and Meinshausen, Engression (2023), arXiv:2307.00835.
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
    ) -> None:
        generator = mlp([latent + condition_size, *hidden, math.prod(response_shape)], activation, last)
        super().__init__(condition_size, response_shape, latent, generator)

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("generator", self.generator_loss, tuple(self.generator.parameters())),)

    def generator_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The energy score of two events generated at each condition."""
        fake, other = self.two_like(batch, rng)
        return {"energy": weighted_mean(energy_score(batch.response, fake, other), batch.weight)}


class CramerGAN(OneNetwork):
    """A critic maps events to a space of `space` dimensions in which the energy distance is as large as its smoothness allows.

    With `surrogate` the second real event of the energy distance is set to the origin, so that no two real events of one condition are
    needed; without it, the distance is taken between the joint distributions of condition and response, from all pairs of a batch.
    Source: Bellemare et al., The Cramer distance as a solution to biased Wasserstein gradients (2017), arXiv:1705.10743.
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
        space: int = 64,
        surrogate: bool = True,
        penalty: float = 10.0,
        critic_steps: int = 5,
    ) -> None:
        cells = math.prod(response_shape)
        super().__init__(condition_size, response_shape, latent, mlp([latent + condition_size, *hidden, cells], activation, last))
        self.surrogate, self.penalty, self.critic_steps = surrogate, penalty, critic_steps
        self.critic = dense_critic(cells + condition_size, tuple(reversed(hidden)), activation, outputs=space)

    def objectives(self) -> tuple[Objective, ...]:
        return (
            Objective("critic", self.critic_loss, tuple(self.critic.parameters()), self.critic_steps),
            Objective("generator", self.generator_loss, tuple(self.generator.parameters())),
        )

    def critic_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the energy distance in the critic's space, and the penalty on the slope of its witness."""
        with torch.no_grad():
            fake, other = self.two_like(batch, rng)
        real_at, fake_at, other_at = (self.critic(batch.condition, x) for x in (batch.response, fake, other))
        if self.surrogate:
            apart = weighted_mean(surrogate_witness(real_at, other_at) - surrogate_witness(fake_at, other_at), batch.weight)
        else:
            apart = energy_distance(real_at, fake_at, batch.weight)

        def slope_of(x: Tensor) -> Tensor:
            at = self.critic(batch.condition, x)
            return surrogate_witness(at, other_at) if self.surrogate else witness(at, real_at, fake_at, batch.weight)

        smooth = gradient_penalty(slope_of, between(batch.response, fake, rng))
        return {"energy": -apart, "penalty": self.penalty * smooth.mean()}

    def generator_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The energy distance in the critic's space, with the surrogate without the term in which the generator has no part."""
        fake, other = self.two_like(batch, rng)
        real_at, fake_at, other_at = (self.critic(batch.condition, x) for x in (batch.response, fake, other))
        if self.surrogate:
            return {"energy": weighted_mean(energy_score(real_at, fake_at, other_at), batch.weight)}
        return {"energy": energy_distance(real_at, fake_at, batch.weight)}


FAMILIES = {
    "cramer": Family(
        CramerGAN,
        idea="a generator against a critic that finds the space in which the energy distance is largest",
        when="few numbers an event and weighted data with negative weights, as in particle identification",
        cost=FIVE_STEPS,
        source="Bellemare et al. (2017), arXiv:1705.10743",
        response=SPARSE,
        training={"epochs": 60, "learning_rate": 1e-4, "betas": (0.5, 0.9)},
    ),
    "energy-distance": Family(
        EnergyRegression,
        idea="a generator trained by the energy distance itself, without a critic",
        when="few numbers an event: a single stable loss; large images become too smooth",
        cost="one network; one pass of it an event",
        source="Shen and Meinshausen (2023), arXiv:2307.00835",
        response=SPARSE,
        training={"epochs": 40, "learning_rate": 1e-3, "schedule": "onecycle"},
    ),
}
