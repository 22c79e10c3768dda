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
