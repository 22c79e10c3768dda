"""Mixtures of normal densities, cut off above a bound: the logarithm of a hit's energy, which must not exceed that of the hit before."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.special import log_ndtr, ndtri

UNBOUNDED = 1e4  # a bound so far above every component that it cuts off nothing
LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
TAIL = -10.0  # log probability below which the quantile is found by Newton's method
CLOSEST = -1e-7  # a log probability this close to 0 is the last one that has a quantile


class Mixture(NamedTuple):
    """Logits of the weights, means and logarithms of the standard deviations of the components, each [..., components]."""

    logit: Tensor
    mean: Tensor
    log_std: Tensor


def mixture_log_prob(mixture: Mixture, x: Tensor, bound: Tensor | None = None) -> Tensor:
    """Natural logarithm of the mixture's density at x <= bound, given that it lies below the bound (None: anywhere); [...].

    Source: Bishop, Mixture density networks (1994), Aston University NCRG/94/004; cut off as any density, by its integral.
    """
    log_density = -0.5 * _standardised(mixture, x).square() - mixture.log_std - LOG_ROOT_2PI
    log_mass = mixture.logit if bound is None else mixture.logit + log_ndtr(_standardised(mixture, bound))
    log_prob: Tensor = (mixture.logit + log_density).logsumexp(-1) - log_mass.logsumexp(-1)
    return log_prob


def mixture_draw(mixture: Mixture, bound: Tensor, choice: Tensor, level: Tensor) -> Tensor:
    """A number from the mixture below the bound [...]: the uniform `choice` takes a component, the uniform `level` the place in it."""
    log_below = log_ndtr(_standardised(mixture, bound))
    cumulative = (mixture.logit + log_below).softmax(-1).cumsum(-1)
    component = (cumulative < choice[..., None] * cumulative[..., -1:]).sum(-1, keepdim=True).clamp_max(cumulative.shape[-1] - 1)
    mean, log_std, log_mass = (t.gather(-1, component).squeeze(-1) for t in (mixture.mean, mixture.log_std, log_below))
    log_level = log_mass + level.clamp_min(torch.finfo(level.dtype).tiny).log()
    return torch.minimum(mean + log_std.exp() * log_quantile(log_level), bound)


def chosen_component(logit: Tensor, choice: Tensor) -> Tensor:
    """The component of each row [n, components] that a uniform number [n] takes, [n, 1]; without softmax, which is slow on so few numbers.

    Examples:
        >>> chosen_component(torch.tensor([[0.0, 0.0], [0.0, 50.0]]), torch.tensor([0.4, 0.4])).tolist()
        [[0], [1]]
    """
    passed = (logit - logit.amax(1, keepdim=True)).exp().cumsum(1)
    return (choice[:, None] * passed[:, -1:] >= passed[:, :-1]).sum(1, keepdim=True)


def unbounded_draw(mixture: Mixture, choice: Tensor, level: Tensor) -> Tensor:
    """A number from each mixture [n, components]: the uniform `choice` [n] takes a component, the uniform `level` [n] the place in it."""
    component = chosen_component(mixture.logit, choice)
    mean, log_std = (t.gather(1, component).squeeze(1) for t in (mixture.mean, mixture.log_std))
    drawn: Tensor = mean + log_std.exp() * ndtri(level.clamp_min(torch.finfo(level.dtype).tiny))
    return drawn


def log_quantile(log_p: Tensor) -> Tensor:
    """The place below which a standard normal number lies with probability exp(log_p), also where that is far too small to be written.

    Examples:
        >>> log_quantile(torch.tensor([0.5, 0.02275]).log())
        tensor([ 0.0000, -2.0000])
    """
    tail = log_p.clamp_max(TAIL)
    x = -torch.sqrt(-2 * tail - 2 * LOG_ROOT_2PI - torch.log(-2 * tail))
    for _ in range(3):
        log_level = log_ndtr(x)
        x = x - (log_level - tail) * torch.exp(log_level + 0.5 * x.square() + LOG_ROOT_2PI)
    return torch.where(log_p < TAIL, x, ndtri(log_p.clamp_max(CLOSEST).exp()))


def _standardised(mixture: Mixture, x: Tensor) -> Tensor:
    return (x[..., None] - mixture.mean) * torch.exp(-mixture.log_std)
