"""Observables about the particle's place and slope, on clusters whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest

from facsim.core import Events, RegularGrid, Variable
from facsim.evaluation.observables import applicable, features

GRID = RegularGrid((10, 10), (20.0, 20.0))
VARIABLES = (Variable("energy", "MeV"), Variable("x", "mm"), Variable("y", "mm"), Variable("tx"), Variable("ty"))
NAMES = ("position_bias_x", "position_bias_y", "asymmetry_along", "asymmetry_across", "width_along", "width_across")


def numbers(cells: dict[tuple[int, int], float], x: float = 0.0, y: float = 0.0, tx: float = 0.0, ty: float = 0.0) -> dict[str, float]:
    """The observables of one event with these cells {(row, column): MeV}; row is y, column x."""
    response = np.zeros((1, 10, 10))
    for place, energy in cells.items():
        response[(0, *place)] = energy
    values, names = features(Events(np.array([[1e4, x, y, tx, ty]]), response, GRID, VARIABLES), NAMES)
    return dict(zip(names, values[0].tolist(), strict=True))


def test_bias_knows_its_axis() -> None:
    """Column 7 lies at x = 50 mm, row 4 at y = -10 mm."""
    found = numbers({(4, 7): 3.0}, x=44.0, y=-13.0)
    assert (found["position_bias_x"], found["position_bias_y"]) == pytest.approx((6.0, 3.0))


@pytest.mark.parametrize(
    ("tx", "ty", "along", "across"), [(0.1, 0.0, 0.5, 0.0), (-0.1, 0.0, -0.5, 0.0), (0.0, 0.2, 0.0, -0.5), (0.0, -0.2, 0.0, 0.5)]
)
def test_asymmetry_turns_with_the_slope(tx: float, ty: float, along: float, across: float) -> None:
    """Three of four parts lie at larger x, in equal parts above and below the particle in y."""
    found = numbers({(4, 7): 1.5, (5, 7): 1.5, (4, 2): 0.5, (5, 2): 0.5}, tx=tx, ty=ty)
    assert (found["asymmetry_along"], found["asymmetry_across"]) == pytest.approx((along, across))


def test_widths_turn_with_the_slope() -> None:
    """Two equal cells 40 mm apart in x: the width is 20 mm along x, 0 across; at 45 degrees both share it."""
    cells = {(5, 3): 1.0, (5, 5): 1.0}
    for (tx, ty), expected in {(0.1, 0.0): (20.0, 0.0), (0.0, 0.1): (0.0, 20.0), (0.1, 0.1): (200**0.5, 200**0.5)}.items():
        found = numbers(cells, tx=tx, ty=ty)
        assert (found["width_along"], found["width_across"]) == pytest.approx(expected, abs=1e-6)


def test_an_empty_event_and_one_without_slope_have_numbers() -> None:
    assert set(numbers({}, x=3.0).values()) == {0.0}
    assert numbers({(5, 9): 1.0})["asymmetry_along"] == 1.0


def test_they_need_the_particle() -> None:
    events = Events(np.array([[1e4]]), np.ones((1, 10, 10)), GRID, VARIABLES[:1])
    assert not {o.name for o in applicable(events)} & set(NAMES)
