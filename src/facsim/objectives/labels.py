"""What the critic is told: smoothed and randomly flipped labels, for any adversarial loss."""

from __future__ import annotations

import torch
from torch import Tensor

from facsim.objectives.adversarial import Adversarial


def labels(n: int, value: float, other: float, flips: float, rng: torch.Generator) -> Tensor:
    """Labels of n events, [n, 1]: `value`, or `other` with probability `flips`; nothing is drawn from `rng` without flips.

    Real events have 1, generated ones 0; one-sided smoothing gives real events less than 1.
    Source: Salimans et al., Improved techniques for training GANs (2016), arXiv:1606.03498, section 3.4; flips: Chintala et al. (2016), ganhacks.

    Examples:
        >>> labels(3, 0.9, 0.0, 0.0, torch.Generator()).T
        tensor([[0.9000, 0.9000, 0.9000]])
    """
    told = torch.full((n, 1), value, device=rng.device)
    if not flips:
        return told
    flipped = torch.rand(n, 1, generator=rng, device=rng.device) < flips
    return torch.where(flipped, other, told)


def labelled(game: Adversarial, verdict: Tensor, label: Tensor) -> Tensor:
    """The critic's term for events that are real to the share `label`, [n, ...]: label x real + (1 - label) x fake.

    For the cross-entropy games this is the cross-entropy with that label, for least squares (c - label)^2 and a constant.
    """
    return label * game.real(verdict) + (1 - label) * game.fake(verdict)
