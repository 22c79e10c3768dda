"""Energies of boxes round the middle, one in the other, drawn before a tree is cut: what many cells must agree on is told to all of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facsim.models.tree_split import Split, seen_energy
from facsim.nets import mlp
from facsim.objectives.mixture import Mixture

PARTS = 16  # components of the density of each box's share


class Cores(nn.Module):
    """The largest box's share of the total energy, the next one's share of that, ..., each by a mixture density given all energies before."""

    def __init__(self, numbers: int, cores: int, width: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(mlp([numbers + 1 + i, width, width, 3 + 3 * PARTS], "silu") for i in range(cores))

    def log_prob(self, numbers: Tensor, energies: Tensor) -> Tensor:
        """Log probability [n] of energies [n, 1 + cores], the total first, given the numbers of the condition [n, k] and the total."""
        log_prob = energies.new_zeros(len(energies))
        for i in range(len(self.networks)):
            whole, core = energies[:, i], energies[:, i + 1]
            cut = self._split(i, numbers, energies[:, : i + 1]).log_prob(core, (whole - core).clamp_min(0))
            log_prob = log_prob + torch.where(whole > 0, cut, 0.0)
        return log_prob

    def draw(self, numbers: Tensor, total: Tensor, noise: Tensor) -> Tensor:
        """Energies [n, 1 + cores] from the total [n] and uniform noise [n, cores, 3]."""
        energies = total[:, None]
        for i in range(len(self.networks)):
            core, _ = self._split(i, numbers, energies).draw(energies[:, -1], noise[:, i])
            energies = torch.cat([energies, core[:, None]], dim=1)
        return energies

    def _split(self, number: int, numbers: Tensor, before: Tensor) -> Split:
        """How the energy of a box is cut in that of the next one and the rest, given the energies of all boxes before."""
        out = self.networks[number](torch.cat([numbers, seen_energy(before)], dim=1))
        outcomes, logit, mean, log_std = torch.split(out, [3, PARTS, PARTS, PARTS], dim=1)
        return Split(outcomes, Mixture(logit, mean + torch.linspace(-4, 4, PARTS, device=out.device), log_std.clamp(-7, 3)))


def core_energies(response: Tensor, cores: int) -> Tensor:
    """Energies [n, 1 + cores] of the whole response [n, *shape] and of boxes round its middle, 2^cores, ..., 4, 2 cells wide (odd grids: one less).

    Examples:
        >>> core_energies(torch.ones(1, 8, 8), 2)
        tensor([[64., 16.,  4.]])
        >>> core_energies(torch.ones(1, 5, 5), 2)
        tensor([[25.,  9.,  1.]])
    """
    boxes = [response[(slice(None), *(_middle(size, 1 << i) for size in response.shape[1:]))] for i in range(cores, 0, -1)]
    return torch.stack([box.flatten(1).sum(1) for box in (response, *boxes)], dim=1)


def _middle(size: int, width: int) -> slice:
    """As many cells in the middle of an axis, one less where it is odd, all of them where it is shorter."""
    margin = max(0, (size - width + size % 2) // 2)
    return slice(margin, size - margin)
