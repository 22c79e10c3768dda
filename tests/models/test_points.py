"""The cloud of hits: its way to cells and back, its number of hits, that it learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from facsim.core import FacsimError
from facsim.core.contracts import Batch
from facsim.models import build
from facsim.models.points import Points


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(shape: tuple[int, ...], condition_size: int = 0, **settings: Any) -> Points:
    torch.manual_seed(0)
    model = build("points", condition_size, shape, **settings)
    assert isinstance(model, Points)
    return model


def sparse(n: int, shape: tuple[int, ...]) -> Tensor:
    return torch.rand(n, *shape, generator=seeded(1)) * (torch.rand(n, *shape, generator=seeded(2)) < 0.3)


@pytest.mark.parametrize("shape", [(6,), (3, 5), (2, 3, 4)])
def test_cells_to_points_and_back(shape: tuple[int, ...]) -> None:
    """Wherever in its cell a point is put, it falls into that cell; an event without hits and one full of hits are among them."""
    model, response = make(shape), sparse(200, shape)
    response[0], response[1] = 0.0, 1.0
    model.see(Batch(torch.zeros(200, 0), response, torch.ones(200)))
    points, mask = model.points_of(response, seeded())
    assert torch.equal(mask.sum(1), (response > 0).flatten(1).sum(1))
    assert points[mask][:, :-1].abs().max() <= 1
    torch.testing.assert_close(model._to_cells(points, mask).reshape(-1, *shape), response)


def test_places_are_axes_in_order() -> None:
    """A hit in the last row and first column of 2 x 4 cells: its first place is high, its second low."""
    model, response = make((2, 4)), torch.zeros(1, 2, 4)
    response[0, 1, 0] = 1.0
    (row, column, _), *_ = model.points_of(response, seeded())[0][0]
    assert 0 <= row <= 1
    assert -1 <= column <= -0.5


def test_above_capacity_the_largest_hits_stay() -> None:
    model, response = make((1, 5), capacity=2), torch.tensor([[[0.1, 3.0, 0.2, 2.0, 0.3]]])
    points, mask = model.points_of(response, seeded())
    assert model._to_cells(points, mask).tolist() == [[0.0, pytest.approx(3.0), 0.0, pytest.approx(2.0), 0.0]]


def test_the_number_of_hits_is_the_quantile_of_the_noise() -> None:
    """Probabilities 1/4, 1/2, 1/4 of 0, 1 and 2 hits: noise at the levels 0.2, 0.3, 0.7 and 0.8."""
    model = make((1, 2))
    torch.nn.init.zeros_(model.count[-2].weight)
    with torch.no_grad():
        model.count[-2].bias.copy_(torch.tensor([0.25, 0.5, 0.25]).log())
    noise = torch.special.ndtri(torch.tensor([0.2, 0.3, 0.7, 0.8]))
    assert model._drawn(torch.zeros(4, 0), noise).sum(1).tolist() == [0, 1, 1, 2]


def test_no_hit_is_larger_than_any_seen() -> None:
    model, response = make((4, 4)), sparse(100, (4, 4))
    model.see(Batch(torch.zeros(100, 0), response, torch.ones(100)))
    points = torch.tensor([[[0.1, 0.1, 50.0]]])
    filled = pad(points, (0, 0, 0, 15))
    assert model._to_cells(filled, torch.arange(16)[None] < 1).sum().item() == pytest.approx(response.max().item())


def test_the_order_of_events_cells_does_not_enter_the_loss_of_velocities() -> None:
    """Points come sorted by energy; the network has no notion of their order."""
    model, response = make((3, 3)), sparse(50, (3, 3))
    points, mask = model.points_of(response, seeded())
    order, time = torch.randperm(points.shape[1], generator=seeded()), torch.full((50, 1), 0.5)
    velocity = model.velocity(torch.zeros(50, 0), mask)(points, time)
    shuffled = model.velocity(torch.zeros(50, 0), mask[:, order])(points[:, order], time)
    torch.testing.assert_close(shuffled, velocity[:, order])


def test_learns_where_hits_are_and_how_many() -> None:
    """One hit in the upper left corner at condition 0, three in the lower right at condition 1, energies near 1."""
    condition = torch.randint(0, 2, (256, 1), generator=seeded()).float()
    response = torch.zeros(256, 4, 4)
    response[condition[:, 0] == 0, 0, 0] = 1.0
    for row, column in ((3, 3), (3, 2), (2, 3)):
        response[condition[:, 0] == 1, row, column] = 1.0
    response *= 1 + 0.1 * torch.rand(256, 4, 4, generator=seeded(3))
    model, data = make((4, 4), 1, width=32, blocks=2), Batch(condition, response, torch.ones(256))
    model.see(data)
    optimiser, rng = torch.optim.Adam(model.parameters(), lr=5e-3), seeded()
    for _ in range(200):
        optimiser.zero_grad()
        sum(model.loss(data, rng).values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    with torch.no_grad():
        one, three = (model(torch.full((400, 1), float(c)), model.draw_noise(400, seeded(9))) for c in (0, 1))
    assert (one > 0).flatten(1).sum(1).float().mean().item() == pytest.approx(1.0, abs=0.1)
    assert (three > 0).flatten(1).sum(1).float().mean().item() == pytest.approx(2.5, abs=0.6)  # some fall into one cell
    assert one[:, 0, 0].sum() / one.sum() > 0.75  # one in sixteen without training
    assert three[:, 2:, 2:].sum() / three.sum() > 0.75
    assert three.sum((1, 2)).mean().item() == pytest.approx(3 * 1.05, rel=0.1)


@pytest.mark.parametrize("settings", [{"capacity": 0}, {"steps": 0}])
def test_a_cloud_of_nothing_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(FacsimError, match="needs points and steps"):
        build("points", 1, (4, 4), **settings)
