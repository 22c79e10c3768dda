"""How much of what a magnet spreads out stays within a detector."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError


class InCone(Transform):
    """Conditions [n, c] -> [n, c + 1]: the share of tracks that a magnet leaves within a cone about the beam, after the columns themselves.

    A track of pseudorapidity eta and momentum p is bent by the angle `kick` / p to a side of its own; the cone has the opening angle `outer` in rad,
    `kick` is in the momentum's unit. A smooth network needs it for the corners, where all tracks are within or none.

    Examples:
        >>> cone = InCone((2,), momentum=0, eta=1, kick=600.0, outer=0.12)
        >>> cone(torch.tensor([[1e5, 3.5], [1e4, 2.9], [3e3, 2.0]]), torch.zeros(3, 0))[:, 2].round(decimals=2)
        tensor([1.0000, 0.4700, 0.1400])
    """

    def __init__(self, shape: tuple[int, ...], momentum: int, eta: int, kick: float, outer: float) -> None:
        super().__init__()
        if kick <= 0 or not 0 < outer < math.pi / 2:
            raise FacsimError("there is no such cone", expected="kick > 0, 0 < outer < pi / 2", got=(kick, outer))
        self.momentum, self.eta, self.kick, self.outer, self.width = momentum, eta, kick, outer, shape[-1]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.width + 1,)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        polar, bend = 2 * torch.atan(torch.exp(-x[:, self.eta])), self.kick / x[:, self.momentum]
        cosine = (self.outer**2 - polar.square() - bend.square()) / (2 * polar * bend)
        share = 1 - torch.acos(cosine.clamp(-1, 1)) / math.pi
        return torch.cat([x, share[:, None]], dim=1)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return y[:, : self.width]
