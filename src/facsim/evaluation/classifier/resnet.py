"""A three-dimensional residual network of 18 layers."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

WIDTHS = (32, 64, 64, 128)


class Block(nn.Module):
    """Two 3x3x3 convolutions and a way round them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm3d(outputs),
            nn.ReLU(),
            nn.Conv3d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm3d(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.way_round = nn.Identity() if same else nn.Sequential(nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Features [n, c, z, y, x]."""
        return torch.relu(self.body(x) + self.way_round(x))


class ResNet18(nn.Module):
    """3D ResNet-18: (cells [n, 1, layers, angles, rings], conditions [n, c]) -> log-odds [n, 1].

    Source: K. Hara et al., Can spatiotemporal 3D CNNs retrace the history of 2D CNNs and ImageNet?, 2018, arXiv:1711.09577; narrowed to
    32, 64, 64, 128 maps, with the batch-normalised condition joined before the last layer, as in C. Krause et al., arXiv:2410.21611.
    """

    def __init__(self, conditions: int = 1) -> None:
        super().__init__()
        first, last = WIDTHS[0], WIDTHS[-1]
        self.stem = nn.Sequential(nn.Conv3d(1, first, 7, 2, 3, bias=False), nn.BatchNorm3d(first), nn.ReLU(), nn.MaxPool3d(3, 2, 1))
        inputs = (first, *WIDTHS[:-1])
        stages = [nn.Sequential(Block(a, b, 1 + (i > 0)), Block(b, b, 1)) for i, (a, b) in enumerate(zip(inputs, WIDTHS, strict=True))]
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm1d(conditions) if conditions else nn.Identity()
        self.head = nn.Linear(last + conditions, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        """Log-odds to be truth, [n, 1]."""
        cells, condition = x
        pooled = self.stages(self.stem(cells)).mean((2, 3, 4))
        return cast(Tensor, self.head(torch.cat([pooled, self.norm(condition)], dim=1)))
