"""Energy fractions: how much of the incoming energy is seen, and how it is shared out, restored exactly on the way back."""

from __future__ import annotations

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError


class EnergyFractions(Transform):
    """Cells [n, ...] -> [n, 1 + cells]: total over incident energy (alone, where `energy_column` is None), then each cell's share of the total.

    An empty event has shares of zero. The inverse normalises the shares, so that the total is what the first number says.
    """

    def __init__(self, shape: tuple[int, ...], energy_column: int | None = 0) -> None:
        super().__init__()
        self.shape, self.energy_column = shape, energy_column

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (1 + torch.Size(shape).numel(),)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        cells = x.flatten(1)
        total = cells.sum(1, keepdim=True)
        return torch.cat([total / _energy(condition, self.energy_column), _share(cells, total)], dim=1)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        total, cells = y[:, :1].clamp_min(0) * _energy(condition, self.energy_column), y[:, 1:].clamp_min(0)
        return (cells * _share(total, cells.sum(1, keepdim=True))).reshape(-1, *self.shape)


class LayerFractions(Transform):
    """Cells [n, ...] -> [n, layers + cells]: total over incident energy, the share of each layer in what earlier layers left, cell shares.

    `layer_sizes` are the numbers of cells of each layer. The shares u_i = E_i / (E_i + ... + E_last) lie in [0, 1] and are independent
    coordinates of the layer energies. Source: Krause and Shih, CaloFlow (2021), arXiv:2106.05285 (section 3).
    """

    def __init__(self, shape: tuple[int, ...], layer_sizes: list[int], energy_column: int | None = 0) -> None:
        super().__init__()
        if sum(layer_sizes) != torch.Size(shape).numel():
            raise FacsimError("the layers do not add up to the response", expected=torch.Size(shape).numel(), got=sum(layer_sizes))
        self.shape, self.layer_sizes, self.energy_column = shape, list(layer_sizes), energy_column
        self.register_buffer("layer", torch.repeat_interleave(torch.arange(len(layer_sizes)), torch.tensor(layer_sizes)), persistent=False)
        self.layer: Tensor

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (len(self.layer_sizes) + sum(self.layer_sizes),)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        cells = x.flatten(1)
        energies = self._layer_sums(cells)
        left = energies.flip(1).cumsum(1).flip(1)  # what this layer and those behind it hold
        total = left[:, :1] / _energy(condition, self.energy_column)
        return torch.cat([total, _share(energies, left)[:, :-1], _share(cells, energies[:, self.layer])], dim=1)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        n_layers = len(self.layer_sizes)
        response, shares, cells = y[:, :1].clamp_min(0), y[:, 1:n_layers].clamp(0, 1), y[:, n_layers:].clamp_min(0)
        left = response * _energy(condition, self.energy_column) * torch.cumprod(torch.cat([torch.ones_like(response), 1 - shares], dim=1), dim=1)
        energies = left * torch.cat([shares, torch.ones_like(response)], dim=1)
        return (cells * _share(energies, self._layer_sums(cells))[:, self.layer]).reshape(-1, *self.shape)

    def _layer_sums(self, cells: Tensor) -> Tensor:
        return cells.new_zeros(cells.shape[0], len(self.layer_sizes)).index_add_(1, self.layer, cells)


def _energy(condition: Tensor, column: int | None) -> Tensor:
    return condition.new_ones(condition.shape[0], 1) if column is None else condition[:, column : column + 1]


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 where the whole is 0."""
    return torch.where(whole > 0, part / torch.where(whole > 0, whole, 1.0), 0.0)
