"""The evidence lower bound: divergence of the posterior, and likelihoods of the data."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) for each event: [n, d] -> [n].

    Source: Kingma and Welling, Auto-encoding variational Bayes (2014), arXiv:1312.6114, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def squared_error(y: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """|y - mean|^2 for each event, [n]; `log_std` plays no part."""
    return (y - mean).square().flatten(1).sum(1)


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


LIKELIHOODS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "mse": squared_error,
    "normal": normal_nll,
    "censored": censored_normal_nll,
}
