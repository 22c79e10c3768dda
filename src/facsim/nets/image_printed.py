"""The printed networks that translate images of the hadronic calorimeter of LHCb, for images of 64 x 64 and other multiples of 32.

Source: the LHCb HCAL study of 2019, appendix C.2 (CIR: calorimeter image refinement) and C.3 (TIP: tracker image propagation). Convolutions keep, or
halve, the size of the image, as that study's library pads them; the activation comes before the batch norm, as printed. Where the print errs:

* Encoder: 601,344 parameters, and so it is, with 64 numbers out: a point estimate, or a mean. The variance, without which the printed KL term has no
  meaning, has no layer in the table; here it is one more dense layer beside the last, of 4,160 parameters, or is 1 everywhere.
* Generators: 2,266,490 for CIR, and so it is. 2,815,674 for TIP is the sum of its rows, of which row 2 prints 256 parameters for a batch norm of 64
  channels; it has 128, as the same row of CIR says, and the generator 2,815,546.
* Discriminator: 1,058,690 as printed, because row 1, a 3 x 3 convolution from 32 to 32 channels, is printed with 395,009 parameters. It has 9,248,
  the discriminator 672,929, and all of CIR 3,540,763 instead of 3,926,524.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from facsim.nets.critics import Critic, Planes
from facsim.nets.image_code import SLOPE, AwarePlanes, Encoder, Layout, Response

HALVINGS = 5  # from 64 to 2 pixels


def same(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution that makes n / stride of n pixels, with the odd row and column of zeros at the end."""
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), nn.Conv2d(inputs, outputs, kernel, stride))


class PrintedUNet(nn.Module):
    """The generators of appendix C: [n, inputs, h, w] -> [n, 1, h, w]; 2,266,490 parameters, with `residual` blocks 2,815,546, for 65 inputs.

    A residual block is a 5 x 5 convolution whose output goes on beside its input.
    """

    def __init__(self, inputs: int, outputs: int = 1, channels: int = 64, residual: bool = False) -> None:
        super().__init__()
        c, beside = channels, channels // 2 if residual else 0
        down, up = (inputs, c, c, 2 * c, 2 * c), (2 * c, 2 * c, c, c)
        self.down = nn.ModuleList(_down(a, b, normed=i > 0) for i, (a, b) in enumerate(pairwise(down)))
        self.middle = nn.Sequential(same(2 * c, 2 * c, 4), nn.ReLU(), same(2 * c, 2 * c, 4, 2), nn.ReLU())
        into = (2 * c, 4 * c, 4 * c + beside, 2 * c + beside)
        self.up = nn.ModuleList(_up(a, b) for a, b in zip(into, up, strict=True))
        joined = (4 * c, 2 * c, 2 * c, c // 4 + inputs)
        self.beside = nn.ModuleList(_Beside(k, beside) if beside else nn.Identity() for k in joined)
        self.last = nn.Sequential(nn.ConvTranspose2d(2 * c + beside, c // 4, 4, 2, 1), nn.LeakyReLU(SLOPE))
        self.leave = same(c // 4 + inputs + beside, outputs, 5)

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for down in self.down:
            seen.append(down(seen[-1]))
        y = torch.cat([self.up[0](self.middle(seen[-1])), seen[-1]], dim=1)
        for up, beside, level in zip(self.up[1:], self.beside, (3, 2, 1), strict=False):
            y = beside(torch.cat([up(y), seen[level]], dim=1))
        image: Tensor = self.leave(self.beside[-1](torch.cat([self.last(y), x], dim=1)))
        return image


class _Beside(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = same(inputs, outputs, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, torch.relu(self.convolution(x))], dim=1)


def _down(inputs: int, outputs: int, normed: bool) -> nn.Sequential:
    norm = [nn.BatchNorm2d(outputs)] if normed else []
    return nn.Sequential(same(inputs, outputs, 4, 2), nn.LeakyReLU(SLOPE), *norm)


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), nn.ReLU(), nn.BatchNorm2d(outputs))


def printed_encoder(layout: Layout, spread: bool) -> Encoder:
    """The encoder of appendix C.2, which sees the response alone; 601,344 parameters for a code of 64, and with a `spread` 4,160 more."""
    channels, h, w = layout.shape
    body: list[nn.Module] = []
    for a, b in pairwise((channels, 16, 32, 64)):
        body += [same(a, b, 5, 2), nn.LeakyReLU(SLOPE)]
    body += [nn.Flatten(), nn.Linear(h * w, 128), nn.LeakyReLU(SLOPE), nn.Linear(128, 64), nn.LeakyReLU(SLOPE)]  # 64 channels of 1/64 of the pixels
    return Encoder(Response(layout.shape), nn.Sequential(*body), nn.Linear(64, layout.latent), nn.Linear(64, layout.latent) if spread else None)


def printed_critic(layout: Layout, patch: bool, kernels: int) -> Critic:
    """The discriminator of appendix C.2: 2 x 2 verdicts for 64 x 64 pixels, or one without `patch`; 672,929 parameters for two planes, either way."""
    inputs = layout.shape[0] + layout.numbers + layout.images
    body = [*_block(inputs, 32, 2), *_block(32, 64, 2), *_block(64, 128, 3)]
    body += [same(128, 64, 5, 2), nn.LeakyReLU(SLOPE), same(64, 32, 4), nn.LeakyReLU(SLOPE)]
    aware = [AwarePlanes(32, kernels)] if kernels else []
    rest = (layout.shape[1] // 16, layout.shape[2] // 16)
    head = same(32 + kernels, 1, 4, 2) if patch else nn.Conv2d(32 + kernels, 1, rest)
    return Critic(Planes(layout.shape, layout.images), nn.Sequential(*body), nn.Sequential(*aware, head))


def _block(inputs: int, outputs: int, convolutions: int) -> list[nn.Module]:
    """Convolutions of 3 x 3, their maxima in squares of 2 x 2, batch norm."""
    wide = [inputs, *[outputs] * convolutions]
    parts = [part for a, b in pairwise(wide) for part in (same(a, b, 3), nn.LeakyReLU(SLOPE))]
    return [*parts, nn.MaxPool2d(2), nn.BatchNorm2d(outputs)]
