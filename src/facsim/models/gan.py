"""Fully connected generative adversarial networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from facsim.models.adversarial import GAN, Rules
from facsim.models.family import SPARSE, Family
from facsim.nets.critics import dense_critic, spectrally_normal
from facsim.nets.mlp import mlp

GAME: dict[str, Any] = {"learning_rate": 2e-4, "betas": (0.5, 0.999)}  # what most adversarial families train well with
ONE_STEP = "one step of the critic for one of the generator; one pass of the generator an event"
FIVE_STEPS = "five steps of the critic for one of the generator; one pass of the generator an event"


def gan(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    latent: int = 64,
    hidden: Sequence[int] = (256, 256),
    activation: str = "leaky-relu",
    last: str = "relu",
    loss: str = "non-saturating",
    regulariser: str = "none",
    penalty: float = 1.0,
    clip: float | None = None,
    critic_steps: int = 1,
    label: float = 1.0,
    flips: float = 0.0,
    matching: float = 0.0,
    kernels: int = 0,
    spectral: bool = False,
) -> GAN:
    """A fully connected GAN with every rule open: the rules are those of `Rules`.

    `last` is the generator's output activation; `kernels` of minibatch discrimination, and `spectral` normalisation, are for the critic.
    """
    rules = Rules(
        loss=loss,
        regulariser=regulariser,
        penalty=penalty,
        clip=clip,
        critic_steps=critic_steps,
        label=label,
        flips=flips,
        matching=matching,
    )
    cells = math.prod(response_shape)
    generator = mlp([latent + condition_size, *hidden, cells], activation, last)
    critic = dense_critic(cells + condition_size, tuple(reversed(hidden)), activation, kernels=kernels)
    if spectral:
        spectrally_normal(critic)
    return GAN(condition_size, response_shape, latent, generator, critic, rules)


FAMILIES = {
    "gan": Family(
        gan,
        idea="a generator against a critic; any loss, penalty and trick of the trade by setting",
        when="to compare objectives, or to rebuild a published network",
        cost=ONE_STEP,
        source="Goodfellow et al. (2014), arXiv:1406.2661",
        response=SPARSE,
        training={**GAME, "epochs": 60},
    ),
    "gan-dp": Family(
        partial(gan, regulariser="zero-centred", penalty=0.5),
        idea="a generator against a critic whose slope on real events is penalised",
        when="a GAN that converges, with one step of the critic for one of the generator",
        cost=ONE_STEP,
        source="Mescheder et al. (2018), arXiv:1801.04406",
        response=SPARSE,
        training={**GAME, "epochs": 60, "betas": (0.0, 0.99)},
    ),
    "wgan-gp": Family(
        partial(gan, loss="wasserstein", regulariser="two-sided", penalty=10.0, critic_steps=5),
        idea="a generator against a critic that measures the Wasserstein distance",
        when="sharp single events matter more than an easy training",
        cost=FIVE_STEPS,
        source="Gulrajani et al. (2017), arXiv:1704.00028",
        response=SPARSE,
        training={"epochs": 60, "learning_rate": 1e-4, "betas": (0.0, 0.9)},
    ),
    "wgan-clip": Family(
        partial(gan, loss="wasserstein", clip=0.01, critic_steps=5),
        idea="a generator against a Wasserstein critic with small weights",
        when="to rebuild early studies; wgan-gp replaces it",
        cost=FIVE_STEPS,
        source="Arjovsky et al. (2017), arXiv:1701.07875",
        response=SPARSE,
        training={"epochs": 60, "optimiser": "rmsprop", "learning_rate": 5e-5},
    ),
}
