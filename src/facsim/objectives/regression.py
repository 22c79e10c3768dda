"""How far a network's numbers are from the labels."""

from __future__ import annotations

from torch import Tensor

from facsim.objectives.adversarial import weighted_mean


def squared_difference(label: Tensor, found: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean over events of (label - found)^2, summed over the labels: two [n, k] and [n] -> scalar.

    Source: Erdmann et al. (2018), arXiv:1802.03325, eqs. 7 and 8.

    Examples:
        >>> import torch
        >>> squared_difference(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]), torch.ones(1))
        tensor(5.)
    """
    return weighted_mean((label - found).square().sum(1), weight)
