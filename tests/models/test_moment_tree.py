"""The tree in the light of an event's moments: shapes, the two showers that have them, what blocks are told, what comes out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from facsim.core import FacsimError
from facsim.core.contracts import Batch
from facsim.models.moment_tree import (
    AXES,
    BLUR,
    LAYER_BLUR,
    MOST,
    MomentTree,
    Shape,
    blurred,
    blurred_layers,
    layers_of,
    missed,
    shape_of,
    target_of,
    two_showers,
    with_layers,
)
from facsim.models.tree import Tree
from facsim.models.tree_levels import Blocks, Level, halves, levels_of, pyramid
from facsim.models.tree_moments import EXTREME, NEAR_FIRST, NEAR_SECOND, UNIT, WantedMoments, cell_moments, places_of, wanted_of
from facsim.models.tree_turns import SPAN


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int, shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.rand(n, *shape, generator=seeded(seed)) ** 6


def two_cells(n: int, size: int, rng: torch.Generator) -> Tensor:
    """Two hot cells on a diagonal, opposite to each other and equally hot."""
    step = torch.randint(1, size // 2 + 1, (n,), generator=rng)
    middle, event, energy = size // 2, torch.arange(n), 1 + torch.rand(n, generator=rng)
    cells = torch.zeros(n, size, size)
    cells[event, middle - step, middle - step] = energy
    cells[event, middle + step, middle + step] = energy
    return cells


@pytest.mark.parametrize("size", [(5, 5), (6, 9)])
def test_a_shape_has_the_moments_of_its_image(size: tuple[int, int]) -> None:
    """The slow twin: energies times coordinates, cell by cell."""
    image = images(20, size)
    target = target_of(shape_of(image)) * torch.tensor([UNIT] * 2 + [UNIT**2] * 3)
    for one, found in zip(image, target, strict=True):
        sums = [0.0] * 5
        for row in range(size[0]):
            for column in range(size[1]):
                y, x = row - (size[0] - 1) / 2, column - (size[1] - 1) / 2
                sums = [s + float(one[row, column]) * m for s, m in zip(sums, (y, x, y * y, y * x, x * x), strict=True)]
        torch.testing.assert_close(found, torch.tensor(sums) / one.sum(), rtol=1e-3, atol=1e-4)


def test_two_showers_lie_where_the_shape_says() -> None:
    """A quarter of the energy at 3 / 4 of the distance: derived by hand."""
    turn, distance = math.atan2(3, 4), 5.0
    skewness = (1 - 2 * 0.25) / math.sqrt(0.25 * 0.75)
    variance = 0.25 * 0.75 * distance**2
    own = skewness * (variance / (variance + 1e-3)) ** 1.5
    shape = Shape(torch.tensor([[math.log(1e-3), math.log(variance), own, 0.0, 0.0]]), torch.tensor([turn]))
    image = two_showers(shape, (15, 15))[0]
    assert image.sum() == pytest.approx(1)
    for part, step in ((0.25, 3.75), (0.75, -1.25)):
        row, column = 7 + step * math.sin(turn), 7 + step * math.cos(turn)
        assert image[math.floor(row) : math.floor(row) + 2, math.floor(column) : math.floor(column) + 2].sum() == pytest.approx(part, abs=1e-4)


def test_a_shape_taken_again_of_its_two_showers_is_the_same() -> None:
    angle, part = torch.linspace(-1.5, 1.5, 7), torch.linspace(0.2, 0.8, 7)
    variance, skewness = 9.0 * part * (1 - part) / 0.25, (1 - 2 * part) / (part * (1 - part)).sqrt()
    numbers = torch.stack([torch.full((7,), math.log(1e-3)), variance.log(), skewness, torch.full((7,), 0.3), torch.full((7,), -0.2)], dim=1)
    again = shape_of(two_showers(Shape(numbers, angle), (41, 41)))
    torch.testing.assert_close(again.numbers[:, 1:], numbers[:, 1:], rtol=0.05, atol=0.1)
    torch.testing.assert_close(again.turn, angle, rtol=0, atol=0.03)


def test_what_is_missed_is_told_in_widths_of_the_blur() -> None:
    image = images(2000, (7, 7))
    shape = shape_of(image)
    assert missed(image, shape).max() < 0.01
    off = missed(image, blurred(shape, seeded(1)))
    assert 1.0 < off.median() < 2.0  # the largest of some five standard normal numbers
    beside = shape.numbers.clone()
    beside[:, 3] += 10 * BLUR[3]
    assert (missed(image, shape._replace(numbers=beside)) > 6).float().mean() > 0.9


@pytest.mark.parametrize("level", levels_of((5, 6)))
def test_energy_not_yet_cut_lies_as_in_an_average_event(level: Level) -> None:
    """Of blocks like the profile's nothing is missing; a cut moves the event by what it differs from the profile's, and only earlier ones count."""
    levels, profile = levels_of((5, 6)), images(1, (5, 6), 3)[0] + 0.1
    number = levels.index(level)
    grids = pyramid(profile[None], levels)
    blocks, (first, _) = Blocks.of(grids[number]), halves(grids[number + 1], level)
    share, turn = (first / grids[number] - 0.5)[blocks.everywhere], torch.arange(len(Blocks.of(grids[number]).event))
    places = places_of(profile[None], levels)
    average = (profile * cell_moments((5, 6))).sum((1, 2))[None] / profile.sum()
    wanted = WantedMoments((0, 1), places[number], average)
    torch.testing.assert_close(wanted.missing(blocks, share, turn, level)[:, :5], torch.zeros(len(turn), 5), rtol=0, atol=5e-3)
    other = share + 0.1
    told = wanted.missing(blocks, other, turn, level)[:, :5]
    lever = (places[number].first - places[number].second)[blocks.flat(level.shape)] * (blocks.energy / profile.sum())[:, None]
    near = torch.tensor([NEAR_FIRST] * 2 + [NEAR_SECOND] * 3)
    expected = torch.asinh(-0.1 * (lever.cumsum(0) - lever) / near)
    torch.testing.assert_close(told, expected, rtol=1e-2, atol=5e-3)


def test_the_last_cut_is_told_the_share_that_the_moments_want() -> None:
    """Two cells: the share of the first is (1/2 - centre), whatever the profile."""
    level, centre = Level((1,), 0), 0.2
    blocks, share = Blocks.of(torch.tensor([[3.0]])), torch.zeros(1)
    target = torch.tensor([[centre / UNIT, 0.25 / UNIT**2]])
    places = places_of(torch.tensor([[0.7, 0.3]]), [level])[0]
    told = WantedMoments((0,), places, target).missing(blocks, share, torch.zeros(1, dtype=torch.long), level)
    assert (told[0, 2] * SPAN).sigmoid().item() == pytest.approx(0.5 - centre, abs=1e-3)


def test_each_event_has_places_of_its_own() -> None:
    """Those of many average events are those of each alone."""
    levels, average = levels_of((5, 6)), images(3, (5, 6)) + 0.1
    together, alone = places_of(average, levels), [places_of(one[None], levels) for one in average]
    for number, places in enumerate(together):
        for part, parts in zip(places, zip(*(one[number] for one in alone), strict=True), strict=True):
            torch.testing.assert_close(part, torch.cat(parts))


def test_what_is_wanted_of_layers_counts_all_cuts_before() -> None:
    """The slow twin, block by block."""
    levels = levels_of((3, 2, 2), last=0)
    average, response = images(2, (3, 2, 2), 1) + 0.1, images(2, (3, 2, 2), 2) + 0.1
    wanted, grids, rng = wanted_of(average, torch.zeros(2, 5), levels, (1, 2)), pyramid(response, levels), seeded(3)
    for number in (2, 3):
        level, blocks, size = levels[number], Blocks.of(grids[number]), 2 ** (4 - number - 1)
        share, turn = torch.rand(len(blocks.event), generator=rng) - 0.5, torch.randint(3, blocks.event.shape, generator=rng)
        told = wanted[number].missing(blocks, share, turn, level)
        for b, (event, place, energy) in enumerate(zip(*blocks, strict=True)):
            start = 2 * size * int(place[0])
            first, both = (average[event, start : start + length].sum() for length in (size, 2 * size))
            same = (blocks.event == event) & (blocks.place[:, 0] == place[0])
            total, earlier = blocks.energy[same].sum(), same & (turn < turn[b])
            done, left = (blocks.energy * (share + 0.5))[earlier].sum(), total - blocks.energy[earlier].sum()
            shares = torch.stack([first / both, (first / both * total - done) / left])
            torch.testing.assert_close(told[b, :2] * SPAN, torch.logit(shares, EXTREME), rtol=1e-3, atol=1e-3)
            assert told[b, 2] * SPAN == pytest.approx(math.log(energy / left), abs=1e-3)


def test_blurred_layers_keep_the_total_and_what_is_empty() -> None:
    layers = images(2000, (9,)).index_fill(1, torch.tensor([4]), 0.0)
    off = blurred_layers(layers, seeded(1))
    torch.testing.assert_close(off.sum(1), layers.sum(1))
    assert torch.all(off[:, 4] == 0)
    ratio = (off / layers)[:, [0, 1]].log()
    assert (ratio[:, 0] - ratio[:, 1]).std() == pytest.approx(LAYER_BLUR * math.sqrt(2), rel=0.1)


def test_layers_are_put_right() -> None:
    response = images(20, (3, 4, 4)) + 0.1
    off = blurred_layers(layers_of(response), seeded(1))
    right = with_layers(response, off)
    torch.testing.assert_close(layers_of(right), off)
    torch.testing.assert_close(right[:, 1] / right[:, 1].sum((1, 2), keepdim=True), response[:, 1] / response[:, 1].sum((1, 2), keepdim=True))
    torch.testing.assert_close(with_layers(response, 9 * off), MOST * response)


def spread(shape: Shape) -> Tensor:
    return shape.numbers[:, :2].exp().sum(1)


def train(model: MomentTree, batch: Batch, rng: torch.Generator, steps: int) -> None:
    model.see(batch)
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        sum(model.nll(batch, rng).values()).backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()


def test_the_tree_keeps_to_the_shapes_that_it_is_told() -> None:
    rng, n = seeded(0), 256
    torch.manual_seed(0)
    model = MomentTree(0, (7, 7), width=32, flow_width=16, lines=0, reach=1.5, context=0, hottest=4)
    batch = Batch(torch.zeros(n, 0), two_cells(n, 7, rng), torch.ones(n))
    train(model, batch, rng, 80)
    shape, again = shape_of(batch.response), shape_of(model(batch.condition, model.draw_noise(n, rng)))
    with torch.no_grad():
        made = shape_of(model.tree(model.told(batch.condition, shape, layers_of(batch.response)), model.tree.draw_noise(n, rng)))
    pairs = torch.stack([spread(shape), spread(made), spread(again)])
    assert pairs.corrcoef()[0, 1] > 0.75
    assert pairs.corrcoef()[0, 2].abs() < 0.5  # those of new events are others
    assert (made.numbers[:, 3:].norm(dim=1) < 0.5).float().mean() > 0.6  # cells; of two cells anywhere one pair in ten


def test_the_tree_keeps_to_the_layers_that_it_is_told() -> None:
    """Columns as deep as the event, whose depth is random: what is told decides where the energy lies, and new events have new depths."""
    rng, n = seeded(0), 256
    torch.manual_seed(0)
    depth = torch.rand(n, 1, 1, 1, generator=rng)
    profile = torch.exp(-((torch.arange(4).view(4, 1, 1) - 3 * depth) ** 2))
    response = profile * (0.5 + torch.rand(n, 4, 5, 5, generator=rng))
    batch = Batch(torch.zeros(n, 0), response / response.sum((1, 2, 3), keepdim=True), torch.ones(n))
    model = MomentTree(0, (4, 5, 5), width=32, flow_width=16, lines=0, reach=1, context=0)
    train(model, batch, rng, 60)
    layers, again = layers_of(batch.response), layers_of(model(batch.condition, model.draw_noise(n, rng)))
    with torch.no_grad():
        made = layers_of(model.tree(model.told(batch.condition, shape_of(batch.response.sum(1)), layers), model.tree.draw_noise(n, rng)))
    middle, of_made, of_new = (x @ torch.arange(4.0) / x.sum(1) for x in (layers, made, again))
    torch.testing.assert_close(made.sum(1), layers.sum(1))
    assert (of_made - middle).std() < 0.2 * middle.std()
    assert 0.7 < of_new.std() / middle.std() < 1.3


def test_no_events_are_made_of_no_conditions() -> None:
    """So it is where no event is to be made anew."""
    model = MomentTree(1, (2, 3, 3), width=8, flow_width=8, lines=0)
    assert model(torch.zeros(0, 1), model.draw_noise(0, seeded(0))).shape == (0, 2, 3, 3)


@pytest.mark.parametrize(("numbers", "images"), [(9, 0), (4 + 9, 1)])
def test_moments_need_an_average_event(numbers: int, images: int) -> None:
    with pytest.raises(FacsimError, match="average event"):
        Tree(numbers, (3, 3), images=images, moments=True)


def test_only_images_have_a_shape() -> None:
    with pytest.raises(FacsimError, match="images"):
        MomentTree(1, (8,))
    assert AXES == 2
