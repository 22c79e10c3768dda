"""In which turn the blocks of one level are cut, and what a block is told of the whole event and of the cuts before its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.models.tree_levels import Blocks, Level, power_of_two

SPAN = 4.0  # of logarithms of energies, to bring them to order one
NEAR = 0.05  # cells: a centre of energy this far from the middle is told apart from one in it


def in_turn(blocks: Blocks, colour: Tensor, hottest: int) -> Tensor:
    """The turn of each block: the `hottest` of every event one after the other, then all others by their colour."""
    rank = rank_in_event(blocks)
    return torch.where(rank < hottest, rank, hottest + colour)


def rank_in_event(blocks: Blocks) -> Tensor:
    """How many blocks of the same event have more energy, [blocks]; the blocks in the order of events."""
    by_energy = blocks.energy.argsort(descending=True, stable=True)
    order = by_energy[blocks.event[by_energy].argsort(stable=True)]
    rank = torch.empty_like(blocks.event)
    rank[order] = torch.arange(len(order)) - torch.searchsorted(blocks.event, blocks.event)
    return rank


def whole_event(blocks: Blocks, share: Tensor, turn: Tensor, level: Level, cells: Sequence[int]) -> Tensor:
    """What a block is told of its event, [blocks, axes + 4], from the `share` of all blocks, less one half, of which those of earlier turns count:

    the centre of energy along each axis from the detector's middle; the share at which it would lie there; the block's part of the energy; and of the
    slab it lies in, across the axis of the cut, the share of what is cut already, and how much that is.
    """
    part, axis = blocks.energy / sum_over(blocks.energy, blocks.event), level.axis
    sides = torch.tensor([power_of_two(most) / size for most, size in zip(cells, level.shape, strict=True)])
    middle = (blocks.place + 0.5) * sides - torch.tensor(cells) / 2
    centre = torch.stack([sum_over(part * x, blocks.event) for x in middle.unbind(1)], dim=1)
    lever = sides[axis] / 2
    centre[:, axis] -= lever * sum_before(part * share, blocks.event, turn)
    slab = blocks.event * level.shape[axis] + blocks.place[:, axis]
    cut, moved = (sum_before(x, slab, turn) for x in (part, part * share))
    told = [
        torch.tanh(centre[:, axis] / (lever * part)),
        part.log() / SPAN,
        torch.where(cut > 0, moved / cut, 0.0),
        cut / sum_over(part, slab),
    ]
    return torch.cat([torch.asinh(centre / NEAR) / SPAN, torch.stack(told, dim=1)], dim=1)


def _groups(group: Tensor) -> int:
    return int(group.max()) + 1 if len(group) else 0


def sum_over(values: Tensor, group: Tensor) -> Tensor:
    """The sum over each one's group, [blocks, ...]."""
    return values.new_zeros(_groups(group), *values.shape[1:]).index_add(0, group, values)[group]


def sum_before(values: Tensor, group: Tensor, turn: Tensor) -> Tensor:
    """The sum over those of each one's group whose turn is earlier, [blocks, ...]."""
    table = values.new_zeros(_groups(group), _groups(turn), *values.shape[1:]).index_put((group, turn), values, accumulate=True)
    return (table.cumsum(1) - table)[group, turn]
