"""Fully connected variational auto-encoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.table import look_up
from facsim.models.family import Family
from facsim.nets import mlp
from facsim.objectives import LIKELIHOODS, kl_to_standard_normal, weighted_mean

SPREAD_STEP = 10.0  # a cell's spread must move by order one, a weight by far less: the same step size of the optimiser serves both


class VAE(Generator):
    """A latent code explains an event; the decoder says how likely the event is given the code.

    `likelihood`: "censored" (a Gaussian field cut at zero: sparse hits with their spread), "normal", or "mse" (the decoder's mean alone,
    never negative where `positive`). `beta` weighs the divergence of the code. Noise: the code, then one number per cell unless "mse".
    Source: Kingma and Welling (2014), arXiv:1312.6114; beta: Higgins et al., beta-VAE, ICLR 2017.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        latent: int = 16,
        hidden: Sequence[int] = (256, 256),
        activation: str = "leaky-relu",
        likelihood: str = "censored",
        beta: float = 1.0,
        positive: bool = True,
    ) -> None:
        super().__init__()
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.latent, self.beta, self.cells = latent, beta, math.prod(response_shape)
        self.stochastic, self.positive = likelihood != "mse", positive and likelihood != "normal"
        self.nll = look_up(LIKELIHOODS, likelihood, "likelihood")
        self.encoder = mlp([self.cells + condition_size, *hidden, 2 * latent], activation)
        self.decoder = mlp([latent + condition_size, *reversed(hidden), self.cells], activation)
        self.spread = nn.Parameter(torch.zeros(self.cells), requires_grad=self.stochastic)

    @property
    def log_std(self) -> Tensor:
        """Logarithm of each cell's standard deviation about the decoder's mean, [cells]."""
        return SPREAD_STEP * self.spread

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, self.latent + self.cells * self.stochastic, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        y = self.decode(condition, noise[:, : self.latent])
        if self.stochastic:
            y = torch.addcmul(y, noise[:, self.latent :], self.log_std.exp())
        return (y.clamp_min(0) if self.positive else y).reshape(-1, *self.response_shape)

    def decode(self, condition: Tensor, code: Tensor) -> Tensor:
        """The decoder's mean for each cell, [n, cells]."""
        mean: Tensor = self.decoder(torch.cat([code, condition], dim=1))
        return mean

    def encode(self, condition: Tensor, response: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the code, each [n, latent]."""
        mean, log_variance = self.encoder(torch.cat([response.flatten(1), condition], dim=1)).chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("elbo", self.elbo, tuple(p for p in self.parameters() if p.requires_grad)),)

    def elbo(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the evidence lower bound, in its two terms."""
        mean, log_variance = self.encode(batch.condition, batch.response)
        code = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=rng, device=mean.device)
        nll = self.nll(batch.response.flatten(1), self.decode(batch.condition, code), self.log_std)
        divergence = kl_to_standard_normal(mean, log_variance)
        return {"reconstruction": weighted_mean(nll, batch.weight), "divergence": self.beta * weighted_mean(divergence, batch.weight)}


FAMILIES = {
    "vae": Family(
        VAE,
        idea="a latent code and a decoder that says how likely each cell's energy is",
        when="first choice: trains in a minute, never collapses, samples fastest",
        cost="two small dense networks; one pass of the decoder an event",
        source="Kingma and Welling (2014), arXiv:1312.6114",
        response=(("EnergyFractions", {}), ("Gaussianise", {})),
        training={"epochs": 40, "learning_rate": 2e-3, "schedule": "onecycle"},
    ),
}
