"""The Wasserstein network of the air-shower study: a generator, a critic that sees patterns alone, and a constrainer that reads off the energy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.errors import FacsimError
from facsim.models.adversarial import GAN, Rules
from facsim.models.family import SPARSE, Family
from facsim.nets.arrays import AixNet, pattern_critic, pattern_generator
from facsim.nets.critics import Critic
from facsim.objectives.adversarial import ADVERSARIAL, weighted_mean
from facsim.objectives.regression import squared_difference


class WithoutCondition(nn.Module):
    """The event as an image, and nothing of its condition: [n, 1, rows, columns]."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x[:, None]


class Constrained(Generator):
    """A game of generator and critic, and a constrainer: trained on truth to find the condition, it holds the generator to the one it was given.

    Losses: C1 and C2 of the game (critic and penalty), C4 = (c - a(x))^2 of the constrainer on real events, C3 = `kappa` (c - a(x~))^2 beside the
    generator's. `scale` is one unit of the condition, as the networks have it, in units of the label, in which `kappa` is meant.
    Source: Erdmann, Geiger, Glombitza and Schmidt, Comput. Softw. Big Sci. 2 (2018) 4, arXiv:1802.03325, section 2.
    """

    def __init__(self, game: GAN, constrainer: nn.Module, kappa: float, scale: float) -> None:
        super().__init__()
        self.condition_size, self.response_shape = game.condition_size, game.response_shape
        self.game, self.constrainer = game, constrainer
        self.kappa, self.scale = kappa, scale

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return self.game.draw_noise(n, rng)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        made: Tensor = self.game(condition, noise)
        return made

    def objectives(self) -> tuple[Objective, ...]:
        critic, generator = self.game.objectives()
        if not self.condition_size:
            return critic, generator
        reads = Objective("constrainer", self.constrainer_loss, tuple(self.constrainer.parameters()), critic.repeats)
        return critic, reads, replace(generator, loss=self.generator_loss)

    def constrainer_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """C4: how far the constrainer is from the true conditions of real events."""
        return {"C4": self._distance(batch, batch.response)}

    def generator_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """What the critic says of generated events, and C3: how far the constrainer finds them from their conditions."""
        fake = self.game.sample_like(batch, rng)
        verdict = self.game.critic(batch.condition, fake)
        fool = weighted_mean(ADVERSARIAL[self.game.rules.loss].fool(verdict), batch.weight)
        return {"fool": fool, "C3": self.kappa * self._distance(batch, fake)}

    def _distance(self, batch: Batch, response: Tensor) -> Tensor:
        return self.scale**2 * squared_difference(batch.condition, self.constrainer(response), batch.weight)


def airshower(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    latent: int = 80,
    width: float = 1.0,
    dropout: float = 0.0,
    penalty: float = 3.0,
    critic_steps: int = 8,
    kappa: float = 1e-3,
    scale: float = 1.0,
) -> Constrained:
    """The networks of the source's tables 1 and 2 with all maps times `width`, and AixNet as the constrainer; for patterns [rows, columns]."""
    if len(response_shape) != 2:
        raise FacsimError("this model makes patterns of signals", expected="a response [rows, columns]", got=response_shape)
    rows, columns = response_shape
    rules = Rules(loss="wasserstein", regulariser="two-sided", penalty=penalty, critic_steps=critic_steps)
    generator = pattern_generator(latent + condition_size, (rows, columns), width=width)
    critic = Critic(WithoutCondition(), *pattern_critic(1, dropout, width))
    game = GAN(condition_size, response_shape, latent, generator, critic, rules)
    return Constrained(game, AixNet(response_shape, max(1, condition_size)), kappa, scale)


TRAINING: dict[str, Any] = {"epochs": 30, "learning_rate": 5e-4, "betas": (0.5, 0.9)}

FAMILIES = {
    "airshower": Family(
        airshower,
        idea="a Wasserstein critic sees patterns alone; a regressor holds the generator to the energy",
        when="to rebuild the published study of surface arrays; flow and independent are closer to the truth",
        cost="eight steps of the critic and of the constrainer for one of the generator",
        source="Erdmann et al. (2018), arXiv:1802.03325",
        response=SPARSE,
        training=TRAINING,
    ),
}
