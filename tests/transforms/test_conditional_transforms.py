"""What follows a condition: shifts and scales, by hand and there and back."""

from __future__ import annotations

import pytest
import torch

from facsim.core import FacsimError
from facsim.transforms import Chain

X, CONDITION = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]]), torch.tensor([[7.0, 4.0], [8.0, 9.0]])


def test_shift_by_hand() -> None:
    chain = Chain((1, 2), [("Shift", {"column": 1})])
    assert torch.equal(chain(X, CONDITION), torch.tensor([[[-3.0, -2.0]], [[-6.0, -5.0]]]))


def test_relative_by_hand() -> None:
    chain = Chain((1, 2), [("Relative", {"column": 1, "power": 0.5})])
    torch.testing.assert_close(chain(X, CONDITION), torch.tensor([[[0.5, 1.0]], [[1.0, 4 / 3]]]))


@pytest.mark.parametrize("recipe", [("Shift", {"column": 0}), ("Relative", {"column": 0}), ("Relative", {"column": 1, "power": -1.5})])
def test_there_and_back_outside_the_range_of_training(recipe: tuple[str, dict[str, float]]) -> None:
    chain = Chain((1, 2), [recipe, ("Standardise", {})])
    chain.fit(X, CONDITION)
    far = 20 * CONDITION
    torch.testing.assert_close(chain.inverse(chain(X, far), far), X, rtol=1e-4, atol=1e-4)


def test_a_scale_that_is_not_positive_is_refused() -> None:
    with pytest.raises(FacsimError, match="cannot be divided"):
        Chain((1, 2), [("Relative", {"column": 0})]).fit(X, -CONDITION)


def test_regions_by_hand() -> None:
    """Both signs of a value lie in one region; a value on an edge lies above it."""
    condition = torch.tensor([[-0.4, 5.0], [0.5, 5.0], [-1.8, 5.0]])
    chain = Chain((2,), [("Regions", {"column": 0, "edges": [0.5, 1.7]})])
    expected = torch.tensor([[-0.4, 5, 1, 0, 0], [0.5, 5, 0, 1, 0], [-1.8, 5, 0, 0, 1]])
    assert chain.shape == (5,)
    assert torch.equal(chain(condition, condition), expected)
    assert torch.equal(chain.inverse(expected, condition), condition)


def test_edges_that_do_not_rise_are_refused() -> None:
    with pytest.raises(FacsimError, match="no edges"):
        Chain((2,), [("Regions", {"column": 0, "edges": [1.7, 0.5]})])


def test_thresholds_are_the_light_of_a_ring() -> None:
    """1 - (t / p)^2 above the threshold and 0 below: 0.75 at twice the threshold."""
    chain = Chain((2,), [("Thresholds", {"column": 1, "at": [5.0, 20.0]})])
    condition = torch.tensor([[1.0, 10.0], [2.0, 4.0]])
    seen = chain(condition, condition)
    assert seen[:, 2:].tolist() == [[0.75, 0.0], [0.0, 0.0]]
    assert torch.equal(chain.inverse(seen, condition), condition)
    with pytest.raises(FacsimError, match="no thresholds"):
        Chain((2,), [("Thresholds", {"column": 1, "at": [0.0]})])
