"""Gradient penalties, which keep a critic smooth."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import relu

Critic = Callable[[Tensor], Tensor]


def input_gradients(critic: Critic, x: Tensor) -> Tensor:
    """Gradient of the critic's output with respect to its input, [n, d], still differentiable."""
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.flatten(1)


def between(real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """Points uniform on the lines between real and generated events."""
    share = torch.rand(len(real), *[1] * (real.dim() - 1), generator=rng, device=real.device)
    return torch.lerp(fake.detach(), real, share)


def gradient_penalty(critic: Critic, x: Tensor, one_sided: bool = False) -> Tensor:
    """(|grad D(x)| - 1)^2 for each event, [n]; one-sided: only where the norm exceeds 1.

    Source: Gulrajani et al., Improved training of Wasserstein GANs (2017), arXiv:1704.00028; one-sided: Petzka et al. (2018), arXiv:1709.08894.
    """
    excess = input_gradients(critic, x).norm(dim=1) - 1
    return (relu(excess) if one_sided else excess).square()


def zero_centred_penalty(critic: Critic, x: Tensor) -> Tensor:
    """|grad D(x)|^2 for each event, [n].

    Source: Mescheder et al., Which training methods for GANs do actually converge? (2018), arXiv:1801.04406 (R1).
    """
    return input_gradients(critic, x).square().sum(1)
