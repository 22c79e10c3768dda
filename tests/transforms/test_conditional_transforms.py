"""What follows a condition: shifts and scales, by hand and there and back."""

from __future__ import annotations

import numpy as np
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


def test_share_of_tracks_in_a_cone_is_that_of_drawn_directions() -> None:
    """The magnet bends to any side by kick / p: count, for small angles, how many end within the cone."""
    rng = np.random.default_rng(0)
    p, eta = rng.uniform(3e3, 3e4, 200), rng.uniform(2, 4.3, 200)
    polar, side = 2 * np.arctan(np.exp(-eta)), rng.uniform(0, 2 * np.pi, (4000, 1))
    x, y = polar + 600 / p * np.cos(side), 600 / p * np.sin(side)
    counted = (np.hypot(x, y) < 0.12).mean(0)
    chain = Chain((2,), [("InCone", {"momentum": 0, "eta": 1, "kick": 600.0, "outer": 0.12})])
    condition = torch.tensor(np.stack([p, eta], 1), dtype=torch.float32)
    found = chain(condition, condition)
    assert found[:, 2].numpy() == pytest.approx(counted, abs=0.04)
    assert torch.equal(chain.inverse(found, condition), condition)
    with pytest.raises(FacsimError, match="no such cone"):
        Chain((2,), [("InCone", {"momentum": 0, "eta": 1, "kick": 0.0, "outer": 0.12})])


def test_share_of_a_ring_is_that_of_drawn_photons() -> None:
    """Photons even about the track: count how many fall between the cones."""
    rng = np.random.default_rng(1)
    eta = rng.uniform(2, 4.3, 200)
    polar, side = 2 * np.arctan(np.exp(-eta)), rng.uniform(0, 2 * np.pi, (4000, 1))
    radius = np.hypot(polar + 0.0316 * np.cos(side), 0.0316 * np.sin(side))
    counted = (radius < 0.12).mean(0)
    assert counted.min() == 0
    assert counted.max() == 1
    chain = Chain((1,), [("RingCaught", {"eta": 0, "ring": 0.0316, "outer": 0.12})])
    condition = torch.tensor(eta[:, None], dtype=torch.float32)
    found = chain(condition, condition)
    assert found[:, 1].numpy() == pytest.approx(counted, abs=0.04)
    assert torch.equal(chain.inverse(found, condition), condition)
    with pytest.raises(FacsimError, match="no ring can be caught"):
        Chain((1,), [("RingCaught", {"eta": 0, "ring": 0.0, "outer": 0.12})])
