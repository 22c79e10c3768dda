"""Crop and spiral: exact inverses, nothing lost unasked, neighbours kept."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facsim.core import FacsimError
from facsim.transforms import Chain
from facsim.transforms.unroll import spiral

NONE = torch.zeros(0, 1)


@given(side=st.integers(1, 27))
def test_a_spiral_visits_every_cell_once_step_by_step_in_growing_squares(side: int) -> None:
    path = spiral(side)
    row, column = path // side, path % side
    assert sorted(path.tolist()) == list(range(side * side))
    assert ((row.diff().abs() + column.diff().abs()) == 1).all()
    for k in range(1, side + 1):
        for axis in (row[: k * k], column[: k * k]):
            assert int(axis.max() - axis.min()) == k - 1
            assert 2 * int(axis.min()) in (side - k - 1, side - k, side - k + 1), "the square lies round the centre"


def test_crop_and_spiral_are_undone_exactly() -> None:
    x = torch.zeros(4, 3, 25, 25)
    x[:, :, :20, :20] = torch.rand(4, 3, 20, 20)
    chain = Chain((3, 25, 25), [("Crop", {"size": 20, "start": [0, 0]}), ("Unroll", {})])
    chain.fit(x, NONE)
    assert chain.shape == (3, 400)
    assert torch.equal(chain.inverse(chain(x, NONE), NONE), x)


def test_a_spiral_starts_where_the_centre_is() -> None:
    x = torch.zeros(1, 2, 5, 5)
    x[0, 1, 2, 2], x[0, 1, 2, 3] = 7.0, 3.0
    chain = Chain((2, 5, 5), [("Unroll", {"keep": 9})])
    chain.fit(x, NONE)
    assert chain(x, NONE)[0, 1, :3].tolist() == [7.0, 3.0, 0.0]
    assert chain(x, NONE)[0, 0].sum() == 0


@pytest.mark.parametrize("recipe", [("Crop", {"size": 4}), ("Unroll", {"keep": 16}), ("Crop", {"size": 5, "start": [0, 0]})])
def test_energy_is_never_cut_away_unasked(recipe: tuple[str, dict[str, object]]) -> None:
    x = torch.zeros(10, 6, 6)
    x[:, 2, 2], x[3, 5, 0] = 1.0, 0.1
    name, settings = recipe
    with pytest.raises(FacsimError, match=r"would cut away energy: expected at most 0 of it, got 0.0099.*loss=0.01"):
        Chain((6, 6), [recipe]).fit(x, NONE)
    Chain((6, 6), [(name, {**settings, "loss": 0.01})]).fit(x, NONE)


@pytest.mark.parametrize(
    "recipe", [("Crop", {"size": 7}), ("Crop", {"size": 4, "start": [0, 3]}), ("Crop", {"size": 4, "start": [0]}), ("Unroll", {"keep": 37})]
)
def test_impossible_crops_are_refused(recipe: tuple[str, dict[str, object]]) -> None:
    with pytest.raises(FacsimError):
        Chain((6, 6), [recipe])


def test_only_squares_are_unrolled() -> None:
    with pytest.raises(FacsimError, match="square"):
        Chain((6, 5), [("Unroll", {})])
