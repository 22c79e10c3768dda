"""How much of what a magnet spreads out stays within a detector."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facsim.core.errors import FacsimError
from facsim.transforms.appended import Appended


class InCone(Appended):
    """Conditions [n, c] -> [n, c + 1]: the share of tracks that a magnet leaves within a cone about the beam, after the columns themselves.

    A track of pseudorapidity eta and momentum p is bent by the angle `kick` / p to a side of its own; the cone has the opening angle `outer` in rad,
    `kick` is in the momentum's unit. A smooth network needs it for the corners, where all tracks are within or none.

    Examples:
        >>> cone = InCone((2,), momentum=0, eta=1, kick=600.0, outer=0.12)
        >>> cone(torch.tensor([[1e5, 3.5], [1e4, 2.9], [3e3, 2.0]]), torch.zeros(3, 0))[:, 2].round(decimals=2)
        tensor([1.0000, 0.4700, 0.1400])
    """

    def __init__(self, shape: tuple[int, ...], momentum: int, eta: int, kick: float, outer: float) -> None:
        super().__init__(shape, 1)
        if kick <= 0 or not 0 < outer < math.pi / 2:
            raise FacsimError("there is no such cone", expected="kick > 0, 0 < outer < pi / 2", got=(kick, outer))
        self.momentum, self.eta, self.kick, self.outer = momentum, eta, kick, outer

    def tell(self, x: Tensor, condition: Tensor) -> Tensor:
        share = share_within(self.outer, polar_angle(x[:, self.eta]), self.kick / x[:, self.momentum])
        return share[:, None]


class RingCaught(Appended):
    """Conditions [n, c] -> [n, c + 1]: the share of a ring of light about a track that falls in a cone about the beam, after the columns themselves.

    The ring has the opening angle `ring`, the cone `outer`, both in rad; `eta` is the column of the pseudorapidity. A smooth network needs it for the
    narrow range in which a ring leaves the mirrors.

    Examples:
        >>> caught = RingCaught((1,), eta=0, ring=0.03, outer=0.12)
        >>> caught(torch.tensor([[2.0], [2.8], [3.5]]), torch.zeros(3, 0))[:, 1].round(decimals=2)
        tensor([0.0000, 0.4400, 1.0000])
    """

    def __init__(self, shape: tuple[int, ...], eta: int, ring: float, outer: float) -> None:
        super().__init__(shape, 1)
        if ring <= 0 or not 0 < outer < math.pi / 2:
            raise FacsimError("no ring can be caught", expected="ring > 0, 0 < outer < pi / 2", got=(ring, outer))
        self.eta, self.ring, self.outer = eta, ring, outer

    def tell(self, x: Tensor, condition: Tensor) -> Tensor:
        polar = polar_angle(x[:, self.eta])
        share = share_within(self.outer, polar, torch.full_like(polar, self.ring))
        return share[:, None]


def polar_angle(eta: Tensor) -> Tensor:
    """The polar angle of a pseudorapidity, rad."""
    return 2 * torch.atan(torch.exp(-eta))


def share_within(radius: float, distance: Tensor, circle: Tensor) -> Tensor:
    """The share of each circle, of radius `circle` with its centre at `distance`, that lies within `radius` of the origin.

    Examples:
        >>> share_within(1.0, torch.tensor([0.5, 2.0, 1.0]), torch.tensor([0.1, 0.1, 1.0])).round(decimals=3)
        tensor([1.0000, 0.0000, 0.3330])
    """
    cosine = (radius**2 - distance.square() - circle.square()) / (2 * distance * circle)
    return 1 - torch.acos(cosine.clamp(-1, 1)) / math.pi
