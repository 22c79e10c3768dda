"""The evidence lower bound: divergence of the posterior, and likelihoods of the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
EDGE = 1e-6  # probabilities stay this far from 0 and 1 before their quantile is taken


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) for each event: [n, d] -> [n].

    Source: Kingma and Welling, Auto-encoding variational Bayes (2014), arXiv:1312.6114, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def kl_between_normals(mean: Tensor, log_std: Tensor, prior_mean: Tensor, prior_log_std: Tensor) -> Tensor:
    """KL(N(mean, exp(log_std)) || N(prior_mean, exp(prior_log_std))), summed over each event, [n, ...] -> [n]."""
    ratio = log_std - prior_log_std
    shift = (mean - prior_mean) * torch.exp(-prior_log_std)
    return (0.5 * (shift.square() + torch.exp(2 * ratio) - 1) - ratio).flatten(1).sum(1)


def squared_error(y: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """|y - mean|^2 for each event, [n]; `log_std` plays no part."""
    return (y - mean).square().flatten(1).sum(1)


def binary_cross_entropy(y: Tensor, logit: Tensor, log_std: Tensor) -> Tensor:
    """-y log s(logit) - (1 - y) log(1 - s(logit)), s the logistic function, for y in [0, 1], summed over each event, [n]."""
    return binary_cross_entropy_with_logits(logit, y, reduction="none").flatten(1).sum(1)


def normal_nll(y: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """-log N(y; mean, exp(log_std)), summed over each event, [n]."""
    return (0.5 * ((y - mean) * torch.exp(-log_std)).square() + log_std + LOG_ROOT_2PI).flatten(1).sum(1)


def censored_normal_nll(y: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """-log likelihood of max(v, 0) with v ~ N(mean, exp(log_std)), summed over each event, [n].

    A cell without energy (y = 0) says only that v <= 0; a hit gives v itself. One field so describes both where the hits are and how large.
    Source: Tobin, Estimation of relationships for limited dependent variables, Econometrica 26 (1958) 24.
    """
    scaled = torch.exp(-log_std)
    hit = 0.5 * ((y - mean) * scaled).square() + log_std + LOG_ROOT_2PI
    return torch.where(y > 0, hit, -torch.special.log_ndtr(-mean * scaled)).flatten(1).sum(1)


def zero_inflated_nll(y: Tensor, output: Tensor, log_std: Tensor) -> Tensor:
    """-log likelihood of cells that are hit with probability s(logit) and then have log y ~ N(mean, exp(log_std)), summed over each event, [n].

    `output` [n, 2 cells] holds the logits, then the means. Source: Aitchison, On the distribution of a positive random variable having a
    discrete probability mass at the origin, J. Am. Stat. Assoc. 50 (1955) 901.
    """
    logit, mean = output.chunk(2, dim=1)
    log_y = torch.where(y > 0, y, 1.0).log()
    hit = softplus(-logit) + 0.5 * ((log_y - mean) * torch.exp(-log_std)).square() + log_std + LOG_ROOT_2PI + log_y
    return torch.where(y > 0, hit, softplus(logit)).flatten(1).sum(1)


def _mean(output: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    return output


def _probability(output: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    return torch.sigmoid(output)


def _normal(output: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    return torch.addcmul(output, noise, log_std.exp())


def _censored(output: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    return _normal(output, log_std, noise).clamp_min(0)


def _zero_inflated(output: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    """The quantile function: the lower part of the noise means no hit, the rest is spread over the energies of hits."""
    logit, mean = output.chunk(2, dim=1)
    level = 1 - 0.5 * torch.erfc(math.sqrt(0.5) * noise) / torch.sigmoid(logit)
    energy = torch.exp(_normal(mean, log_std, torch.special.ndtri(level.clamp(EDGE, 1 - EDGE))))
    return torch.where(level > 0, energy, 0.0)


Term = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Likelihood:
    """What a decoder's output says of the cells y [n, cells]: `nll(y, output, log_std)` for each event, and `draw(output, log_std, noise)`.

    `output` has `outputs` numbers a cell, `noise` one standard normal number a cell, used only where `noisy`. Calling it gives the nll.
    """

    nll: Term
    draw: Term
    noisy: bool = True
    outputs: int = 1

    def __call__(self, y: Tensor, output: Tensor, log_std: Tensor) -> Tensor:
        return self.nll(y, output, log_std)


LIKELIHOODS: dict[str, Likelihood] = {
    "mse": Likelihood(squared_error, _mean, noisy=False),
    "bce": Likelihood(binary_cross_entropy, _probability, noisy=False),
    "normal": Likelihood(normal_nll, _normal),
    "censored": Likelihood(censored_normal_nll, _censored),
    "zero-inflated": Likelihood(zero_inflated_nll, _zero_inflated, outputs=2),
}
