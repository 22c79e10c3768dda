"""The hadron trigger: windows on constructed events, and a slow twin."""

from __future__ import annotations

import numpy as np
import pytest

from facsim.core import Events, FacsimError, RegularGrid, SplitGranularity
from facsim.core.detectors import as_image
from facsim.evaluation.hadron_trigger import decisions, rate_rows, window_sums, windows

WALL = SplitGranularity()
NOWHERE = np.full((1, 1, 2), np.nan)


def event(*deposits: tuple[float, float, float]) -> Events:
    """One event with energies in the cells at places (x, y) in units of pixels from the beam."""
    cells = np.zeros((1, WALL.n_cells))
    for x, y, energy in deposits:
        cells[0, WALL.cell_of_pixel[int(np.floor(y)) + 26, int(np.floor(x)) + 32]] += energy
    return Events(np.zeros((1, 0)), cells, WALL, ())


def track(*places: tuple[float, float]) -> np.ndarray:
    return np.array([places]) * 131.0


def outcome(events: Events, signal: np.ndarray) -> tuple[bool, bool, bool]:
    found = decisions(events, signal)
    return bool(found.tos[0]), bool(found.tis[0]), bool(found.both[0])


def test_threshold_is_of_the_sum_of_four() -> None:
    four = [(5.5, 5.5), (6.5, 5.5), (5.5, 6.5), (6.5, 6.5)]
    assert outcome(event(*((x, y, 801.0) for x, y in four)), NOWHERE) == (False, True, False)
    assert outcome(event(*((x, y, 800.0) for x, y in four)), NOWHERE) == (False, False, False)
    assert outcome(event(*((x, y, 1100.0) for x, y in four[:2]), (7.5, 5.5, 1100.0)), NOWHERE) == (False, False, False)  # three in a row


def test_no_window_holds_cells_of_two_sizes() -> None:
    """Neighbours across the border of the inner part at x = 16 pixels: each alone is below the threshold."""
    both = event((15.5, 5.5, 2000.0), (16.5, 5.5, 2000.0))
    assert outcome(both, NOWHERE) == (False, False, False)
    assert outcome(event((17.0, 5.5, 2000.0), (19.0, 5.5, 2000.0)), NOWHERE) == (False, True, False)


@pytest.mark.parametrize(("distance", "tos"), [(3, True), (4, True), (5, False)])
def test_a_square_of_seven_pixels_round_the_signal(distance: int, tos: bool) -> None:
    """A lone inner cell fires four windows, which reach one pixel to each side: the nearest touches the square up to 3 + 1 pixels off."""
    found = decisions(event((2.5, 5.5, 4000.0)), track((2.5 + distance, 5.5)))
    assert bool(found.tos[0]) is tos


def test_windows_of_outer_cells_are_twice_as_large() -> None:
    """An outer cell at pixels 20 and 21: its windows reach from 18 to 23, squares of signal at 26 and 27 from 23 and 24 on."""
    far = event((20.5, 5.5, 4000.0))
    assert outcome(far, track((26.5, 5.5)))[0]
    assert not outcome(far, track((27.5, 5.5)))[0]


def test_on_signal_independent_of_it_and_both() -> None:
    signal = track((8.5, 8.5), (-28.0, 20.0))
    assert outcome(event((8.5, 8.5, 4000.0)), signal) == (True, False, False)
    assert outcome(event((-8.5, -8.5, 4000.0)), signal) == (False, True, False)
    assert outcome(event((8.5, 8.5, 4000.0), (-8.5, -8.5, 4000.0)), signal) == (True, True, True)
    assert outcome(event(), signal) == (False, False, False)
    assert outcome(event((-28.0, 20.0, 4000.0)), signal) == (True, False, False)


def test_twin_pixel_by_pixel() -> None:
    """Every fired window painted pixel by pixel, every square painted too."""
    rng = np.random.default_rng(0)
    cells = rng.exponential(900.0, (40, WALL.n_cells)) * (rng.random((40, WALL.n_cells)) < 0.02)
    signal = rng.uniform(-1, 1, (40, 3, 2)) * [32 * 131, 26 * 131]
    found, (first, span) = decisions(Events(np.zeros((40, 0)), cells, WALL, ()), signal), windows(WALL)
    for i in range(40):
        square = np.zeros((60, 72), dtype=bool)
        for x, y in signal[i]:
            row, column = int(y // 131) + 26 + 4, int(x // 131) + 32 + 4
            square[row - 3 : row + 4, column - 3 : column + 4] = True
        image, hits = as_image(WALL, cells[i]), []
        for (row, column), size in zip(first, span, strict=True):
            pixels = WALL.cell_of_pixel[row : row + size, column : column + size]
            own = (pixels >= 880) if size == 4 else (pixels < 880)
            if (image[row : row + size, column : column + size] * own).sum() > 3200:
                hits.append(bool(square[row + 4 : row + 4 + size, column + 4 : column + 4 + size].any()))
        assert (found.tos[i], found.tis[i]) == (any(hits), bool(hits) and not all(hits))


def test_window_sums_count_every_inner_cell_four_times() -> None:
    cells = np.zeros((1, WALL.n_cells))
    cells[0, [WALL.cell_of_pixel[30, 40], WALL.cell_of_pixel[4, 40]]] = 1.0, 10.0
    assert window_sums(WALL, cells).sum() == 44.0


def test_rates_agree_for_equal_samples_and_a_planted_excess_is_seen() -> None:
    events = event((8.5, 8.5, 4000.0))[np.zeros(400, dtype=int)]
    near, far = (decisions(events, np.repeat(track(at), 400, axis=0)) for at in ((8.5, 8.5), (-8.5, 8.5)))
    total = np.full(400, 4000.0)
    assert [row.value for row in rate_rows(near, near, (total, total), (0, 1e4))] == [0.0, 0.0]
    assert min(row.value for row in rate_rows(near, far, (total, total), (0, 1e4))) > 10
    assert rate_rows(near, far, (total, total), (1e4, 2e4)) == []


def test_wrong_input_is_refused() -> None:
    grid = Events(np.zeros((1, 0)), np.zeros((1, 4, 4)), RegularGrid((4, 4), (1.0, 1.0)), ())
    with pytest.raises(FacsimError, match="two kinds of cells"):
        decisions(grid, NOWHERE)
    with pytest.raises(FacsimError, match="wrong shape"):
        decisions(event(), np.zeros((2, 1, 2)))
