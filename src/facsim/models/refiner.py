"""Refiners: from simulated events to events that fit the data, which have no labels and no partners among the simulated ones.

To a refiner the condition is the simulated event, [n, cells] as the networks have it; the batch's response and weight are those of data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Objective
from facsim.core.errors import FacsimError
from facsim.models.family import SPARSE, Family
from facsim.models.one_network import OneNetwork
from facsim.nets.arrays import AixNet, TraceRefiner
from facsim.nets.mlp import mlp
from facsim.objectives.adversarial import weighted_mean
from facsim.objectives.penalties import between, gradient_penalty


class Residual(nn.Module):
    """Noise and event [n, latent + cells] -> event [n, cells]: the event and a network's correction, which starts small; never negative if asked."""

    def __init__(self, cells: int, latent: int, hidden: Sequence[int], positive: bool) -> None:
        super().__init__()
        self.latent, self.positive = latent, positive
        self.correction = mlp([latent + cells, *hidden, cells], "leaky-relu")
        with torch.no_grad():
            for parameter in self.correction[-2].parameters():
                parameter.mul_(0.01)

    def forward(self, x: Tensor) -> Tensor:
        y = x[:, self.latent :] + self.correction(x)
        refined: Tensor = y.clamp_min(0) if self.positive else y
        return refined


class RowByRow(nn.Module):
    """Noise and event [n, latent + cells] -> event [n, cells], each row of the last axis (a trace) on its own; empty rows stay empty.

    The noise is that of `planes` further channels beside each trace.
    """

    def __init__(self, shape: tuple[int, ...], planes: int, maps: int, blocks: int) -> None:
        super().__init__()
        self.bins, self.planes, self.cells = shape[-1], planes, math.prod(shape)
        self.net = TraceRefiner(1 + planes, maps=maps, blocks=blocks)

    def forward(self, x: Tensor) -> Tensor:
        noise, event = x[:, : -self.cells], x[:, -self.cells :]
        rows = event.reshape(-1, 1, self.bins)
        beside = noise.reshape(-1, self.planes, self.bins) if self.planes else rows[:, :0]
        hit = rows.detach().abs().sum((1, 2)) > 0
        refined = self.net(torch.cat([rows, beside], dim=1)[hit]).relu()
        return torch.zeros_like(rows[:, 0]).index_put((hit.nonzero().squeeze(1),), refined).reshape(len(x), -1)


class Refiner(OneNetwork):
    """A residual network against a Wasserstein critic that compares refined events with data.

    `faithful` weighs the mean absolute change of an event in the refiner's loss. Weights of data, also negative ones, enter the critic's loss.
    Source: Erdmann et al. (2018), arXiv:1802.03325, section 2.4; the faithfulness: Shrivastava et al. (2016), arXiv:1612.07828 (SimGAN).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        latent: int,
        network: nn.Module,
        critic: nn.Module,
        *,
        penalty: float = 5.0,
        critic_steps: int = 10,
        faithful: float = 0.0,
    ) -> None:
        super().__init__(math.prod(shape), shape, latent, network)
        self.critic, self.penalty, self.critic_steps, self.faithful = critic, penalty, critic_steps, faithful

    def objectives(self) -> tuple[Objective, ...]:
        return (
            Objective("critic", self.critic_loss, tuple(self.critic.parameters()), self.critic_steps),
            Objective("refiner", self.refiner_loss, tuple(self.generator.parameters())),
        )

    def critic_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """-C1: minus how much higher the critic rates data than refined events; C2: its slope between both."""
        with torch.no_grad():
            refined = self.sample_like(batch, rng)
        apart = weighted_mean(self.critic(batch.response), batch.weight) - self.critic(refined).mean()
        slope = gradient_penalty(lambda x: self.critic(x).mean(1), between(batch.response, refined, rng))
        return {"-C1": -apart, "C2": self.penalty * slope.mean()}

    def refiner_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """How the critic rates refined events, and how far they are from the simulated ones."""
        refined = self.sample_like(batch, rng)
        terms = {"fool": -self.critic(refined).mean()}
        if self.faithful:
            terms["faithful"] = self.faithful * (refined.flatten(1) - batch.condition).abs().mean()
        return terms


class Flat(nn.Module):
    """A network of rows behind events of any shape."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        verdict: Tensor = self.net(x.flatten(1))
        return verdict


def residual(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    latent: int = 16,
    hidden: Sequence[int] = (256, 256),
    positive: bool = True,
    penalty: float = 5.0,
    critic_steps: int = 5,
    faithful: float = 0.1,
) -> Refiner:
    """A dense correction for responses of any shape; with noise, so that fluctuations can grow."""
    network = Residual(condition_size, latent, hidden, positive)
    critic = Flat(mlp([condition_size, *reversed(hidden), 1], "leaky-relu"))
    return Refiner(response_shape, latent, network, critic, penalty=penalty, critic_steps=critic_steps, faithful=faithful)


def traces(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    planes: int = 0,
    maps: int = 64,
    blocks: int = 4,
    penalty: float = 5.0,
    critic_steps: int = 10,
    faithful: float = 0.0,
) -> Refiner:
    """The source's network (its table 3), trace by trace, against a critic like AixNet; `planes` of noise beside each trace (printed: none)."""
    if len(response_shape) != 3:
        raise FacsimError("this refiner needs traces", expected="a response [rows, columns, bins]", got=response_shape, remedy="choose residual")
    network = RowByRow(response_shape, planes, maps, blocks)
    critic = AixNet(response_shape)
    return Refiner(response_shape, planes * condition_size, network, critic, penalty=penalty, critic_steps=critic_steps, faithful=faithful)


PRINTED = {"epochs": 20, "learning_rate": 1e-4, "betas": (0.5, 0.999)}

FAMILIES = {
    "residual": Family(
        residual,
        idea="a dense correction of each event against a Wasserstein critic of data",
        when="any detector; correlations matter, or data have negative weights",
        cost="five steps of the critic for one of the refiner",
        source="Shrivastava et al. (2016), arXiv:1612.07828; Erdmann et al. (2018), arXiv:1802.03325",
        response=SPARSE,
        training=PRINTED,
    ),
    "traces": Family(
        traces,
        idea="the same residual convolutions along every station's trace, against a critic like AixNet",
        when="to rebuild the published refinement of an array's traces",
        cost="ten steps of the critic for one of the refiner; heavy on a CPU at the printed 64 maps",
        source="Erdmann et al. (2018), arXiv:1802.03325, table 3",
        response=SPARSE,
        training=PRINTED,
    ),
}
