"""What a block of the tree is told of the moments and layers that its event shall have, in the light of an average event that has them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from facsim.models.tree_levels import Blocks, Level, halves, pyramid
from facsim.models.tree_turns import SPAN, sum_before, sum_over

UNIT = 4.0  # cells: coordinates in it and their products are of order one
LEAST = 1e-6  # of the energy of an average event, shared out evenly: blocks that are always empty have a middle too
NEAR_FIRST, NEAR_SECOND = 0.05 / UNIT, 0.2 / UNIT**2  # differences of moments from which on a smaller one tells nothing
OF_LAYERS = 3  # numbers that a block is told of the layers
EXTREME = 1e-3  # shares below this, and above one less this, look alike


class Places(NamedTuple):
    """The moments of a unit of energy in each block of a level, in its first half and in its second; each [n blocks, moments], events in turn."""

    own: Tensor
    first: Tensor
    second: Tensor


class WantedMoments(NamedTuple):
    """What the blocks of a level need in order to reach the `moments` wanted [n, moments]; `places` are those of the grid across `axes`."""

    axes: tuple[int, ...]
    places: Places
    moments: Tensor

    def missing(self, blocks: Blocks, share: Tensor, turn: Tensor, level: Level) -> Tensor:
        """What a block is told of the moments that its event shall have, [blocks, moments + 2]:

        what is missing of each when all is cut that comes before, energies not yet cut taken to lie as in the average event; the share of the block's
        first half (its log-odds) at which least would be missing, and how much depends on it. `share` [blocks] of all blocks is less one half, too.
        """
        shape = [level.shape[axis] for axis in self.axes]
        flat = blocks.event * math.prod(shape) + blocks._replace(place=blocks.place[:, list(self.axes)]).flat(shape)
        part = (blocks.energy / sum_over(blocks.energy, blocks.event))[:, None]
        first_moments = len(self.axes)
        near = part.new_tensor([NEAR_FIRST] * first_moments + [NEAR_SECOND] * (self.moments.shape[1] - first_moments))
        own, first, second = (part * table[flat] / near for table in self.places)
        lever, halved = first - second, (first + second) / 2 - own
        missing = (self.moments / near)[blocks.event] - sum_over(own, blocks.event) - sum_before(halved + share[:, None] * lever, blocks.event, turn)
        power = lever.square().sum(1, keepdim=True)
        best = ((missing - halved) * lever).sum(1, keepdim=True) / (power + 1e-6)
        return torch.cat([torch.asinh(missing), torch.logit(best + 0.5, EXTREME) / SPAN, torch.log1p(power) / SPAN], dim=1)


class WantedLayers(NamedTuple):
    """The `energies` wanted in the slabs that a level makes of those it cuts along its axis, [n, slabs after the cut]."""

    energies: Tensor

    def missing(self, blocks: Blocks, share: Tensor, turn: Tensor, level: Level) -> Tensor:
        """What a block is told of the slab it lies in, [blocks, 3], shares as their log-odds:

        the share wanted in the slab's first half, that which all blocks not cut before would have to have for it, and how much of these the block is.
        `share` [blocks] of all blocks is less one half.
        """
        slab = blocks.event * level.shape[level.axis] + blocks.place[:, level.axis]
        first, second = self.energies[:, 0::2], self.energies[:, 1::2]
        wanted = (first / (first + second).clamp_min(1e-30)).flatten()[slab]
        part = blocks.energy / sum_over(blocks.energy, slab)
        left = (1 - sum_before(part, slab, turn)).clamp_min(part)
        needed = (wanted - sum_before(part * (share + 0.5), slab, turn)) / left
        return torch.stack([torch.logit(wanted, EXTREME), torch.logit(needed, EXTREME), (part / left).log()], dim=1) / SPAN


Wanted = WantedMoments | WantedLayers


def moments_of(axes: int) -> int:
    """How many first and second moments there are."""
    return axes + axes * (axes + 1) // 2


def numbers_told(level: Level, axes: Sequence[int]) -> int:
    """How many numbers `missing` is, for moments across these axes."""
    return moments_of(len(axes)) + 2 if level.axis in axes else OF_LAYERS


def cell_moments(shape: Sequence[int]) -> Tensor:
    """Coordinates of each cell from the detector's middle, then their products in pairs, [moments, *shape].

    Examples:
        >>> cell_moments((3,)).tolist()
        [[-0.25, 0.0, 0.25], [0.0625, 0.0, 0.0625]]
    """
    axes = torch.meshgrid(*((torch.arange(size) - (size - 1) / 2) / UNIT for size in shape), indexing="ij")
    return torch.stack([*axes, *(a * b for a, b in itertools.combinations_with_replacement(axes, 2))])


def wanted_of(average: Tensor, moments: Tensor, levels: Sequence[Level], axes: Sequence[int]) -> list[Wanted]:
    """What is wanted on each level: moments [n, moments] across these axes, and layers along the others.

    `average` events [n, *cells] have both; the levels that cut across come first.
    """
    across = [Level(tuple(level.shape[a] for a in axes), axes.index(level.axis)) for level in levels if level.axis in axes]
    along = [axis for axis in range(average.ndim - 1) if axis not in axes]
    deep = [Level(tuple(level.shape[a] for a in along), along.index(level.axis)) for level in levels if level.axis in along]
    places = places_of(average.sum([1 + a for a in along]) if along else average, across)
    layers = pyramid(average.sum([1 + a for a in axes]), deep)[1:]
    return [*(WantedMoments(tuple(axes), here, moments) for here in places), *map(WantedLayers, layers)]


def places_of(average: Tensor, levels: Sequence[Level]) -> list[Places]:
    """Those of all levels, from the energies of average events [n, *cells]."""
    energy = average + LEAST * average.flatten(1).mean(1).view(-1, *[1] * (average.ndim - 1))
    moments = torch.cat([torch.ones(1, *average.shape[1:]), cell_moments(average.shape[1:])])
    grids = pyramid((energy[:, None] * moments).flatten(0, 1), levels)
    parts = [(grid, *halves(finer, level)) for grid, finer, level in zip(grids[:-1], grids[1:], levels, strict=True)]
    return [Places(*(_per_unit(grid, len(moments)) for grid in part)) for part in parts]


def _per_unit(grid: Tensor, parts: int) -> Tensor:
    """From [n parts, *grid], of each event the energy and then its moments, to [n blocks, moments]."""
    table = grid.reshape(len(grid) // parts, parts, math.prod(grid.shape[1:]))
    return (table[:, 1:] / table[:, :1].clamp_min(1e-30)).transpose(1, 2).flatten(0, 1)
