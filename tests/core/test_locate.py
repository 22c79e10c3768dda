"""Points to cells: every centre finds its own cell, and a slow twin agrees for any point."""

from __future__ import annotations

import math

import numpy as np
import pytest

from facsim.core import GridLayer, LayeredGrid, PolarLayer, PolarLayers, RegularGrid, Vector
from facsim.core.detectors.locate import locator
from facsim.core.errors import FacsimError
from facsim.simulators.readout import accumulate

PLANE = RegularGrid((4, 6), (5.0, 3.0))
CUBE = RegularGrid((3, 4, 5), (2.0, 5.0, 3.0))
UNEVEN = LayeredGrid((GridLayer(3, 5, (4.0, 2.0), 1.0), GridLayer(6, 2, (2.0, 7.0), 3.0)))
POLAR = PolarLayers.uniform(3, 16, [4.65 * i for i in range(10)])
ATLAS_LIKE = PolarLayers(
    (PolarLayer(1, (0.0, 5.0, 30.0), 0, 1.0), PolarLayer(10, (2.0, 4.0, 8.0, 25.0), 1, 2.0), PolarLayer(4, (0.0, 5.0, 6.0), 3, 3.0))
)
DETECTORS = {"plane": PLANE, "cube": CUBE, "uneven": UNEVEN, "polar": POLAR, "atlas-like": ATLAS_LIKE}


def slow_grid(rows: int, columns: int, size: tuple[float, float], x: float, y: float) -> int:
    for row in range(rows):
        for column in range(columns):
            low_x, low_y = (column - columns / 2) * size[1], (row - rows / 2) * size[0]
            if low_x <= x < low_x + size[1] and low_y <= y < low_y + size[0]:
                return row * columns + column
    return -1


def slow_polar(layer: PolarLayer, x: float, y: float) -> int:
    radius, angle = math.hypot(x, y), math.atan2(y, x)
    for sector in range(layer.angles):
        for ring in range(layer.rings):
            low = -math.pi + 2 * math.pi * sector / layer.angles
            if low <= angle < low + 2 * math.pi / layer.angles and layer.edges[ring] <= radius < layer.edges[ring + 1]:
                return sector * layer.rings + ring
    return -1


def slow_cell(detector, x: float, y: float, layer: int) -> int:
    if isinstance(detector, RegularGrid):
        cell = slow_grid(*detector.cells[-2:], detector.size[-2:], x, y)
    elif isinstance(detector, LayeredGrid):
        grid = detector.stack[layer]
        cell = slow_grid(grid.rows, grid.columns, grid.size, x, y)
    else:
        cell = slow_polar(detector.stack[layer], x, y)
    return -1 if cell < 0 else int(detector.layer_starts[layer]) + cell


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)
def test_every_centre_is_in_its_own_cell(detector) -> None:
    x, y, _ = detector.centres.T + 1e-6  # off the edge between two sectors
    assert (locator(detector)(x, y, detector.layers) == np.arange(detector.n_cells)).all()


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)
def test_random_points_agree_with_the_slow_twin(detector) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-45, 45, (2, 2000)) * rng.random(2000)
    layer = rng.integers(detector.n_layers, size=2000)
    found = locator(detector)(x, y, layer)
    expected = [slow_cell(detector, *point) for point in zip(x, y, layer, strict=True)]
    assert found.tolist() == expected
    assert {-1} < set(expected)


def test_rows_are_y_and_columns_x() -> None:
    found = locator(PLANE)(np.array([8.0, -8.0]), np.array([-9.0, 9.0]), np.zeros(2, dtype=int))
    image = np.zeros(24)
    image[found] = [1, 2]
    assert PLANE.image(image)[0, 5] == 1  # low y, high x
    assert PLANE.image(image)[3, 0] == 2


def test_accumulate_sums_within_events_and_drops_the_outside() -> None:
    total = accumulate(np.array([0, 0, 1, 1, 1]), np.array([2, 2, 0, -1, 2]), np.array([1.0, 2.0, 4.0, 8.0, 16.0]), (3, 3))
    assert total.tolist() == [[0, 0, 3], [4, 0, 16], [0, 0, 0]]
    assert total.dtype == np.float32


def test_a_vector_has_no_place() -> None:
    with pytest.raises(FacsimError, match=r"RegularGrid.*got Vector"):
        locator(Vector(("x",)))
