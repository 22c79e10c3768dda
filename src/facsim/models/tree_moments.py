"""What a block of the tree is told of the moments that its event shall have: where its energy lies on average, and how far it spreads."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from facsim.models.tree_levels import Blocks, Level, halves, pyramid
from facsim.models.tree_turns import SPAN, sum_before, sum_over

UNIT = 4.0  # cells: coordinates in it and their products are of order one
LEAST = 1e-6  # of the energy of an average event, shared out evenly: blocks that are always empty have a middle too
NEAR_FIRST, NEAR_SECOND = 0.05 / UNIT, 0.2 / UNIT**2  # differences of moments from which on a smaller one tells nothing


class Places(NamedTuple):
    """The moments of a unit of energy in each block of a level, in its first half and in its second; each [blocks, moments]."""

    own: Tensor
    first: Tensor
    second: Tensor


class Wanted(NamedTuple):
    """What the blocks of a level need in order to reach the `moments` wanted [n, moments]; `places` are those of the grid across `axes`."""

    axes: tuple[int, ...]
    places: Places
    moments: Tensor


def moments_of(axes: int) -> int:
    """How many first and second moments there are."""
    return axes + axes * (axes + 1) // 2


def cell_moments(shape: Sequence[int]) -> Tensor:
    """Coordinates of each cell from the detector's middle, then their products in pairs, [moments, *shape].

    Examples:
        >>> cell_moments((3,)).tolist()
        [[-0.25, 0.0, 0.25], [0.0625, 0.0, 0.0625]]
    """
    axes = torch.meshgrid(*((torch.arange(size) - (size - 1) / 2) / UNIT for size in shape), indexing="ij")
    return torch.stack([*axes, *(a * b for a, b in itertools.combinations_with_replacement(axes, 2))])


def places_of(profile: Tensor, levels: Sequence[Level], axes: Sequence[int]) -> list[Places]:
    """Those of all levels, from the energies of an average event summed along all other axes than these, [cells across them]."""
    across = [Level(tuple(level.shape[a] for a in axes), axes.index(level.axis)) for level in levels if level.axis in axes]
    energy = profile + LEAST * profile.sum() / profile.numel()
    grids = pyramid(torch.cat([energy[None], energy * cell_moments(profile.shape)]), across)
    tables = [grid[1:] / grid[:1].clamp_min(1e-30) for grid in grids]
    rows = [table.flatten(1).T for table in tables]
    cut = [
        Places(own, *(half.flatten(1).T for half in halves(finer, level))) for own, finer, level in zip(rows[:-1], tables[1:], across, strict=True)
    ]
    return [*cut, *[Places(*[rows[-1]] * 3)] * (len(levels) - len(cut))]


def missing_moments(blocks: Blocks, share: Tensor, turn: Tensor, level: Level, wanted: Wanted) -> Tensor:
    """What a block is told of the moments that its event shall have, [blocks, moments + 2]:

    what is missing of each when all is cut that comes before, energies not yet cut taken to lie as in an average event; the share of the block's
    first half (less one half) at which least would be missing, and how much depends on it. `share` [blocks] of all blocks is less one half, too.
    """
    flat = blocks._replace(place=blocks.place[:, list(wanted.axes)]).flat([level.shape[axis] for axis in wanted.axes])
    part = (blocks.energy / sum_over(blocks.energy, blocks.event))[:, None]
    first_moments = len(wanted.axes)
    near = part.new_tensor([NEAR_FIRST] * first_moments + [NEAR_SECOND] * (wanted.moments.shape[1] - first_moments))
    own, first, second = (part * table[flat] / near for table in wanted.places)
    lever, halved = first - second, (first + second) / 2 - own
    missing = (wanted.moments / near)[blocks.event] - sum_over(own, blocks.event) - sum_before(halved + share[:, None] * lever, blocks.event, turn)
    power = lever.square().sum(1, keepdim=True)
    best = ((missing - halved) * lever).sum(1, keepdim=True) / (power + 1e-6)
    return torch.cat([torch.asinh(missing) / SPAN, torch.tanh(best), torch.log1p(power) / SPAN], dim=1)
