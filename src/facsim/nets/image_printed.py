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
from torch.nn.functional import conv2d, leaky_relu

from facsim.nets.critics import Critic, Planes
from facsim.nets.image_code import SLOPE, AwarePlanes, Encoder, Layout, Response

HALVINGS = 5  # from 64 to 2 pixels
START = -6.0  # logit of a pixel in an untrained network
RIM = 2  # rows and columns of a convolution's output that see the border, or more


class OverNumbers(nn.Module):
    """A convolution of planes filled with one number each and of others: [n, planes, h, w], [n, numbers] -> [n, outputs, h / stride, w / stride].

    A filled plane gives the same everywhere but at the border: it is convolved on a small square, whose middle is repeated. That is exact, and 65
    planes of which 64 are filled cost little more than one.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, around: int) -> None:
        super().__init__()
        self.whole, self.stride, self.around = nn.Conv2d(inputs, outputs, kernel), stride, around

    def forward(self, planes: Tensor, numbers: Tensor) -> Tensor:
        filled, others = torch.split(self.whole.weight, [numbers.shape[1], planes.shape[1]], dim=1)
        seen = conv2d(planes, others, self.whole.bias, self.stride, self.around)
        square = (2 * RIM + 1) * self.stride
        small = conv2d(numbers[:, :, None, None].expand(-1, -1, square, square), filled, None, self.stride, self.around)
        return seen + widened(widened(small, 2, seen.shape[2]), 3, seen.shape[3])


def empty(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Let the last layer before a sigmoid start with images that are nearly empty, as the true ones are, and not half full."""
    if layer.bias is not None:
        nn.init.constant_(layer.bias, START)


def widened(x: Tensor, axis: int, size: int) -> Tensor:
    """The tensor with its middle repeated along the axis up to the size.

    Examples:
        >>> widened(torch.tensor([1, 2, 3, 4, 5]), 0, 8).tolist()
        [1, 2, 3, 3, 3, 3, 4, 5]
    """
    first, middle, last = torch.split(x, [RIM, 1, RIM], dim=axis)
    shape = [-1] * x.dim()
    shape[axis] = size - 2 * RIM
    return torch.cat([first, middle.expand(shape), last], dim=axis)


def same(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Module:
    """A convolution that makes n / stride of n pixels, with the odd row and column of zeros at the end."""
    around, odd = divmod(kernel - stride, 2)
    if not odd:
        return nn.Conv2d(inputs, outputs, kernel, stride, around)
    return nn.Sequential(nn.ZeroPad2d((around, around + 1, around, around + 1)), nn.Conv2d(inputs, outputs, kernel, stride))


class PrintedUNet(nn.Module):
    """The generators of appendix C: [n, numbers], [n, images, h, w] -> [n, outputs, h, w]; each number fills a plane, all of them are `inputs`.

    2,266,490 parameters, with `residual` blocks 2,815,546, for 65 inputs. Such a block is a 5 x 5 convolution whose output goes on beside its input.
    """

    def __init__(self, inputs: int, outputs: int = 1, channels: int = 64, residual: bool = False) -> None:
        super().__init__()
        c, beside = channels, channels // 2 if residual else 0
        self.enter = OverNumbers(inputs, c, 4, 2, 1)
        self.down = nn.ModuleList(_down(a, b) for a, b in pairwise((c, c, 2 * c, 2 * c)))
        self.middle = nn.Sequential(same(2 * c, 2 * c, 4), nn.ReLU(), same(2 * c, 2 * c, 4, 2), nn.ReLU())
        into = (2 * c, 4 * c, 4 * c + beside, 2 * c + beside)
        self.up = nn.ModuleList(_up(a, b) for a, b in zip(into, (2 * c, 2 * c, c, c), strict=True))
        self.beside = nn.ModuleList(_Beside(k, beside) if beside else nn.Identity() for k in (4 * c, 2 * c, 2 * c))
        self.last = nn.Sequential(nn.ConvTranspose2d(2 * c + beside, c // 4, 4, 2, 1), nn.LeakyReLU(SLOPE))
        self.beside_last = OverNumbers(c // 4 + inputs, beside, 5, 1, 2) if beside else None
        self.leave = OverNumbers(c // 4 + inputs + beside, outputs, 5, 1, 2)
        empty(self.leave.whole)

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        numbers, images = x
        seen = [leaky_relu(self.enter(images, numbers), SLOPE)]
        for down in self.down:
            seen.append(down(seen[-1]))
        y = torch.cat([self.up[0](self.middle(seen[-1])), seen[-1]], dim=1)
        for up, beside, level in zip(self.up[1:], self.beside, (2, 1, 0), strict=True):
            y = beside(torch.cat([up(y), seen[level]], dim=1))
        y = torch.cat([images, self.last(y)], dim=1)
        if self.beside_last is not None:
            y = torch.cat([y, torch.relu(self.beside_last(y, numbers))], dim=1)
        image: Tensor = self.leave(y, numbers)
        return image


class _Beside(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = same(inputs, outputs, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, torch.relu(self.convolution(x))], dim=1)


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(same(inputs, outputs, 4, 2), nn.LeakyReLU(SLOPE), nn.BatchNorm2d(outputs))


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


class ChannelsLast(nn.Module):
    """The same numbers in another order in memory: convolutions and maxima in squares after it take three quarters of the time on a processor."""

    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)


def printed_critic(layout: Layout, patch: bool, kernels: int) -> Critic:
    """The discriminator of appendix C.2: 2 x 2 verdicts for 64 x 64 pixels, or one without `patch`; 672,929 parameters for two planes, either way."""
    inputs = layout.shape[0] + layout.numbers + layout.images
    body = [ChannelsLast(), *_block(inputs, 32, 2), *_block(32, 64, 2), *_block(64, 128, 3)]
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
