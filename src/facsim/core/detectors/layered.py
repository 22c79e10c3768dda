"""A stack of layers, each with a rectangular grid of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from facsim.core.detectors.base import Array, Detector, grid_centres, require, stack_shape


@dataclass(frozen=True)
class GridLayer:
    """One layer: `rows` x `columns` cells of `size` (y, x) in mm, centred on the axis at depth `z` in mm."""

    rows: int
    columns: int
    size: tuple[float, float]
    z: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(float(s) for s in self.size))
        require(min(self.rows, self.columns) > 0 and min(self.size) > 0, "a layer is empty", "positive numbers of cells and sizes", self)


@dataclass(frozen=True)
class LayeredGrid(Detector):
    """Layers of rectangular cells: response [layers, rows, columns] if all are alike, else flat, layer after layer.

    Examples:
        >>> fine, coarse = GridLayer(8, 8, (5.0, 5.0), 10.0), GridLayer(4, 4, (10.0, 10.0), 30.0)
        >>> LayeredGrid((fine, coarse)).shape
        (80,)
        >>> LayeredGrid((fine, fine)).shape
        (2, 8, 8)
    """

    stack: tuple[GridLayer, ...]
    signed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "stack", tuple(_layer(layer) for layer in self.stack))
        require(len(self.stack) > 0, "a layered grid has no layer", "one or more", 0)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return stack_shape([(layer.rows, layer.columns) for layer in self.stack])

    @cached_property
    def centres(self) -> Array:
        return np.concatenate([_centres(layer) for layer in self.stack])

    @cached_property
    def areas(self) -> Array:
        return np.repeat([layer.size[0] * layer.size[1] for layer in self.stack], self._sizes)

    @cached_property
    def layers(self) -> Array:
        return np.repeat(np.arange(len(self.stack)), self._sizes)

    def image(self, response: Array) -> Array:
        flat, start = response.reshape(-1), self.layer_starts
        finest = max(self.stack, key=lambda layer: layer.rows * layer.columns)
        picture = np.zeros((finest.rows, finest.columns))
        for layer, first, count in zip(self.stack, start, self._sizes, strict=True):
            picture += _onto(flat[first : first + count].reshape(layer.rows, layer.columns), layer, finest)
        return picture

    @cached_property
    def _sizes(self) -> list[int]:
        return [layer.rows * layer.columns for layer in self.stack]


def _layer(layer: GridLayer | dict[str, Any]) -> GridLayer:
    return layer if isinstance(layer, GridLayer) else GridLayer(**layer)


def _centres(layer: GridLayer) -> Array:
    x, y = grid_centres(layer.rows, layer.columns, layer.size)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, layer.z)], axis=1)


def _onto(energy: Array, layer: GridLayer, target: GridLayer) -> Array:
    """A layer's energy [rows, columns] as seen by the grid of another: each target cell takes its share by area of the cell below its centre."""
    x, y = grid_centres(target.rows, target.columns, target.size)
    column = np.floor(x / layer.size[1] + layer.columns / 2).astype(int)
    row = np.floor(y / layer.size[0] + layer.rows / 2).astype(int)
    inside = (row >= 0) & (row < layer.rows) & (column >= 0) & (column < layer.columns)
    share = (target.size[0] * target.size[1]) / (layer.size[0] * layer.size[1])
    return np.where(inside, energy[row.clip(0, layer.rows - 1), column.clip(0, layer.columns - 1)] * share, 0.0)
