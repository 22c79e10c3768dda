"""A grid of cells as a tree: halved along one axis after the other until single cells are left."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad


class Level(NamedTuple):
    """One halving: every block of the grid `shape` is cut in two along `axis`."""

    shape: tuple[int, ...]
    axis: int

    @property
    def halved(self) -> tuple[int, ...]:
        """The grid of the halves."""
        return tuple(2 * size if axis == self.axis else size for axis, size in enumerate(self.shape))


def levels_of(shape: Sequence[int], last: int | None = None) -> tuple[Level, ...]:
    """The halvings that lead from one block to a grid of cells, whose axes are first made powers of two; the longest side is cut first.

    The axis `last` is cut when all others are cut down to cells.

    Examples:
        >>> [(level.shape, level.axis) for level in levels_of((2, 3))]
        [((1, 1), 1), ((1, 2), 0), ((2, 2), 1)]
        >>> [(level.shape, level.axis) for level in levels_of((2, 3), last=1)]
        [((1, 1), 0), ((2, 1), 1), ((2, 2), 1)]
    """
    full = [power_of_two(size) for size in shape]
    grid, levels = [1] * len(full), []
    while grid != full:
        open_axes = [a for a in range(len(full)) if full[a] > grid[a]]
        axis = max(open_axes, key=lambda a: (a != last, full[a] // grid[a]))
        levels.append(Level(tuple(grid), axis))
        grid[axis] *= 2
    return tuple(levels)


def power_of_two(size: int) -> int:
    """The least power of two that is no smaller."""
    return 1 << (size - 1).bit_length()


def pyramid(cells: Tensor, levels: Sequence[Level]) -> list[Tensor]:
    """Energies of the blocks [n, *level.shape] at every level, the cells [n, *shape] themselves last, with empty cells behind each axis."""
    full = levels[-1].halved if levels else tuple(cells.shape[1:])
    grids = [pad(cells, [width for size, most in reversed(list(zip(cells.shape[1:], full, strict=True))) for width in (0, most - size)])]
    for level in reversed(levels):
        first, second = halves(grids[-1], level)
        grids.append(first + second)
    return grids[::-1]


def halves(grid: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """First and second halves of all blocks, each [n, *level.shape], of a grid [n, *level.halved]."""
    before = (slice(None),) * (level.axis + 1)
    return grid[(*before, slice(0, None, 2))], grid[(*before, slice(1, None, 2))]


def ball(axes: int, reach: float) -> list[tuple[int, ...]]:
    """Steps on a grid that are no longer than `reach`, the empty one first.

    Examples:
        >>> ball(2, 1)
        [(0, 0), (-1, 0), (0, -1), (0, 1), (1, 0)]
    """
    steps = itertools.product(range(-int(reach), int(reach) + 1), repeat=axes)
    return sorted((s for s in steps if math.hypot(*s) <= reach), key=lambda s: (any(s), s))


class Window:
    """Reads the surroundings of blocks from a grid [n, *shape]; beyond its edges there is nothing."""

    def __init__(self, shape: Sequence[int], steps: Sequence[tuple[int, ...]]) -> None:
        self.margin = max((abs(x) for step in steps for x in step), default=0)
        strides = _strides([size + 2 * self.margin for size in shape])
        self.strides = torch.tensor(strides[1:])
        self.event_stride = strides[0]
        self.deltas = torch.tensor(steps) @ self.strides

    def widen(self, grid: Tensor) -> Tensor:
        """The grid with a margin of zeros."""
        return pad(grid, [self.margin] * (2 * (grid.ndim - 1)))

    def places(self, event: Tensor, index: Tensor) -> Tensor:
        """Where the surroundings of blocks lie in the widened grid: [blocks, steps], for blocks at `index` [blocks, axes] of the events."""
        home = event * self.event_stride + ((index + self.margin) * self.strides).sum(1)
        return home[:, None] + self.deltas


class Blocks(NamedTuple):
    """Blocks that have energy: their events [blocks], places on the grid [blocks, axes] and energies [blocks]."""

    event: Tensor
    place: Tensor
    energy: Tensor

    @property
    def everywhere(self) -> tuple[Tensor, ...]:
        """Their places on a grid [n, *shape], to index it with."""
        return self.event, *self.place.unbind(1)

    @classmethod
    def of(cls, grid: Tensor) -> Blocks:
        """Those of a grid [n, *shape]."""
        event, *index = grid.nonzero(as_tuple=True)
        return cls(event, torch.stack(index, dim=1), grid[(event, *index)])

    def where(self, chosen: Tensor) -> Blocks:
        """Some of the blocks."""
        return Blocks(*(part[chosen] for part in self))

    def flat(self, shape: Sequence[int]) -> Tensor:
        """Their numbers on a grid of this shape, row by row."""
        number = torch.zeros_like(self.event)
        for size, index in zip(shape, self.place.unbind(1), strict=True):
            number = number * size + index
        return number


def _strides(shape: Sequence[int]) -> list[int]:
    """How many numbers one event, then one step along each axis, takes in memory."""
    return [math.prod(shape[i:]) for i in range(len(shape) + 1)]
