"""What keeps a critic smooth: penalties on its gradient, and limits on its weights.

Penalties are plain means over events: a negative weight would reward a steep critic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

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
    share = torch.rand(len(real), *[1] * (real.dim() - 1), generator=rng, device=real.device, dtype=real.dtype)
    return torch.lerp(fake.detach().to(real.dtype), real, share)


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


def clip_weights(parameters: Iterable[Tensor], limit: float) -> None:
    """Bring every parameter into [-limit, limit], in place.

    Source: Arjovsky et al., Wasserstein GAN (2017), arXiv:1701.07875, algorithm 1.
    """
    with torch.no_grad():
        for parameter in parameters:
            parameter.clamp_(-limit, limit)


Regulariser = Callable[[Critic, Tensor, Tensor, torch.Generator], Tensor]

REGULARISERS: dict[str, Regulariser] = {
    "none": lambda critic, real, fake, rng: real.new_zeros(len(real)),
    "two-sided": lambda critic, real, fake, rng: gradient_penalty(critic, between(real, fake, rng)),
    "one-sided": lambda critic, real, fake, rng: gradient_penalty(critic, between(real, fake, rng), one_sided=True),
    "zero-centred": lambda critic, real, fake, rng: zero_centred_penalty(critic, real) / 2,
}
