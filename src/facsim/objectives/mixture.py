"""Mixtures of logistic densities, cut off above a bound: the logarithm of a hit's energy, which must not exceed that of the hit before."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

UNBOUNDED = 1e4  # a bound so far above every component that it cuts off nothing


class Mixture(NamedTuple):
    """Logits of the weights, locations and logarithms of the scales of the components, each [..., components]."""

    logit: Tensor
    location: Tensor
    log_scale: Tensor


def mixture_log_prob(mixture: Mixture, x: Tensor, bound: Tensor) -> Tensor:
    """Natural logarithm of the mixture's density at x <= bound, given that it lies below the bound; [...].

    Source: Salimans et al., PixelCNN++ (2017), arXiv:1701.05517 (mixtures of logistic densities).
    """
    log_weight = mixture.logit.log_softmax(-1)
    z = _standardised(mixture, x)
    log_density = -z - 2 * softplus(-z) - mixture.log_scale
    return (log_weight + log_density).logsumexp(-1) - (log_weight + _log_below(mixture, bound)).logsumexp(-1)


def mixture_draw(mixture: Mixture, bound: Tensor, choice: Tensor, level: Tensor) -> Tensor:
    """A number from the mixture below the bound [...]: the uniform `choice` takes a component, the uniform `level` the place in it."""
    log_below = _log_below(mixture, bound)
    cumulative = (mixture.logit + log_below).softmax(-1).cumsum(-1)
    component = (cumulative < choice[..., None] * cumulative[..., -1:]).sum(-1, keepdim=True).clamp_max(cumulative.shape[-1] - 1)
    location, log_scale, log_mass = (t.gather(-1, component).squeeze(-1) for t in (mixture.location, mixture.log_scale, log_below))
    log_level = log_mass + level.clamp_min(torch.finfo(level.dtype).tiny).log()
    logit = log_level - torch.log(-torch.expm1(log_level.clamp_max(-1e-7)))
    return torch.minimum(location + log_scale.exp() * logit, bound)


def _standardised(mixture: Mixture, x: Tensor) -> Tensor:
    return (x[..., None] - mixture.location) * torch.exp(-mixture.log_scale)


def _log_below(mixture: Mixture, bound: Tensor) -> Tensor:
    """Logarithm of each component's probability below the bound."""
    return -softplus(-_standardised(mixture, bound))
