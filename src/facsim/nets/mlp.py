"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

OPENING = 0.1  # slope of the gradient below zero of an OpenReLU


class OpenReLU(nn.Module):
    """max(x, 0), through which in training a tenth of the gradient passes below zero: a cell that is zero in every event can still come back."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return torch.relu(x)
        below = OPENING * x.clamp_max(0)
        return torch.relu(x) + (below - below.detach())


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "open-relu": OpenReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.2),
    "leaky-relu-0.01": lambda: nn.LeakyReLU(0.01),
    "leaky-relu-0.0009": lambda: nn.LeakyReLU(0.0009),  # nearly a ReLU: what is sparse stays so, and still learns
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}


def mlp(sizes: Sequence[int], activation: str = "relu", last: str = "identity", first: str | None = None) -> nn.Sequential:
    """Linear layers between the given sizes, an activation after each but the last, `last` after that; `first` after the first hidden layer.

    Names are keys of ACTIVATIONS; without `first` the first hidden layer is like the others.

    Examples:
        >>> mlp([2, 8, 1])
        Sequential(
          (0): Linear(in_features=2, out_features=8, bias=True)
          (1): ReLU()
          (2): Linear(in_features=8, out_features=1, bias=True)
          (3): Identity()
        )
    """
    names = [activation] * (len(sizes) - 2) + [last]
    if first is not None and len(sizes) > 2:
        names[0] = first
    layers = [(nn.Linear(a, b), ACTIVATIONS[name]()) for a, b, name in zip(sizes[:-1], sizes[1:], names, strict=True)]
    return nn.Sequential(*(module for pair in layers for module in pair))
