"""Maximum likelihood, and cells without energy in a density of real numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from facsim.objectives.adversarial import weighted_mean


def negative_log_likelihood(log_prob: Tensor, weight: Tensor) -> Tensor:
    """Mean over events of -weight log p; [n], [n] -> scalar.

    Examples:
        >>> negative_log_likelihood(torch.tensor([-1.0, -3.0]), torch.tensor([1.0, 1.0]))
        tensor(2.)
    """
    return -weighted_mean(log_prob, weight)


def fill_below_zero(y: Tensor, rng: torch.Generator) -> Tensor:
    """The response with each cell without energy at a random place below zero (half-normal), so that it has a density; max(., 0) undoes it.

    Source: Theis et al., A note on the evaluation of generative models (2016), arXiv:1511.01844, section 3.1 (uniform dequantisation).
    """
    below = -torch.randn(y.shape, generator=rng, device=y.device).abs()
    return torch.where(y > 0, y, below)
