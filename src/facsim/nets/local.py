"""Locally connected layers: convolutions whose weights differ from pixel to pixel, for images with a fixed centre."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from facsim.nets.mlp import ACTIVATIONS


class LocallyConnected(nn.Module):
    """A convolution that shares no weights: [n, inputs, *size] -> [n, outputs, h, w]; beyond the borders it sees zeros.

    `padding` (half an odd kernel unless given, which keeps the size at stride 1) is the width of those zeros; `size` is (rows, columns) of the input.
    Source: de Oliveira, Paganini and Nachman, Learning particle physics by example (2017), arXiv:1701.05927 (LAGAN).
    """

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], kernel: int = 3, *, stride: int = 1, padding: int | None = None) -> None:
        super().__init__()
        if padding is None and kernel % 2 == 0:
            raise ValueError(f"the kernel of a locally connected layer must be odd, not {kernel}, unless padding is given")
        self.kernel, self.stride, self.padding = kernel, stride, kernel // 2 if padding is None else padding
        self.size = ((size[0] + 2 * self.padding - kernel) // stride + 1, (size[1] + 2 * self.padding - kernel) // stride + 1)
        fan_in = inputs * kernel**2
        self.weight = nn.Parameter(torch.randn(math.prod(self.size), outputs, fan_in) * math.sqrt(2 / fan_in))  # keeps the size through ReLU
        self.bias = nn.Parameter(torch.zeros(outputs, *self.size))

    def forward(self, x: Tensor) -> Tensor:
        n, border, window = x.shape[0], (self.padding,) * 4, (self.kernel, self.stride)
        last = pad(x, border).permute(2, 3, 1, 0).contiguous()  # with the events last, what a pixel sees is copied in long pieces
        seen = last.unfold(0, *window).unfold(1, *window).permute(0, 1, 2, 4, 5, 3)  # [h, w, inputs, kernel, kernel, n]
        y = self.weight @ seen.reshape(len(self.weight), -1, n)
        return y.permute(2, 1, 0).reshape(n, -1, *self.size) + self.bias


def lagan_generator(inputs: int, shape: tuple[int, int, int], channels: int = 16, last: str = "relu") -> nn.Sequential:
    """Numbers [n, inputs] -> images [n, *shape]: dense, convolution, and three locally connected layers with upsampling between."""
    images, h, w = shape
    quarter, half = (-(-h // 4), -(-w // 4)), (-(-h // 2), -(-w // 2))
    return nn.Sequential(
        nn.Linear(inputs, 2 * channels * math.prod(quarter)),
        nn.Unflatten(1, (2 * channels, *quarter)),
        nn.Conv2d(2 * channels, 2 * channels, 5, padding=2),
        nn.LeakyReLU(0.2),
        nn.Upsample(size=half),
        LocallyConnected(2 * channels, channels, half, 5),
        nn.LeakyReLU(0.2),
        nn.Upsample(size=(h, w)),
        LocallyConnected(channels, channels, (h, w), 3),
        nn.LeakyReLU(0.2),
        LocallyConnected(channels, images, (h, w), 3),
        ACTIVATIONS[last](),
    )


def lagan_body(inputs: int, size: tuple[int, int], channels: int = 16) -> nn.Sequential:
    """Images [n, inputs, h, w] -> features [n, channels x h' x w']: convolution, two locally connected layers, average pooling."""
    return nn.Sequential(
        nn.Conv2d(inputs, 2 * channels, 5, padding=2),
        nn.LeakyReLU(0.2),
        LocallyConnected(2 * channels, channels, size, 3),
        nn.LeakyReLU(0.2),
        LocallyConnected(channels, channels, size, 3),
        nn.LeakyReLU(0.2),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.Flatten(),
    )
