"""Energies that recur exactly: binding energies, annihilation photons, whatever a detector absorbs whole."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

SAME = 1e-4  # difference of logarithms below which energies are one: less than two roundings to 11 bits are apart
STEPS = 100  # of SAME, in which the continuum is taken as level
NEIGHBOURS = 20  # such bins on either side whose median is the continuum
CONTRAST = 10.0  # how often a line is found for once that an energy of the continuum is
ENOUGH = 4_000_000  # energies to find lines in; of more, every second, third ...
SHARE, LEAST = 3e-4, 20  # of all energies, and of them at all, that a line must hold


def spectral_lines(energy: Tensor, most: int) -> Tensor:
    """Logarithms of the energies of the strongest lines among energies > 0, infinite where there are fewer than `most`: [most].

    Examples:
        >>> flat = torch.linspace(0.1, 2, 5000)
        >>> spectral_lines(torch.cat([flat, torch.full((300,), 0.511)]), 2).exp()
        tensor([0.5110,    inf])
    """
    lines = torch.full((most,), torch.inf)
    if not most or not energy.numel():
        return lines
    log_energy = energy[:: max(1, len(energy) // ENOUGH)].double().log()
    value, which, count = (log_energy / SAME).round().long().unique(return_inverse=True, return_counts=True)  # type: ignore[no-untyped-call]
    excess = count - continuum(value, count)
    excess[(count < CONTRAST * (count - excess)) | (count < max(SHARE * len(log_energy), LEAST))] = 0.0
    for i, strongest in enumerate(excess.argsort(descending=True)[:most].tolist()):
        if excess[strongest] > 0:
            lines[i] = log_energy[which == strongest].median()
    return lines


def continuum(value: Tensor, count: Tensor) -> Tensor:
    """How often an energy near each value [values] is found, lines left out: energies in a bin by values in it, the median of neighbouring bins."""
    bins = torch.div(value, STEPS, rounding_mode="floor")
    bins -= bins.min()
    values = bins.bincount()
    typical = torch.zeros(len(values), dtype=torch.double).index_add(0, bins, count.double()) / values.clamp_min(1)
    return pad(typical, (NEIGHBOURS, NEIGHBOURS)).unfold(0, 2 * NEIGHBOURS + 1, 1).median(1).values[bins]
