"""Images of tracks blurred as showers: those of single tracks, summed."""

from __future__ import annotations

import pytest
import torch

from facsim.transforms.tracks import POINTS, TrackShowers
from facsim.transforms.wall import Centred, Footprint


def track(row: int, column: int, energy: float) -> torch.Tensor:
    return torch.zeros(64, 64).index_put((torch.tensor(row), torch.tensor(column)), torch.tensor(energy))


@pytest.mark.parametrize(("row", "column"), [(30, 40), (20, 16), (9, 55)])  # on inner cells, at the border, on outer cells
def test_a_pixel_is_the_mean_of_the_tracks_in_it(row: int, column: int) -> None:
    """As `Footprint` has it, turned back, of tracks all over the pixel."""
    steps = (torch.arange(POINTS) + 0.5) / POINTS - 32
    x, y = (131 * (first + steps) for first in (column, row))
    raw = torch.stack([x.repeat(POINTS), y.repeat_interleave(POINTS), torch.full((POINTS**2,), 1e3)], dim=1)
    shares = Footprint((3,))(torch.zeros(len(raw), 3), raw)[:, 4:].reshape(-1, 64, 64)
    expected = Centred((64, 64)).inverse(shares, raw).mean(0)
    found = TrackShowers((4096,))(track(row, column, 2.0).reshape(1, -1), raw)
    torch.testing.assert_close(found[0, 4096:].reshape(64, 64), 2 * expected, atol=1e-6, rtol=1e-5)


def test_tracks_add_up_beside_other_conditions() -> None:
    """Two tracks far from all edges keep their energy; what was told before stays."""
    image = track(28, 22, 3.0) + track(33, 42, 1.0)
    condition = torch.cat([torch.full((1, 2), 7.0), image.reshape(1, -1)], dim=1)
    transform = TrackShowers((4098,), parts=((1.0, 20.0),))
    found = transform(condition, condition)
    assert torch.equal(found[:, :4098], condition)
    assert found[0, 4098:].sum() == pytest.approx(4.0, rel=1e-3)
    assert torch.equal(transform.inverse(found, condition), condition)
    assert found[0, 4098:].argmax() == 28 * 64 + 22
