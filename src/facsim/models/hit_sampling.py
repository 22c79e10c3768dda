"""Sampling of hits one after the other, for many events at once."""

from __future__ import annotations

import torch
from torch import Tensor

from facsim.models.hit_network import HitNetwork
from facsim.objectives.mixture import mixture_draw

BLOCK = 250  # events that go side by side: their cache fits the processor's
FULL = 0.75  # where fewer than this share of the rows still go on, the others are dropped


@torch.no_grad()
def sample_hits(network: HitNetwork, order: str, condition: Tensor, noise: Tensor) -> Tensor:
    """Responses [n, cells] from uniform noise [n, most hits, 3], consumed in order: cell, component of the energy, energy."""
    response, table = noise.new_zeros(len(noise), network.cells), network.table()
    for start in range(0, len(noise), BLOCK):
        block = slice(start, start + BLOCK)
        _fill(response[block], _Going(network, table, order, condition[block], noise[block]))
    return response


def _fill(response: Tensor, going: _Going) -> None:
    """Hit after hit until all events have stopped."""
    for step in range(going.noise.shape[1]):
        cell = going.draw_cells(step)
        hit = going.hit
        if not bool(hit.any()):
            return
        energy = going.draw_energies(step, cell)
        response[going.rows[hit], cell[hit]] = energy[hit]
        going.drop_stopped()


class _Going:
    """The events that still go on, and what they need for their next hit; one buffer of logits serves all steps."""

    def __init__(self, network: HitNetwork, table: Tensor, order: str, condition: Tensor, noise: Tensor) -> None:
        n, device = len(noise), noise.device
        self.network, self.table, self.falling, self.noise = network, table, order == "energy", noise
        self.rows, self.context = torch.arange(n, device=device), network.context(condition)
        self.cache = network.transformer.new_cache(n)
        self.closed = noise.new_zeros(n, network.cells + 1)  # -inf where a cell may not be hit
        self.buffer, self.index = torch.empty_like(self.closed), torch.arange(network.cells + 1, device=device)
        self.bound, self.total = noise.new_full((n,), network.ceiling), noise.new_zeros(n)
        self.hit = torch.ones(n, dtype=torch.bool, device=device)
        self.token = network.start.expand(n, -1)

    def draw_cells(self, step: int) -> Tensor:
        """The next cell of each event; sets which events are hit at all."""
        self.state = self.network.transformer.step(self.token + self.network.position[step] + self.context, self.cache)
        p = self.network.logits(self.state, self.table, out=self.buffer[: len(self.rows)]).add_(self.closed)
        levels = p.sub_(p.amax(1, keepdim=True)).exp_().cumsum_(1)
        cell = torch.searchsorted(levels, self.noise[self.rows, step, :1] * levels[:, -1:], right=True).squeeze(1).clamp_max(self.network.cells)
        self.hit = self.hit & (cell < self.network.cells)
        return cell

    def draw_energies(self, step: int, cell: Tensor) -> Tensor:
        """Energies of the hits in these cells, told to the network with the next step."""
        embedded, u = self.table[cell], self.noise[self.rows, step]
        log_energy = mixture_draw(self.network.mixture(self.state, embedded), self.bound, u[:, 1], u[:, 2])
        energy = log_energy.exp()
        self.total = self.total + energy
        self.token = self.network.hit_token(embedded, log_energy, self.total)
        self._close(cell)
        if self.falling:
            self.bound = log_energy
        return energy

    def _close(self, cell: Tensor) -> None:
        """Forbid cells that cannot be hit again; the stop never."""
        if self.falling:
            self.closed.scatter_(1, cell[:, None], -torch.inf)
        else:
            self.closed.masked_fill_(self.index <= cell[:, None], -torch.inf)
        self.closed[:, -1] = 0

    def drop_stopped(self) -> None:
        """Forget events that have stopped, once they are enough to be worth the copy."""
        if int(self.hit.sum()) >= FULL * len(self.hit):
            return
        keep = self.hit.nonzero().squeeze(1)
        self.cache.keep(keep)
        for name in ("rows", "context", "closed", "bound", "total", "hit", "token"):
            setattr(self, name, getattr(self, name)[keep])
