"""Networks from image to image, and the critic of patches: residual blocks, U-Net, PatchGAN."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

CONVOLUTIONS: dict[int, Callable[..., nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class ResidualBlock(nn.Module):
    """x + conv(act(conv(x))): the shape stays, [n, channels, ...] with as many axes as `kernel` has odd numbers.

    Source: He et al., Deep residual learning for image recognition (2016), arXiv:1512.03385; without batch norm, which mixes events.
    """

    def __init__(self, channels: int, kernel: tuple[int, ...] = (3, 3)) -> None:
        super().__init__()
        if any(k % 2 == 0 for k in kernel):
            raise ValueError(f"the kernel of a residual block must be odd, not {kernel}")
        convolution, padding = CONVOLUTIONS[len(kernel)], tuple(k // 2 for k in kernel)
        self.first = convolution(channels, channels, kernel, padding=padding)
        self.second = convolution(channels, channels, kernel, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu(self.first(x)))  # type: ignore[no-any-return]


class UNet(nn.Module):
    """Images to images of the same size, any size: [n, inputs, h, w] -> [n, outputs, h, w].

    Halved `depth` times by strided convolutions and brought back up with what was seen on the way down beside it. Channels double each time, up to
    eight times. (The source goes up by transposed convolutions; repeating pixels and a convolution fit odd sizes and leave no checkerboard.)
    Source: Ronneberger et al., U-Net (2015), arXiv:1505.04597; Isola et al. (2017), arXiv:1611.07004.
    """

    def __init__(self, inputs: int, outputs: int, channels: int = 32, depth: int = 3) -> None:
        super().__init__()
        wide = [channels * min(2**i, 8) for i in range(depth + 1)]
        self.enter = nn.Conv2d(inputs, channels, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(wide))
        self.up = nn.ModuleList(nn.Conv2d(a + b, a, 3, padding=1) for a, b in reversed(list(pairwise(wide))))
        self.leave = nn.Conv2d(channels, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        seen = [torch.relu(self.enter(x))]
        for down in self.down:
            seen.append(torch.relu(down(seen[-1])))
        y = seen.pop()
        for up in self.up:
            beside = seen.pop()
            y = torch.relu(up(torch.cat([beside, interpolate(y, size=beside.shape[2:])], dim=1)))
        image: Tensor = self.leave(y)
        return image


class ImageToImage(nn.Module):
    """A U-Net behind one row of numbers: [n, numbers + images x h x w] -> [n, *shape].

    The last columns are the images to translate, row by row; the numbers before them (noise, scalar conditions) become two planes by a linear map.
    """

    def __init__(self, numbers: int, images: int, shape: tuple[int, int, int], *, channels: int = 32, depth: int = 3) -> None:
        super().__init__()
        self.numbers, self.images, self.shape = numbers, images, shape
        self.lift = nn.Linear(numbers, 2 * shape[1] * shape[2])
        self.net = UNet(2 + images, shape[0], channels, depth)

    def forward(self, x: Tensor) -> Tensor:
        n, size = x.shape[0], self.shape[1:]
        planes = self.lift(x[:, : self.numbers]).reshape(n, 2, *size)
        y: Tensor = self.net(torch.cat([planes, x[:, self.numbers :].reshape(n, self.images, *size)], dim=1))
        return y


def patch_stack(inputs: int, channels: int = 32, depth: int = 2) -> tuple[nn.Sequential, nn.Sequential]:
    """Body and head of a critic of patches: images [n, inputs, h, w] -> features -> verdicts [n, 1, h', w'] with h' = ceil(h / 2^depth).

    Each verdict sees a patch of `patch_size(depth)` pixels. Source: Isola et al. (2017), arXiv:1611.07004, section 3.2.2 (PatchGAN).
    """
    wide = [inputs, *(channels * min(2**i, 8) for i in range(depth))]
    body = [part for a, b in pairwise(wide) for part in (nn.Conv2d(a, b, 3, stride=2, padding=1), nn.LeakyReLU(0.2))]
    return nn.Sequential(*body), nn.Sequential(nn.Conv2d(wide[-1], 1, 1))


def patch_size(depth: int) -> int:
    """Rows (and columns) of the patch that one verdict of `patch_stack` sees.

    Examples:
        >>> [patch_size(depth) for depth in (1, 2, 3)]
        [3, 7, 15]
    """
    return int(2 ** (depth + 1) - 1)
