"""The wall of two kinds of cells: counts, places, maps to images and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.core import FacsimError, SplitGranularity
from facsim.core.detectors import as_image, describe, from_description, from_image, padded_cells, part_grids, saturate

WALL = SplitGranularity()
SIZES = [(52, 64), (56, 64), (64, 64)]
SMALL = SplitGranularity(pixels=(8, 12), inner=(4, 8), hole=(2, 2), pixel=10.0, distance=1000.0)


def test_counts_are_the_printed_ones() -> None:
    assert (WALL.inner_cells, WALL.n_cells - WALL.inner_cells) == (880, 608)
    pixels = np.bincount(WALL.cell_of_pixel[WALL.cell_of_pixel >= 0])
    assert (pixels[:880] == 1).all()
    assert (pixels[880:] == 4).all()


def test_every_outer_cell_is_a_square_of_four_pixels() -> None:
    for cell in range(880, 1488):
        rows, columns = np.nonzero(WALL.cell_of_pixel == cell)
        assert (np.ptp(rows), np.ptp(columns), rows[0] % 2, columns[0] % 2) == (1, 1, 0, 0)


def test_inner_cells_lie_in_the_middle_and_none_in_the_hole() -> None:
    half = (np.abs(WALL.centres[:880, 1]).max() + 65.5, np.abs(WALL.centres[:880, 0]).max() + 65.5)
    assert half == pytest.approx((14 * 131, 16 * 131))
    assert (np.abs(WALL.centres[:, :2]).max(1) > 2 * 131).all()
    assert (np.abs(WALL.centres[880:, :2]) - 131 >= np.array([16, 14]) * 131 - 1e-6).any(1).all()
    assert WALL.areas.sum() == pytest.approx((52 * 64 - 16) * 131**2)


def test_first_and_last_cells() -> None:
    assert WALL.centres[0].tolist() == [-15.5 * 131, -13.5 * 131, 13330.0]
    assert WALL.centres[880].tolist() == [-31 * 131, -25 * 131, 13330.0]
    assert WALL.centres[-1].tolist() == [31 * 131, 25 * 131, 13330.0]


def test_sine_of_the_angle() -> None:
    x, y, z = WALL.centres[-1]
    assert WALL.sine[-1] == pytest.approx(np.sqrt(x**2 + y**2) / np.sqrt(x**2 + y**2 + z**2))


cells_of_events = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).gamma(0.1, 100.0, (3, 1488)))


@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=20, deadline=None)
@given(cells=cells_of_events)
def test_cells_to_image_and_back(cells: np.ndarray, size: tuple[int, int]) -> None:
    image = as_image(WALL, cells, size)
    assert image.shape == (3, *size)
    assert np.allclose(image.sum((1, 2)), cells.sum(1), rtol=1e-12)
    assert np.array_equal(from_image(WALL, image), cells)  # quarters are exact
    assert not image[:, padded_cells(WALL, size) < 0].any()


@pytest.mark.parametrize("size", SIZES)
def test_image_to_cells_keeps_what_falls_on_cells(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((2, *size))
    on_cells = image * (padded_cells(WALL, size) >= 0)
    assert from_image(WALL, image).sum(1) == pytest.approx(on_cells.sum((1, 2)))


def test_map_twin_pixel_by_pixel() -> None:
    cells = np.random.default_rng(1).random(SMALL.n_cells)
    slow = np.zeros(SMALL.pixels)
    for row in range(8):
        for column in range(12):
            x, y = (column - 5.5) * 10, (row - 3.5) * 10
            for cell, (cx, cy, _) in enumerate(SMALL.centres):
                half = 5.0 if cell < SMALL.inner_cells else 10.0
                if abs(x - cx) < half and abs(y - cy) < half:
                    slow[row, column] += cells[cell] * (5.0 / half) ** 2
    assert np.allclose(as_image(SMALL, cells), slow)
    assert not slow[3:5, 5:7].any()


def test_part_grids_hold_every_cell_once() -> None:
    cells = np.arange(1.0, 1489.0)[None]
    inner, outer = part_grids(WALL, cells)
    assert (inner.shape, outer.shape) == ((1, 28, 32), (1, 26, 32))
    assert sorted([*inner[inner > 0], *outer[outer > 0]]) == list(range(1, 1489))
    assert not inner[:, 12:16, 14:18].any()
    assert not outer[:, 6:20, 8:24].any()


def test_saturation_is_one_number() -> None:
    assert saturate(WALL, np.array([6119.0, 6120.0, 9e4])).tolist() == [6119.0, 6120.0, 6120.0]


def test_description() -> None:
    assert from_description(json.loads(json.dumps(describe(SMALL)))) == SMALL


@pytest.mark.parametrize(
    "wrong", [{"pixels": (53, 64)}, {"inner": (27, 32)}, {"inner": (52, 64)}, {"hole": (3, 4)}, {"pixel": 0.0}, {"inner": (30, 32)}]
)
def test_parts_that_do_not_fit(wrong: dict[str, object]) -> None:
    with pytest.raises(FacsimError):
        SplitGranularity(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(50, 64), (53, 64)])
def test_images_that_do_not_fit(size: tuple[int, int]) -> None:
    with pytest.raises(FacsimError, match="does not hold the face"):
        from_image(WALL, np.zeros(size))
