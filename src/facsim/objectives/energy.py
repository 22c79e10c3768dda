"""The energy distance 2 E|x - y| - E|x - x'| - E|y - y'| between real events x and generated events y, and what Cramer critics make of it.

Source: Szekely and Rizzo, Energy statistics, J. Stat. Plan. Inference 143 (2013) 1249; Bellemare et al., The Cramer distance as a solution to
biased Wasserstein gradients (2017), arXiv:1705.10743.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distance, event by event: two [n, ...] -> [n]; its gradient is zero where both are equal."""
    return _length((a - b).flatten(1))


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distance of every pair: [n, d] and [m, d] -> [n, m]."""
    return _length(a[:, None] - b[None])


def energy_score(real: Tensor, fake: Tensor, other: Tensor) -> Tensor:
    """|x - y| + |x - y'| - |y - y'| for each event, [n]: its mean is the energy distance without the term in which nothing can be learned.

    `fake` and `other` are two independent events generated at the condition of `real`: so it is a proper score of every single condition.
    Source: Gneiting and Raftery, Strictly proper scoring rules, J. Am. Stat. Assoc. 102 (2007) 359, eq. 22; Bellemare et al., algorithm 1 (L_g).
    """
    return distance(real, fake) + distance(real, other) - distance(fake, other)


def window_score(real: Tensor, fake: Tensor, other: Tensor, weight: Tensor, windows: Sequence[int]) -> Tensor:
    """|x - y| + |x - y'| - |y - y'| of the sums over windows of w x w cells, summed over windows of all sizes; weighted mean over events.

    Three [n, ..., h, w] and [n] -> scalar; y and y' are as in `energy_score`. The score of each window is proper, so that the energy in it is to vary
    as in truth: that of cells, of showers, of whole events. Where a window does not fit the border it holds less.
    Source: Pacchiardi et al., Probabilistic forecasting with generative networks via scoring rule minimization (2021), arXiv:2112.08217 (patches).

    Examples:
        >>> here, there = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]])
        >>> window_score(here, there, there, torch.ones(1), [1]), window_score(here, there, there, torch.ones(1), [2])
        (tensor(4.), tensor(0.))
    """
    scores = []
    for window in windows:
        x, y, z = (_window_sums(image, window) for image in (real, fake, other))
        scores.append(((x - y).abs() + (x - z).abs() - (y - z).abs()).flatten(1).sum(1))
    return (weight * torch.stack(scores).sum(0)).mean()


def surrogate_witness(x: Tensor, other: Tensor) -> Tensor:
    """f(x) = |x - y'| - |x| for each event, [n]: a Cramer critic with the second real event x' set to the origin, so that data are drawn once.

    All are points in the critic's space. The critic widens f(real) - f(generated). Source: Bellemare et al., algorithm 1 (f, L_surrogate).
    """
    return distance(x, other) - distance(x, torch.zeros_like(x))


def witness(x: Tensor, real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """f(x) = E|x - y'| - E|x - x'| for each event, [n]: the mean runs over a batch of real and generated events with weights [m]."""
    return ((distances(x, fake) - distances(x, real)) * weight).mean(1)


def energy_distance(real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """Energy distance of two samples, from all pairs of different events: two [n, d], [n] -> scalar, without bias.

    Event i of both has the same condition and weight; it never meets itself, so that the two of a pair are independent.

    Examples:
        >>> energy_distance(torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0], [3.0]]), torch.ones(2))
        tensor(4.)
    """
    n = len(real)
    pairs = torch.outer(weight, weight).fill_diagonal_(0) / (n * (n - 1))
    return (pairs * (distances(real, fake) + distances(fake, real) - distances(real, real) - distances(fake, fake))).sum()


def _window_sums(image: Tensor, window: int) -> Tensor:
    """Sums over windows side by side, [n, layers, rows, columns]."""
    planes = image.flatten(1, -3) if image.dim() > 3 else image[:, None]
    return avg_pool2d(planes, window, ceil_mode=True, divisor_override=1) if window > 1 else planes


def _length(x: Tensor) -> Tensor:
    """Length along the last axis; at zero, where it has none, the first and second derivatives are taken as zero."""
    square = x.square().sum(-1)
    apart = square > 0
    return torch.where(apart, torch.where(apart, square, 1.0).sqrt(), 0.0)
