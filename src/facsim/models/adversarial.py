"""One generative adversarial network for all: two networks, and the rules of their game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Objective
from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.models.one_network import OneNetwork
from facsim.nets.critics import Critic
from facsim.objectives.adversarial import ADVERSARIAL, weighted_mean
from facsim.objectives.labels import labelled, labels
from facsim.objectives.matching import absolute_error, feature_matching
from facsim.objectives.penalties import REGULARISERS, clip_weights


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How generator and critic play.

    `loss` is a key of ADVERSARIAL; `regulariser` is one of REGULARISERS, times `penalty`; `clip` limits the critic's weights. The critic steps
    `critic_steps` times for one step of the generator, and is told that real events are so to the share `label`; a share `flips` of all labels is
    turned round. `matching` and `l1` weigh feature matching and the mean absolute error, of sums over `window` x `window` cells, in the generator's
    loss.

    Raises:
        FacsimError: for an unknown name or a number out of its range.
    """

    loss: str = "non-saturating"
    regulariser: str = "none"
    penalty: float = 0.0
    clip: float | None = None
    critic_steps: int = 1
    label: float = 1.0
    flips: float = 0.0
    matching: float = 0.0
    l1: float = 0.0
    window: int = 1

    def __post_init__(self) -> None:
        look_up(ADVERSARIAL, self.loss, "loss")
        look_up(REGULARISERS, self.regulariser, "regulariser")
        _require("critic_steps", self.critic_steps, self.critic_steps >= 1, "1 or more")
        _require("window", self.window, self.window >= 1, "1 or more")
        _require("clip", self.clip, self.clip is None or self.clip > 0, "a number > 0")
        _require("label", self.label, 0.5 < self.label <= 1, "0.5 < label <= 1")
        _require("flips", self.flips, 0 <= self.flips < 0.5, "0 <= flips < 0.5")
        for name in ("penalty", "matching", "l1"):
            _require(name, getattr(self, name), getattr(self, name) >= 0, "a number >= 0")


class GAN(OneNetwork):
    """A generator against a critic: numbers [n, latent + conditions] -> responses, and conditions and responses -> verdicts [n, k].

    Source: Goodfellow et al., Generative adversarial networks (2014), arXiv:1406.2661; conditions: Mirza and Osindero (2014), arXiv:1411.1784.
    """

    def __init__(self, condition_size: int, response_shape: tuple[int, ...], latent: int, generator: nn.Module, critic: Critic, rules: Rules) -> None:
        super().__init__(condition_size, response_shape, latent, generator)
        self.critic, self.rules = critic, rules

    def objectives(self) -> tuple[Objective, ...]:
        judges, limit = tuple(self.critic.parameters()), self.rules.clip
        after = None if limit is None else lambda: clip_weights(judges, limit)
        return (
            Objective("critic", self.critic_loss, judges, self.rules.critic_steps, after),
            Objective("generator", self.generator_loss, tuple(self.generator.parameters())),
        )

    def critic_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """How well the critic tells real events from generated ones, and the regulariser."""
        with torch.no_grad():
            fake = self.sample_like(batch, rng)
        return critic_terms(self.critic, self.rules, batch, [fake], rng)

    def generator_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """What the critic says of generated events at the batch's conditions, and how far these are from the real ones."""
        rules, fake = self.rules, self.sample_like(batch, rng)
        terms = fooling_terms(self.critic, rules, batch, [fake])
        if rules.l1:
            terms["l1"] = rules.l1 * absolute_error(batch.response, fake, batch.weight, rules.window)
        return terms


def critic_terms(critic: Critic, rules: Rules, batch: Batch, fakes: Sequence[Tensor], rng: torch.Generator) -> dict[str, Tensor]:
    """The critic's loss on real events and the mean of those on the `fakes`, all at the batch's conditions; the regulariser, with the first."""
    game, n, (condition, real, weight) = ADVERSARIAL[rules.loss], len(batch.weight), batch
    told_real, told_fake = labels(n, rules.label, 0.0, rules.flips, rng), labels(n, 0.0, rules.label, rules.flips, rng)
    real_term = labelled(game, critic(condition, real), told_real)
    fake_terms = [weighted_mean(labelled(game, critic(condition, fake), told_fake), weight) for fake in fakes]
    terms = {rules.loss: weighted_mean(real_term, weight) + torch.stack(fake_terms).mean()}
    if rules.regulariser != "none":
        smooth = REGULARISERS[rules.regulariser](lambda x: critic(condition, x).mean(1), real, fakes[0], rng)
        terms["penalty"] = rules.penalty * smooth.mean()
    return terms


def fooling_terms(critic: Critic, rules: Rules, batch: Batch, fakes: Sequence[Tensor]) -> dict[str, Tensor]:
    """The generator's loss by what the critic says of the `fakes`, their mean; how far its features of the first are from those of real events."""
    fool = [weighted_mean(ADVERSARIAL[rules.loss].fool(critic(batch.condition, fake)), batch.weight) for fake in fakes]
    terms = {"fool": torch.stack(fool).mean()}
    if rules.matching:
        real_features, fake_features = (critic.features(batch.condition, x) for x in (batch.response, fakes[0]))
        terms["matching"] = rules.matching * feature_matching(real_features.detach(), fake_features, batch.weight)
    return terms


def _require(name: str, value: object, good: bool, expected: str) -> None:
    if not good:
        raise FacsimError(f"{name} is out of range", expected=expected, got=value)
