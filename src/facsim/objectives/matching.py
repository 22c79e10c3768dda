"""Losses that compare generated events with real ones directly, beside the critic's verdict."""

from __future__ import annotations

from torch import Tensor

from facsim.objectives.adversarial import weighted_mean


def feature_matching(real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """|mean feature of real events - mean feature of generated events|^2: two [n, ...] and weights [n] of both -> scalar.

    Source: Salimans et al., Improved techniques for training GANs (2016), arXiv:1606.03498, section 3.1.

    Examples:
        >>> import torch
        >>> feature_matching(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.ones(2))
        tensor(5.)
    """
    difference = weight[:, None] * (real - fake).flatten(1)
    return difference.mean(0).square().sum()


def absolute_error(real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of |real - fake| over events and cells: two [n, ...] and [n] -> scalar.

    Source: Isola et al., Image-to-image translation with conditional adversarial networks (2017), arXiv:1611.07004, eq. 3.
    """
    return weighted_mean((real - fake).abs(), weight)
