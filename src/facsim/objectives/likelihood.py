"""Maximum likelihood, and cells without energy in a density of real numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facsim.objectives.adversarial import weighted_mean


def negative_log_likelihood(log_prob: Tensor, weight: Tensor, faintest: float = 0.0) -> Tensor:
    """Mean over events of -weight log(p + faintest); [n], [n] -> scalar.

    Examples:
        >>> negative_log_likelihood(torch.tensor([-1.0, -3.0]), torch.tensor([1.0, 1.0]))
        tensor(2.)
        >>> negative_log_likelihood(torch.tensor([-1e6]), torch.tensor([1.0]), faintest=1.0)
        tensor(-0.)
    """
    if faintest:
        log_prob = torch.logaddexp(log_prob, log_prob.new_tensor(math.log(faintest)))
    return -weighted_mean(log_prob, weight)


def fill_below_zero(y: Tensor, rng: torch.Generator) -> Tensor:
    """The response with each cell without energy at a random place below zero (half-normal), so that it has a density; max(., 0) undoes it.

    Source: Theis et al., A note on the evaluation of generative models (2016), arXiv:1511.01844, section 3.1 (uniform dequantisation).
    """
    below = -torch.randn(y.shape, generator=rng, device=y.device).abs()
    return torch.where(y > 0, y, below)


def fill_with_noise(y: Tensor, rng: torch.Generator) -> Tensor:
    """The response with normal noise in place of each number that is zero: a density need not be sharp there, nor know where that is."""
    return torch.where(y == 0, torch.randn(y.shape, generator=rng, device=y.device), y)
