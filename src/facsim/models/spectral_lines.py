"""Energies that recur exactly: binding energies, annihilation photons, whatever a detector absorbs whole."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

BIN = 0.01  # of the logarithm of energy
NEIGHBOURS = 20  # bins on either side whose median is the continuum
SHARE = 1e-3  # of all energies that a line must hold
CONTRAST = 3.0  # how far a line must stand out of the continuum


def spectral_lines(energy: Tensor, most: int) -> Tensor:
    """Logarithms of the energies of the strongest lines among energies > 0, infinite where there are fewer than `most`: [most].

    Examples:
        >>> flat = torch.linspace(0.1, 2, 5000)
        >>> spectral_lines(torch.cat([flat, torch.full((300,), 0.511)]), 2).exp()
        tensor([0.5110,    inf])
    """
    lines = torch.full((most,), torch.inf)
    if not energy.numel():
        return lines
    log_energy = energy.double().log()
    bins = ((log_energy - log_energy.min()) / BIN).long()
    count = bins.bincount().to(torch.double)
    continuum = pad(count, (NEIGHBOURS, NEIGHBOURS)).unfold(0, 2 * NEIGHBOURS + 1, 1).median(1).values
    excess = torch.where(count > CONTRAST * continuum, count - continuum, 0.0)
    strongest = [b for b in excess.argsort(descending=True)[:most].tolist() if excess[b] > SHARE * len(energy)]
    for i, b in enumerate(strongest):
        lines[i] = log_energy[bins == b].median()
    return lines
