"""The networks of the fast recipe: a perceptron on columns or cells, a small convolutional network on grids."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from facsim.core.events import Array
from facsim.evaluation.classifier.encoding import Encoding, fit_encoding, fit_whitener
from facsim.evaluation.classifier.sample import Sample
from facsim.evaluation.classifier.training import Schedule, train_network

PERCEPTRON = Schedule(epochs=30, batch=250, rate=1e-3, decay=1e-2, patience=6)
CONVOLUTION = Schedule(epochs=8, batch=250, rate=3e-3, decay=1e-2, patience=3, one_cycle=True)


def perceptron(inputs: int, hidden: int = 128) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(), nn.Linear(hidden, hidden), nn.LeakyReLU(), nn.Linear(hidden, 1))


class GridNet(nn.Module):
    """Three strided convolutions, mean and maximum over what is left, and the conditions: [n, 2, *shape] -> [n, 1]."""

    def __init__(self, axes: int, conditions: int, width: int = 16) -> None:
        super().__init__()
        conv, norm = (nn.Conv2d, nn.BatchNorm2d) if axes == 2 else (nn.Conv3d, nn.BatchNorm3d)
        sizes = [2, width, 2 * width, 2 * width]
        blocks = [nn.Sequential(conv(a, b, 3, 2, 1, bias=False), norm(b), nn.LeakyReLU()) for a, b in pairwise(sizes)]
        self.features = nn.Sequential(*blocks)
        self.head = perceptron(2 * sizes[-1] + conditions, 64)

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        """Log-odds to be truth, [n, 1], of (cells [n, 2, *shape], conditions [n, c])."""
        cells, condition = x
        local = cast(Tensor, self.features(cells)).flatten(2)
        return cast(Tensor, self.head(torch.cat([local.mean(2), local.amax(2), condition], dim=1)))


class CellNet(nn.Module):
    """A perceptron on all cells and conditions, for detectors without a common grid: (cells [n, 2, ...], conditions) -> [n, 1]."""

    def __init__(self, cells: int, conditions: int) -> None:
        super().__init__()
        self.net = perceptron(2 * cells + conditions)

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        """Log-odds to be truth, [n, 1]."""
        return cast(Tensor, self.net(torch.cat([x[0].flatten(1), x[1]], dim=1)))


def fit_table(train: Sample, validation: Sample, seed: int) -> Callable[[Sample], Array]:
    """A perceptron on standardised and whitened columns."""
    encode = fit_whitener(train)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return train_network(perceptron(encode.size), encode, train, validation, PERCEPTRON, seed)


def fit_cells(train: Sample, validation: Sample, seed: int) -> Callable[[Sample], Array]:
    """A perceptron on all cells."""
    return _fit(lambda: CellNet(train.flat.shape[1], train.condition.shape[1]), PERCEPTRON, train, validation, seed)


def fit_grid(train: Sample, validation: Sample, seed: int) -> Callable[[Sample], Array]:
    """A small convolutional network on a grid of two or three axes."""
    return _fit(lambda: GridNet(train.response.ndim - 1, train.condition.shape[1]), CONVOLUTION, train, validation, seed)


def _fit(build: Callable[[], nn.Module], schedule: Schedule, train: Sample, validation: Sample, seed: int) -> Callable[[Sample], Array]:
    encoding: Encoding = fit_encoding(train)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return train_network(build(), lambda s: (encoding.cells(s), encoding.condition(s)), train, validation, schedule, seed)
