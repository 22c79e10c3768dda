"""Networks from images and a random code to images, and back to the code.

A code has two parts in one row: numbers for the whole event (how hard it fluctuates), and planes of numbers for its places (how each shower does).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, pixel_shuffle, pixel_unshuffle

from facsim.nets.critics import Critic, MinibatchDiscrimination, Planes
from facsim.nets.image import UNet, patch_stack

SLOPE = 0.2  # of LeakyReLU below zero
LIMIT = 10.0  # largest logarithm of a code's variance, up and down
NARROW = -2.0  # a code's log variance at first: a code that tells little is soon ignored
FOLD = 2  # pixels along each axis that become channels


@dataclass(frozen=True)
class Layout:
    """What is translated: conditions (`numbers`, then `images`) and a code of `latent` numbers, then `planes`, to a response of (channels, h, w).

    A plane of the code has one number for every `grain` x `grain` pixels.

    Examples:
        >>> Layout((1, 16, 24), numbers=0, images=1, latent=8, planes=2, grain=4).code
        56
    """

    shape: tuple[int, int, int]
    numbers: int
    images: int
    latent: int
    planes: int = 0
    grain: int = 4

    @property
    def places(self) -> tuple[int, int]:
        """Rows and columns of a plane of the code."""
        _, h, w = self.shape
        return -(-h // self.grain), -(-w // self.grain)

    @property
    def code(self) -> int:
        """How many numbers a code has."""
        return self.latent + self.planes * self.places[0] * self.places[1]

    @property
    def inputs(self) -> int:
        """Planes that `InPlanes` makes."""
        return self.latent + self.planes + self.numbers + self.images


class Apart(nn.Module):
    """Code and conditions in one row, [n, code + conditions], as single numbers [n, latent + numbers] and images [n, images, h, w]."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.shape = (layout.images, *layout.shape[1:])
        self.parts = [layout.code + layout.numbers, layout.images * layout.shape[1] * layout.shape[2]]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        numbers, images = torch.split(x, self.parts, dim=1)
        return numbers, images.reshape(-1, *self.shape)


class InPlanes(nn.Module):
    """Code and conditions in one row, [n, code + conditions], as planes [n, inputs, h, w]: a number fills a plane, or the pixels of its place."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        _, h, w = layout.shape
        self.local, self.images = (layout.planes, *layout.places), (layout.images, h, w)
        self.parts = [layout.latent, layout.code - layout.latent, layout.numbers, layout.images * h * w]

    def forward(self, x: Tensor) -> Tensor:
        n, size = x.shape[0], self.images[1:]
        latent, local, numbers, images = torch.split(x, self.parts, dim=1)
        constant = torch.cat([latent, numbers], dim=1)[:, :, None, None].expand(-1, -1, *size)
        found = [constant, images.reshape(n, *self.images)]
        return torch.cat([*found, interpolate(local.reshape(n, *self.local), size=size)] if self.local[0] else found, dim=1)


class FoldedUNet(nn.Module):
    """A U-Net that sees squares of 2 x 2 pixels as one of four times as many channels: [n, inputs, h, w] -> [n, outputs, h, w] of the size given.

    At a quarter of the pixels it costs a quarter of the time. `located`: two more planes tell it the place on the detector: at first row and column,
    from -1 to 1, then what it learns. Source of the fold: Shi et al. (2016), arXiv:1609.05158 (sub-pixel convolution).
    """

    def __init__(self, inputs: int, shape: tuple[int, int, int], channels: int = 32, depth: int = 3, *, located: bool = True) -> None:
        super().__init__()
        outputs, *self.size = shape
        rows, columns = (torch.linspace(-1, 1, n) for n in self.size)
        self.place = nn.Parameter(torch.stack(torch.meshgrid(rows, columns, indexing="ij"))) if located else None
        self.net = UNet((inputs + 2 * located) * FOLD**2, outputs * FOLD**2, channels, depth)

    def forward(self, x: Tensor) -> Tensor:
        h, w = self.size
        planes = x if self.place is None else torch.cat([x, self.place.expand(x.shape[0], -1, -1, -1)], dim=1)
        whole = pad(planes, (0, -w % FOLD, 0, -h % FOLD))
        image: Tensor = pixel_shuffle(self.net(pixel_unshuffle(whole, FOLD)), FOLD)
        return image[:, :, :h, :w]


class Response(nn.Module):
    """The response alone, as planes: [n, ...] and [n, c] -> [n, channels, h, w]."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x.reshape(-1, *self.shape)


class Heads(nn.Module):
    """Features [n, channels, h, w] at the code's places -> codes [n, code]: single numbers from the features' sums, those of a place from its own.

    Every number starts near `start`.
    """

    def __init__(self, layout: Layout, channels: int, start: float) -> None:
        super().__init__()
        whole = (nn.Linear(channels, channels), nn.LeakyReLU(SLOPE), _starting(nn.Linear(channels, layout.latent), start)) if layout.latent else ()
        self.whole = nn.Sequential(*whole) if whole else None
        self.local = _starting(nn.Conv2d(channels, layout.planes, 1), start) if layout.planes else None

    def forward(self, seen: Tensor) -> Tensor:
        whole = [] if self.whole is None else [self.whole(seen.sum((2, 3)) / math.sqrt(seen[0, 0].numel()))]
        local = [] if self.local is None else [self.local(seen).flatten(1)]
        return torch.cat(whole + local, dim=1)


def _starting(layer: nn.Linear | nn.Conv2d, start: float) -> nn.Module:
    if layer.bias is not None:
        nn.init.constant_(layer.bias, start)
    return layer


class Encoder(nn.Module):
    """The code of a response at its condition: mean and log variance, each [n, code]; a variance of 1 without a `spread`."""

    def __init__(self, join: nn.Module, body: nn.Module, mean: nn.Module, spread: nn.Module | None) -> None:
        super().__init__()
        self.join, self.body, self.mean, self.spread = join, body, mean, spread

    def forward(self, condition: Tensor, response: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.body(self.join(response, condition))
        mean: Tensor = self.mean(seen)
        return mean, torch.zeros_like(mean) if self.spread is None else self.spread(seen).clamp(-LIMIT, LIMIT)


def image_encoder(layout: Layout, channels: int, spread: bool) -> Encoder:
    """Convolutions of response and conditions, halved until a pixel is a place of the code, and two heads."""
    halvings = max(1, (layout.grain - 1).bit_length())
    inputs = layout.shape[0] + layout.numbers + layout.images
    wide = [inputs, *(channels * min(2**i, 8) for i in range(halvings))]
    body = [part for a, b in pairwise(wide) for part in (nn.Conv2d(a, b, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE))]
    mean, log_variance = Heads(layout, wide[-1], 0.0), Heads(layout, wide[-1], NARROW) if spread else None
    return Encoder(Planes(layout.shape, layout.images), nn.Sequential(*body), mean, log_variance)


def image_critic(layout: Layout, channels: int, halvings: int, patch: bool, kernels: int) -> Critic:
    """Verdicts on patches of response and conditions (see `patch_stack`), or one on all features; `kernels` of minibatch discrimination before it."""
    body, _ = patch_stack(layout.shape[0] + layout.numbers + layout.images, channels, halvings)
    features = channels * min(2 ** (halvings - 1), 8)
    aware = [AwarePlanes(features, kernels)] if kernels else []
    rows, columns = (-(-n // 2**halvings) for n in layout.shape[1:])
    verdict = nn.Conv2d(features + kernels, 1, 1 if patch else (rows, columns))
    return Critic(Planes(layout.shape, layout.images), body, nn.Sequential(*aware, verdict))


class AwarePlanes(nn.Module):
    """Minibatch discrimination for a critic of patches: [n, channels, h, w] -> [n, channels + kernels, h, w], by the mean features of each event."""

    def __init__(self, channels: int, kernels: int) -> None:
        super().__init__()
        self.channels, self.closeness = channels, MinibatchDiscrimination(channels, kernels)

    def forward(self, x: Tensor) -> Tensor:
        close = self.closeness(x.mean((2, 3)))[:, self.channels :, None, None]
        return torch.cat([x, close.expand(-1, -1, *x.shape[2:])], dim=1)
