"""A calorimeter wall with small cells inside, large cells outside and a hole for the beam, as the hadronic calorimeter of LHCb has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from facsim.core.detectors.base import Array, Detector, grid_centres, require

Size = tuple[int, int]


@dataclass(frozen=True)
class SplitGranularity(Detector):
    """Cells of two sizes as one flat response: first the inner ones, row by row, then the outer ones, which are twice as wide and high.

    All sizes are (y, x) in pixels, a pixel being an inner cell of `pixel` mm; each region lies in the middle of the one around it: the hole for
    the beam in the inner part, this in the whole face. The face is `distance` mm from the interaction point.

    Cells hold transverse energy: their energy times the sine of their centre's angle to the beam. No cell tells more than `saturation` MeV of it, one
    number for all of them, which in terms of energy means a limit that depends on the place (as gains that follow the angle make it).

    As an image of the face every outer cell becomes four pixels, each with a quarter of its energy.

    Source: the printed numbers of the LHCb HCAL: 880 inner cells of 131 mm and 608 outer ones of 262 mm at 13.33 m, 6.12 GeV.

    Examples:
        >>> hcal = SplitGranularity()
        >>> hcal.shape, hcal.inner_cells, hcal.pixels
        ((1488,), 880, (52, 64))
    """

    pixels: Size = (52, 64)
    inner: Size = (28, 32)
    hole: Size = (4, 4)
    pixel: float = 131.0
    distance: float = 13330.0
    saturation: float = 6120.0
    signed: bool = False

    def __post_init__(self) -> None:
        for name in ("pixels", "inner", "hole"):
            object.__setattr__(self, name, tuple(int(n) for n in getattr(self, name)))
        require(min(self.pixel, self.distance, self.saturation) > 0, "a split calorimeter has no size", "numbers > 0", self)
        for whole, middle, most in zip(self.pixels, self.inner, self.hole, strict=True):
            nested = 0 <= most < middle < whole and whole % 2 == (whole - middle) // 2 % 2 == (middle - most) % 2 == (whole - middle) % 2 == 0
            require(nested, "the parts of a split calorimeter do not fit", "hole < inner < whole, with whole outer cells between", self)

    @property
    def shape(self) -> tuple[int, ...]:
        outer = (self.pixels[0] * self.pixels[1] - self.inner[0] * self.inner[1]) // 4
        return (self.inner_cells + outer,)

    @property
    def inner_cells(self) -> int:
        """How many small cells there are; they come first."""
        return self.inner[0] * self.inner[1] - self.hole[0] * self.hole[1]

    @cached_property
    def centres(self) -> Array:
        x, y = grid_centres(*self.pixels, (self.pixel, self.pixel))
        sums = [np.bincount(self.cell_of_pixel.ravel() + 1, weights=values.ravel())[1:] for values in (x, y)]
        return np.column_stack([*(s / self._pixels_of_cell for s in sums), np.full(self.n_cells, self.distance)])

    @cached_property
    def areas(self) -> Array:
        return self.pixel**2 * self._pixels_of_cell.astype(np.float64)

    @cached_property
    def layers(self) -> Array:
        return np.zeros(self.n_cells, dtype=np.int64)

    def image(self, response: Array) -> Array:
        return as_image(self, response.reshape(-1))

    @cached_property
    def cell_of_pixel(self) -> Array:
        """The cell that each pixel of the face belongs to, int64 [rows, columns]; -1 in the hole."""
        number = np.full(self.pixels, -1)
        middle, hole = _middle(self.pixels, self.inner), _middle(self.pixels, self.hole)
        rows, columns = (n // 2 for n in self.pixels)
        outer = np.ones((rows, columns), dtype=bool)
        outer[tuple(slice(part.start // 2, part.stop // 2) for part in middle)] = False
        coarse = np.where(outer, self.inner_cells + np.cumsum(outer).reshape(outer.shape) - 1, -1)
        number[:] = coarse.repeat(2, axis=0).repeat(2, axis=1)
        inner = np.zeros(self.pixels, dtype=bool)
        inner[middle] = True
        inner[hole] = False
        number[inner] = np.arange(self.inner_cells)
        return number

    @cached_property
    def sine(self) -> Array:
        """Sine of the angle to the beam at the cells' centres, float64 [cells]: transverse energy over energy."""
        radius = np.hypot(*self.centres[:, :2].T)
        return np.asarray(radius / np.hypot(radius, self.distance))

    @cached_property
    def _pixels_of_cell(self) -> Array:
        """How many pixels each cell covers: 1 or 4."""
        return np.bincount(self.cell_of_pixel.ravel() + 1)[1:]


def as_image(wall: SplitGranularity, cells: Array, size: Size | None = None) -> Array:
    """Cells [..., cells] as images of the face [..., rows, columns], a quarter of an outer cell's energy in each of its pixels.

    `size` adds as many empty rows and columns on either side as lead to it: (56, 64) or (64, 64).
    """
    rows, columns = size or wall.pixels
    place = padded_cells(wall, (rows, columns))
    share = np.where(place < 0, 0.0, 1 / wall._pixels_of_cell[place]).astype(cells.dtype)
    return np.asarray(np.where(place >= 0, cells[..., place] * share, 0))


def from_image(wall: SplitGranularity, image: Array) -> Array:
    """Cells [..., cells] from images [..., rows, columns] of the face, padded or not: the sum of each cell's pixels.

    What lies in the hole or beyond the face is lost.
    """
    place = padded_cells(wall, image.shape[-2:]).ravel()
    kept = np.argsort(place, kind="stable")[np.count_nonzero(place < 0) :]
    starts = np.searchsorted(place[kept], np.arange(wall.n_cells))
    return np.add.reduceat(image.reshape(*image.shape[:-2], -1)[..., kept], starts, axis=-1)


def padded_cells(wall: SplitGranularity, size: Size) -> Array:
    """The cell of each pixel of an image of the face with empty rows and columns around it; -1 where there is none.

    Raises:
        FacsimError: if the face does not lie in the middle of such an image with whole outer cells around.
    """
    pads = [most - own for most, own in zip(size, wall.pixels, strict=True)]
    require(min(pads) >= 0 and all(pad % 2 == 0 for pad in pads), "an image does not hold the face", f"{wall.pixels} or more by even numbers", size)
    return np.pad(wall.cell_of_pixel, [(pad // 2, pad // 2) for pad in pads], constant_values=-1)


def part_grids(wall: SplitGranularity, cells: Array) -> tuple[Array, Array]:
    """The inner cells [..., rows, columns] and the outer ones on their own coarser grid; zero where a grid has no cell."""
    inner = wall.cell_of_pixel[_middle(wall.pixels, wall.inner)]
    outer = wall.cell_of_pixel[::2, ::2]
    own = outer >= wall.inner_cells
    return np.where(inner >= 0, cells[..., inner], 0), np.where(own, cells[..., outer], 0)


def saturate(wall: SplitGranularity, cells: Array) -> Array:
    """Transverse energies [..., cells] as they are read out: cut at the saturation."""
    return np.minimum(cells, wall.saturation)


def _middle(whole: Size, part: Size) -> tuple[slice, slice]:
    """Rows and columns of a part in the middle of the whole."""
    starts = [(most - own) // 2 for most, own in zip(whole, part, strict=True)]
    return slice(starts[0], starts[0] + part[0]), slice(starts[1], starts[1] + part[1])
