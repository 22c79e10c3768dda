"""Losses that compare generated events with real ones directly, beside the critic's verdict."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

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


def absolute_error(real: Tensor, fake: Tensor, weight: Tensor, window: int = 1) -> Tensor:
    """Weighted mean over events and windows of |sum of real - sum of fake| / window: two [n, ..., h, w] and [n] -> scalar.

    `window` rows by `window` columns are summed, at every place, also across the border. With 1 it is the mean absolute error of the cells, whose
    best guess is the median: nothing at all, wherever a cell is hit less than half of the time, however much energy the hits have. The energy
    in a window that holds all places where a hit may be hardly fluctuates, and its median is near its mean.
    Source: Isola et al., Image-to-image translation with conditional adversarial networks (2017), arXiv:1611.07004, eq. 3 (window 1).

    Examples:
        >>> import torch
        >>> here, there = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]])
        >>> absolute_error(here, there, torch.ones(1)), absolute_error(here, there, torch.ones(1), window=2)
        (tensor(1.), tensor(0.3333))
    """
    if window == 1:
        return weighted_mean((real - fake).abs(), weight)
    difference = (real - fake).flatten(1, -3) if real.dim() > 3 else (real - fake)[:, None]
    sums = window**2 * avg_pool2d(pad(difference, [window - 1] * 4), window, stride=1)
    return weighted_mean(sums.abs() / window, weight)
