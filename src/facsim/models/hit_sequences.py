"""Sparse events as sequences of hits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from facsim.core.errors import FacsimError
from facsim.core.table import look_up


class HitSequences(NamedTuple):
    """Hits of n events, padded to the longest: cell [n, length] (0 in the padding), log_energy [n, length] (0 there), size [n], how many."""

    cell: Tensor
    log_energy: Tensor
    size: Tensor

    @property
    def there(self) -> Tensor:
        """Which places hold a hit, [n, length]."""
        return torch.arange(self.cell.shape[1], device=self.cell.device) < self.size[:, None]

    def of(self, rows: Tensor) -> HitSequences:
        """These events, padded no longer than they need."""
        size = self.size[rows]
        length = int(size.max())
        return HitSequences(self.cell[rows, :length], self.log_energy[rows, :length], size)


def by_energy(cells: Tensor, length: int) -> Tensor:
    """Indices of the `length` largest cells, the largest first."""
    return cells.topk(length, dim=1).indices


def by_cell(cells: Tensor, length: int) -> Tensor:
    """Indices of the first `length` hits in the order of cells."""
    index = torch.arange(cells.shape[1], device=cells.device)
    return torch.where(cells > 0, index, cells.shape[1]).topk(length, dim=1, largest=False).indices


ORDERS: dict[str, Callable[[Tensor, int], Tensor]] = {"energy": by_energy, "cell": by_cell}


def hit_sequences(cells: Tensor, order: str, most: int) -> HitSequences:
    """The hits of events [n, cells] >= 0 in an order of ORDERS.

    Raises:
        FacsimError: if an energy is negative, or an event has more than `most` hits.

    Examples:
        >>> hits = hit_sequences(torch.tensor([[0.0, 1.0, 0.0, 8.0]]), "energy", 4)
        >>> hits.cell.tolist(), hits.log_energy.exp().round().tolist(), hits.size.tolist()
        ([[3, 1]], [[8.0, 1.0]], [2])
    """
    if cells.numel() and bool(cells.amin() < 0):
        raise FacsimError("hits cannot have negative energies", expected="cells >= 0", got=f"{cells.min():g}", remedy="choose another model")
    size = (cells > 0).sum(1)
    length = int(size.max()) if len(size) else 0
    if length > most:
        raise FacsimError("an event has more hits than the model can hold", expected=f"at most {most}", got=length, remedy=f"set max_hits={length}")
    index = look_up(ORDERS, order, "order of hits")(cells, length)
    energy = cells.gather(1, index)
    return HitSequences(torch.where(energy > 0, index, 0), torch.where(energy > 0, energy, 1.0).log(), size)
