"""A grid of equal cells, in two or three dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from facsim.core.detectors.base import Array, Detector, grid_centres, require


@dataclass(frozen=True)
class RegularGrid(Detector):
    """Equal cells: `cells` is (y, x) or (z, y, x) with `size` in mm along the same axes.

    The grid is centred on the beam axis; z starts at 0 on the front face and its index is the layer.

    Examples:
        >>> RegularGrid((32, 32), (6.25, 6.25)).n_cells
        1024
    """

    cells: tuple[int, ...]
    size: tuple[float, ...]
    signed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", tuple(int(n) for n in self.cells))
        object.__setattr__(self, "size", tuple(float(s) for s in self.size))
        require(len(self.cells) in (2, 3), "a regular grid has the wrong number of axes", "2 (y, x) or 3 (z, y, x)", len(self.cells))
        require(len(self.size) == len(self.cells), "cell sizes do not match the axes", f"{len(self.cells)} sizes", len(self.size))
        require(min(self.cells) > 0, "a regular grid has an empty axis", "positive numbers of cells", self.cells)
        require(min(self.size) > 0, "cell sizes must be positive", "millimetres > 0", self.size)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.cells

    @cached_property
    def centres(self) -> Array:
        x, y = grid_centres(self.cells[-2], self.cells[-1], (self.size[-2], self.size[-1]))
        z = (np.arange(self.cells[0]) + 0.5) * self.size[0] if len(self.cells) == 3 else np.zeros(1)
        planes = np.broadcast_arrays(x[None], y[None], z[:, None, None])
        return np.stack([p.ravel() for p in planes], axis=1).astype(np.float64)

    @cached_property
    def areas(self) -> Array:
        return np.full(self.n_cells, self.size[-1] * self.size[-2])

    @cached_property
    def layers(self) -> Array:
        return np.repeat(np.arange(self.cells[0] if len(self.cells) == 3 else 1), math.prod(self.cells[-2:]))

    def image(self, response: Array) -> Array:
        return np.asarray(response.reshape(-1, *self.cells[-2:]).sum(0))

    def coarsen(self, factor: int) -> RegularGrid:
        """The grid with `factor` x `factor` cells of the transverse plane merged into one."""
        *depth, rows, columns = self.cells
        divides = factor > 0 and rows % factor == columns % factor == 0
        require(divides, f"a grid of {rows} x {columns} cannot be coarsened by {factor}", "a divisor of both", factor)
        return RegularGrid((*depth, rows // factor, columns // factor), (*self.size[:-2], *(s * factor for s in self.size[-2:])), self.signed)
