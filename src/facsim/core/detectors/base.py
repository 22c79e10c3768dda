"""What every detector knows of itself: the shape of a response, where its cells are, how to draw it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core.errors import FacsimError

Array = NDArray[Any]


class Detector(ABC):
    """A frozen description of a readout. Cells are numbered in C order of `shape`; positions are in mm.

    Subclasses are frozen dataclasses, so they compare by value and become plain dictionaries.
    """

    signed: bool = False  # whether a cell may hold a negative value

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one event's response."""

    @property
    @abstractmethod
    def centres(self) -> Array:
        """Cell centres (x, y, z) in mm, float64 [cells, 3]."""

    @property
    @abstractmethod
    def areas(self) -> Array:
        """Transverse area of each cell in mm2, float64 [cells]."""

    @property
    @abstractmethod
    def layers(self) -> Array:
        """Layer number of each cell, int64 [cells], from 0 without gaps."""

    @abstractmethod
    def image(self, response: Array) -> Array:
        """One event's response (any shape of n_cells numbers) as a picture [rows, columns]: y grows with the row, x with the column."""

    @cached_property
    def n_cells(self) -> int:
        """Number of cells (numbers in one event)."""
        return math.prod(self.shape)

    @cached_property
    def n_layers(self) -> int:
        """Number of layers."""
        return int(self.layers.max()) + 1

    @cached_property
    def layer_starts(self) -> Array:
        """Index of each layer's first cell: cells of a layer are contiguous, so `np.add.reduceat` sums over layers."""
        return np.searchsorted(self.layers, np.arange(self.n_layers))


def require(condition: bool, what: str, expected: object, got: object) -> None:
    """Raise a FacsimError unless the condition holds."""
    if not condition:
        raise FacsimError(what, expected=expected, got=got)


def stack_shape(grids: list[tuple[int, int]]) -> tuple[int, ...]:
    """Shape of a response in layers of these grids: [layers, *grid] if all are alike, else flat.

    Examples:
        >>> stack_shape([(4, 4), (4, 4)]), stack_shape([(4, 4), (2, 2)])
        ((2, 4, 4), (20,))
    """
    return (len(grids), *grids[0]) if len(set(grids)) == 1 else (sum(math.prod(grid) for grid in grids),)


def grid_centres(rows: int, columns: int, cell: tuple[float, float]) -> tuple[Array, Array]:
    """The x and y in mm, each [rows, columns], of a grid of cells (size y, x) centred on the origin."""
    y = (np.arange(rows) - (rows - 1) / 2) * cell[0]
    x = (np.arange(columns) - (columns - 1) / 2) * cell[1]
    return np.broadcast_to(x, (rows, columns)), np.broadcast_to(y[:, None], (rows, columns))
