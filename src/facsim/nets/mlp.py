"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.2),
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}


def mlp(sizes: Sequence[int], activation: str = "relu", last: str = "identity") -> nn.Sequential:
    """Linear layers between the given sizes, an activation after each but the last, `last` after that.

    Names are keys of ACTIVATIONS.

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
    layers = [(nn.Linear(a, b), ACTIVATIONS[name]()) for a, b, name in zip(sizes[:-1], sizes[1:], names, strict=True)]
    return nn.Sequential(*(module for pair in layers for module in pair))
