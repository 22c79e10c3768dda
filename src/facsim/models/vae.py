"""Fully connected variational auto-encoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.table import look_up
from facsim.models.family import SHARED, Family
from facsim.nets import mlp
from facsim.objectives import LIKELIHOODS, kl_to_standard_normal, total_correlation, weighted_mean

SPREAD_STEP = 10.0  # a cell's spread must move by order one, a weight by far less: the same step size of the optimiser serves both


class VAE(Generator):
    """A latent code explains an event; the decoder says how likely the event is given the code.

    `likelihood`: a key of LIKELIHOODS: "censored" (a Gaussian field cut at zero: sparse hits with their spread), "zero-inflated", "normal",
    "mse" (the decoder's mean alone, never negative where `positive`), "bce" (cells between 0 and 1). `beta` weighs the divergence of the code,
    `correlation` the total correlation of its dimensions once more, estimated as if the training had `events` events (a constant, without
    effect on the gradient). Noise: the code, then one number per cell unless the likelihood draws none.
    Source: Kingma and Welling (2014), arXiv:1312.6114; beta: Higgins et al., beta-VAE, ICLR 2017; correlation: Chen et al. (2018),
    arXiv:1802.04942. `first` is the activation of the encoder's first hidden layer where it differs, `last` that of the decoder's output.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        latent: int = 16,
        hidden: Sequence[int] = (256, 256),
        activation: str = "leaky-relu",
        first: str | None = None,
        last: str = "identity",
        likelihood: str = "censored",
        beta: float = 1.0,
        positive: bool = True,
        correlation: float = 0.0,
        events: int = 10_000,
    ) -> None:
        super().__init__()
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.latent, self.beta, self.cells = latent, beta, math.prod(response_shape)
        self.correlation, self.events = correlation, events
        self.likelihood = look_up(LIKELIHOODS, likelihood, "likelihood")
        self.positive = positive and likelihood == "mse"
        self.encoder = mlp([self.cells + condition_size, *hidden, 2 * latent], activation, first=first)
        self.decoder = mlp([latent + condition_size, *reversed(hidden), self.likelihood.outputs * self.cells], activation, last)
        self.spread = nn.Parameter(torch.zeros(self.cells), requires_grad=self.likelihood.noisy)

    @property
    def log_std(self) -> Tensor:
        """Logarithm of each cell's standard deviation about the decoder's mean, [cells]."""
        return SPREAD_STEP * self.spread

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, self.latent + self.cells * self.likelihood.noisy, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        y = self.likelihood.draw(self.decode(condition, noise[:, : self.latent]), self.log_std, noise[:, self.latent :])
        return (y.clamp_min(0) if self.positive else y).reshape(-1, *self.response_shape)

    def decode(self, condition: Tensor, code: Tensor) -> Tensor:
        """What the decoder says of each cell, usually its mean, [n, cells times the likelihood's outputs]."""
        output: Tensor = self.decoder(torch.cat([code, condition], dim=1))
        return output

    def encode(self, condition: Tensor, response: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the code, each [n, latent]."""
        mean, log_variance = self.encoder(torch.cat([response.flatten(1), condition], dim=1)).chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("elbo", self.elbo, tuple(p for p in self.parameters() if p.requires_grad)),)

    def elbo(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the evidence lower bound in its two terms, and the code's total correlation."""
        mean, log_variance = self.encode(batch.condition, batch.response)
        code = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=rng, device=mean.device)
        nll = self.likelihood(batch.response.flatten(1), self.decode(batch.condition, code), self.log_std)
        divergence = kl_to_standard_normal(mean, log_variance)
        terms = {"reconstruction": weighted_mean(nll, batch.weight), "divergence": self.beta * weighted_mean(divergence, batch.weight)}
        if self.correlation:
            terms["correlation"] = self.correlation * weighted_mean(total_correlation(code, mean, log_variance, self.events), batch.weight)
        return terms


FAMILIES = {
    "vae": Family(
        VAE,
        idea="a latent code and a decoder that says how likely each cell's energy is",
        when="first choice: trains in a minute, never collapses, samples fastest",
        cost="two small dense networks; one pass of the decoder an event",
        source="Kingma and Welling (2014), arXiv:1312.6114",
        response=(("Calibrate", {}), *SHARED),
        training={"epochs": 40, "learning_rate": 2e-3, "schedule": "onecycle"},
    ),
}
