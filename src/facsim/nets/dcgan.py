"""Stacks of convolutions and transposed convolutions, built from tables of (kernel, stride, padding).

Source: Radford, Metz and Chintala, Unsupervised representation learning with deep convolutional GANs (2016), arXiv:1511.06434; the tables for 32x32
and 64x64 pixels: Albergo (2018), chapter 4, which prints no numbers of channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from facsim.nets.mlp import ACTIVATIONS


class Step(NamedTuple):
    """One convolution: kernel and padding are one number, or one for rows and one for columns."""

    kernel: int | tuple[int, int]
    stride: int = 1
    padding: int = 0


Size = tuple[int, int]

GENERATORS: dict[Size, tuple[Step, ...]] = {
    (32, 32): (Step(2, 1, 0), Step(4, 2, 1), Step(5, 1, 0), Step(3, 2, 1), Step(4, 2, 0)),
    (64, 64): (Step(4, 1, 0), *[Step(4, 2, 1)] * 4),
}
CRITICS: dict[Size, tuple[Step, ...]] = {
    (32, 32): (Step(5, 1, 1), Step(5, 2, 1), Step(4, 2, 0), Step(2, 2, 1), Step(1, 2, 0)),
    (64, 64): (*[Step(4, 2, 1)] * 4, Step(4, 1, 0)),
}


def generator_steps(size: Size) -> tuple[Step, ...]:
    """The printed table for the size, else doublings up to the size, or to a little more where it does not halve evenly."""
    if size in GENERATORS:
        return GENERATORS[size]
    doublings = _halvings(size)
    base = (-(-size[0] // 2**doublings), -(-size[1] // 2**doublings))
    return (Step(base), *[Step(4, 2, 1)] * doublings)


def critic_steps(size: Size) -> tuple[Step, ...]:
    """The printed table for the size, else halvings and one convolution over all that is left."""
    if size in CRITICS:
        return CRITICS[size]
    halvings = (Step(4, 2, 1),) * _halvings(size)
    return (*halvings, Step(sizes(halvings, size)[-1]))


def sizes(steps: Sequence[Step], size: Size, transposed: bool = False) -> list[Size]:
    """Rows and columns after each step, from `size` on.

    Examples:
        >>> [rows for rows, _ in sizes(CRITICS[32, 32], (32, 32))]
        [32, 30, 14, 6, 4, 2]
        >>> [rows for rows, _ in sizes(GENERATORS[32, 32], (1, 1), transposed=True)]
        [1, 2, 4, 8, 15, 32]
    """
    found = [size]
    for kernel, stride, padding in steps:
        lengths = zip(found[-1], kernel if isinstance(kernel, tuple) else (kernel, kernel), strict=True)
        if transposed:
            rows, columns = ((n - 1) * stride - 2 * padding + k for n, k in lengths)
        else:
            rows, columns = ((n + 2 * padding - k) // stride + 1 for n, k in lengths)
        found.append((rows, columns))
    return found


def widths(layers: int, channels: int) -> list[int]:
    """Channels between the layers of a critic: doubled from each to the next, at most eight times the first.

    Examples:
        >>> widths(5, 64)
        [64, 128, 256, 512]
    """
    return [channels * min(2**i, 8) for i in range(layers - 1)]


class Crop(nn.Module):
    """The central rows and columns: [n, k, H, W] -> [n, k, h, w]."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        (h, w), top, left = self.size, (x.shape[2] - self.size[0]) // 2, (x.shape[3] - self.size[1]) // 2
        return x[:, :, top : top + h, left : left + w]


def transposed_stack(inputs: int, shape: tuple[int, int, int], channels: int = 64, last: str = "identity") -> nn.Sequential:
    """Numbers [n, inputs] -> images [n, *shape] by transposed convolutions; batch norm and ReLU after each but the last."""
    steps = generator_steps(shape[1:])
    wide = [inputs, *reversed(widths(len(steps), channels)), shape[0]]
    stack: list[nn.Module] = [nn.Unflatten(1, (inputs, 1, 1))]
    for i, step in enumerate(steps[:-1]):
        stack += [nn.ConvTranspose2d(wide[i], wide[i + 1], *step, bias=False), nn.BatchNorm2d(wide[i + 1]), nn.ReLU()]
    stack += [nn.ConvTranspose2d(wide[-2], wide[-1], *steps[-1]), ACTIVATIONS[last](), Crop(shape[1:])]
    return nn.Sequential(*stack)


def convolution_stack(inputs: int, size: Size, channels: int = 64, batch_norm: bool = True) -> tuple[nn.Sequential, nn.Sequential]:
    """Body and head of a critic: images [n, inputs, h, w] -> features -> verdicts [n, 1, h', w'].

    LeakyReLU 0.2 after each convolution but the last, batch norm before it but for the first. Batch norm mixes the events of a batch: leave it out
    where a penalty looks at the gradient of single events (Gulrajani et al., arXiv:1704.00028, section 4).
    """
    steps = critic_steps(size)
    wide = [inputs, *widths(len(steps), channels)]
    body: list[nn.Module] = []
    for i, step in enumerate(steps[:-1]):
        normed = batch_norm and i > 0
        norm = [nn.BatchNorm2d(wide[i + 1])] if normed else []
        body += [nn.Conv2d(wide[i], wide[i + 1], *step, bias=not normed), *norm, nn.LeakyReLU(0.2)]
    return nn.Sequential(*body), nn.Sequential(nn.Conv2d(wide[-1], 1, *steps[-1]))


def _halvings(size: Size) -> int:
    """How often an image is halved: at most four times, and to no less than two pixels."""
    return max(0, min(4, min(size).bit_length() - 2))
