"""The tree of halves: geometry, exact energy, exact likelihood, spectral lines, symmetries."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from facsim.core import FacsimError
from facsim.core.contracts import Batch
from facsim.models.cored_tree import CoredTree
from facsim.models.spectral_lines import spectral_lines
from facsim.models.tree import Tree
from facsim.models.tree_levels import Window, ball, levels_of, pyramid
from facsim.models.tree_split import COLOURINGS, Blocks, Split, at_lines, known_before, outside, ratios
from facsim.objectives.mixture import Mixture
from facsim.objectives.symmetry import SYMMETRIES


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def train(model: Tree | CoredTree, batch: Batch, rng: torch.Generator, *, steps: int, rate: float) -> None:
    optimiser = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        optimiser.zero_grad()
        sum(model.nll(batch, rng).values()).backward()  # type: ignore[union-attr]
        optimiser.step()


def sparse(n: int, shape: tuple[int, ...], seed: int = 0) -> Tensor:
    rng = seeded(seed)
    return torch.rand(n, *shape, generator=rng) * (torch.rand(n, *shape, generator=rng) < 0.4)


@pytest.mark.parametrize("shape", [(8,), (4, 8), (3, 5), (2, 3, 4)])
def test_the_pyramid_conserves_energy_and_ends_in_the_cells(shape: tuple[int, ...]) -> None:
    cells, levels = sparse(5, shape), levels_of(shape)
    grids = pyramid(cells, levels)
    for grid, level in zip(grids, levels, strict=False):
        assert grid.shape[1:] == level.shape
        torch.testing.assert_close(grid.flatten(1).sum(1), cells.flatten(1).sum(1))
    torch.testing.assert_close(grids[-1][(slice(None), *map(slice, shape))], cells)
    assert grids[-1].sum() == pytest.approx(cells.sum().item(), rel=1e-6)


def test_a_window_reads_what_loops_read() -> None:
    grid, steps = sparse(3, (4, 5)), ball(2, 1.5)
    window, blocks = Window((4, 5), steps), Blocks.of(grid)
    seen = window.widen(grid).take(window.places(blocks.event, blocks.place))
    for row, event, (y, x) in zip(seen, blocks.event.tolist(), blocks.place.tolist(), strict=True):
        for value, (dy, dx) in zip(row.tolist(), steps, strict=True):
            inside = 0 <= y + dy < 4 and 0 <= x + dx < 5
            assert value == (grid[event, y + dy, x + dx].item() if inside else 0.0)


def test_a_block_knows_the_neighbours_of_earlier_colours() -> None:
    steps = ball(2, 1.5)
    chess, four = (known_before(COLOURINGS[name], steps) for name in ("chess", "parities"))
    assert chess.sum(1).tolist() == [0, 4]
    assert four.sum(1).tolist() == [0, 2, 6, 8], "of eight neighbours: none; two beside; six above and below; all"
    assert not four[:, 0].any(), "no block knows its own cut"


def test_blocks_beyond_the_detector_cannot_be_hit() -> None:
    model = Tree(0, (3, 5), width=8).eval()
    response = model(torch.zeros(200, 0), model.draw_noise(200, seeded(0)))
    total = model.total.draw(torch.zeros(200, 0), torch.zeros(200, 0), model.draw_noise(200, seeded(0))[:, 0])
    torch.testing.assert_close(response.flatten(1).sum(1), total, rtol=1e-4, atol=1e-6)
    level = levels_of((3, 5))[-1]
    assert outside(level, (3, 5)).reshape(*level.shape, 3).any(2)[0].tolist() == [False, False, True, True]


def of_rows(mixture: Mixture) -> Callable[[Tensor], Mixture]:
    return lambda rows: Mixture(*(part[rows] for part in mixture))


def test_one_cut_has_probability_one() -> None:
    """The three outcomes add up to one, and so does the density of the ratio."""
    mixture = Mixture(torch.randn(1, 3), torch.randn(1, 3), torch.randn(1, 3))
    split = Split(torch.randn(1, 3), of_rows(mixture))
    share = torch.linspace(-30, 30, 60001, dtype=torch.double)
    first, second = 5 * share.sigmoid(), 5 * (-share).sigmoid()
    many = Split(split.halves.expand(len(share), 3), of_rows(Mixture(*(t.expand(len(share), 3) for t in mixture))))
    both = many.log_prob(first.float(), second.float()).exp().double().sum() * (share[1] - share[0])
    alone = sum(split.log_prob(torch.tensor([a]), torch.tensor([5.0 - a])).exp() for a in (0.0, 5.0))
    assert (both + alone).item() == pytest.approx(1.0, abs=1e-3)


def test_cuts_are_drawn_as_their_density_says() -> None:
    n = 200_000
    mixture = Mixture(*(torch.tensor([v]).expand(n, 2) for v in ([0.0, 1.0], [-1.0, 2.0], [-1.0, 0.0])))
    split = Split(torch.tensor([[0.0, 1.0, 2.0]]).expand(n, 3), of_rows(mixture))
    first, second = split.draw(torch.full((n,), 3.0), torch.rand(n, 3, generator=seeded(0)))
    torch.testing.assert_close(first + second, torch.full((n,), 3.0))
    outcome = torch.stack([second == 0, first == 0, (first > 0) & (second > 0)]).double().mean(1)
    torch.testing.assert_close(outcome, torch.tensor([0.0, 1.0, 2.0]).softmax(0).double(), atol=5e-3, rtol=0)
    both = (first > 0) & (second > 0)
    ratio = (first[both] / second[both]).log()
    weight = torch.tensor([0.0, 1.0]).softmax(0)
    mean = (weight * torch.tensor([-1.0, 2.0])).sum()
    spread = (weight * (torch.tensor([-1.0, 2.0]) - mean) ** 2 + weight * torch.tensor([-2.0, 0.0]).exp()).sum()
    assert ratio.mean().item() == pytest.approx(mean.item(), abs=0.02)
    assert ratio.var().item() == pytest.approx(spread.item(), rel=0.02)


def test_a_line_gives_its_energy_exactly_to_one_half() -> None:
    """All weight on the second line, in the second half: log(first / second) puts exactly the line's energy there."""
    energy, lines = torch.tensor([5.0, 0.3]), torch.tensor([0.511, 0.088]).log()
    normal = torch.zeros(2, 9)
    choice = torch.full((2, 4), -50.0)
    choice[:, 3] = 50.0
    mixture = ratios(energy.log()[:, None], normal, choice, lines)
    mean = mixture.mean[torch.arange(2), mixture.logit.argmax(1)]
    torch.testing.assert_close(energy * (-mean).sigmoid(), torch.full((2,), 0.088), rtol=1e-5, atol=0)
    assert torch.isinf(mixture.logit[1, [3, 5]]).all(), "a block of .3 cannot hold a line of .511"


def probability(model: Tree, cells: Tensor) -> Tensor:
    total, cuts = model.log_likelihood(torch.zeros(len(cells), 0), cells)
    return (total + cuts).exp()


def test_the_likelihood_is_that_of_what_is_drawn() -> None:
    """Two cells: the density integrated over the cells is one."""
    torch.manual_seed(0)
    model = Tree(0, (2,), width=8, lines=2).eval()
    log_total, share = (g.flatten() for g in torch.meshgrid(torch.linspace(-9, 9, 601), torch.linspace(-25, 25, 1001), indexing="ij"))
    cells = torch.stack([log_total.exp() * share.sigmoid(), log_total.exp() * (-share).sigmoid()], dim=1)
    with torch.no_grad():
        both = probability(model, cells).sum() * 18 / 600 * 50 / 1000
        single, no = torch.linspace(-9, 9, 601).exp(), torch.zeros(601)
        alone = sum(float(probability(model, torch.stack(pair, dim=1)).sum()) * 18 / 600 for pair in ((single, no), (no, single)))
        empty = probability(model, torch.zeros(1, 2))
    assert (both + alone + empty).item() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("rest", [3e-5, 2.88e-4, 1e-3, 0.01, 0.1, 1.0, 30.0])
def test_a_line_is_known_however_little_lies_beside_it(rest: float) -> None:
    """In single precision the remainder of a sum is known to some 1e-7 of the sum: log(first / second) may be far off, the line's energy is not."""
    line, other = torch.tensor([0.423]), torch.tensor([rest])
    mixture = ratios((line + other).log()[:, None], torch.zeros(1, 9), torch.tensor([[0.0, -50.0]]), line.log())
    off = ((line / other).log() - mixture.mean[0, 3]) / mixture.log_std[0, 3].exp()
    assert abs(off.item()) < 0.3
    made = [float((line + other) * torch.sigmoid(mixture.mean[0, 3] + sign * mixture.log_std[0, 3].exp())) for sign in (-1, 1)]
    assert made == pytest.approx([0.423] * 2, rel=1e-4), "one standard deviation beside, the energy is still that of the line"


def test_lines_are_found_and_edges_are_not() -> None:
    rng = seeded(0)
    continuum = torch.rand(40_000, generator=rng).mul(6).sub(5).exp()
    edge = 0.3 * torch.rand(20_000, generator=rng) + 0.1
    found = spectral_lines(torch.cat([continuum, edge, torch.full((1_000,), 0.08801), torch.full((2_000,), 2.88e-2)]), 4)
    assert found.exp().tolist() == pytest.approx([2.88e-2, 0.08801, math.inf, math.inf], rel=1e-5)


def test_lines_a_rounding_apart_are_two_and_a_handful_of_energies_none() -> None:
    """511.11 keV is 423.10 + 88.01 keV, each rounded to 11 bits, where one cell of 511.00 keV holds 511.23 keV."""
    continuum = torch.rand(40_000, generator=seeded(0)).mul(6).sub(5).exp()
    found = spectral_lines(torch.cat([continuum, torch.full((900,), 0.51123), torch.full((600,), 0.51111)]), 4)
    assert found.exp().tolist() == pytest.approx([0.51123, 0.51111, math.inf, math.inf], rel=1e-5)
    assert torch.isinf(spectral_lines(torch.tensor([0.1, 0.1, 0.1, 0.5]), 2)).all()


def test_what_two_lines_make_up_is_a_line_too() -> None:
    cells = torch.zeros(400, 4)
    cells[:, :2] = torch.tensor([0.423, 0.088])
    cells[:, 2] = 1 + torch.rand(400, generator=seeded(0))
    model = Tree(0, (4,), width=8, lines=4)
    model.see(Batch(torch.zeros(400, 0), cells, torch.ones(400)))
    assert sorted(model.lines.exp().tolist()) == pytest.approx([0.088, 0.423, 0.511, math.inf], rel=1e-5)


def test_a_trained_tree_makes_the_lines_of_its_data() -> None:
    rng, n = seeded(1), 2048
    cells = torch.zeros(n, 4)
    cells[:, 0] = 1 + torch.rand(n, generator=rng)
    hit = torch.rand(n, generator=rng) < 0.5
    cells[hit, 2 + torch.randint(2, (int(hit.sum()),), generator=rng)] = 0.088
    torch.manual_seed(0)
    model, batch = Tree(0, (4,), width=16), Batch(torch.zeros(n, 0), cells, torch.ones(n))
    model.see(batch)
    train(model, batch, rng, steps=150, rate=1e-2)
    made = model(torch.zeros(n, 0), model.draw_noise(n, rng))
    on_line = ((made - 0.088).abs() < 0.088 * 1e-3)[:, 2:].any(1).float().mean()
    assert on_line.item() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(("name", "shape"), [("square", (6, 6)), ("square", (3, 6, 6)), ("circle", (3, 8, 4))])
def test_symmetries_keep_energies_and_reach_every_image(name: str, shape: tuple[int, ...]) -> None:
    event = sparse(1, shape)
    turned = SYMMETRIES[name](event.expand(2000, *shape), seeded(0))
    assert torch.equal(turned.flatten(1).sort(1).values, event.flatten(1).sort(1).values.expand(2000, -1))
    assert len(torch.unique(turned.flatten(1), dim=0)) == {"square": 8, "circle": 2 * 8}[name]
    layers = turned.flatten(2 if len(shape) == 3 else 1)
    torch.testing.assert_close(layers.sum(-1), event.flatten(2 if len(shape) == 3 else 1).sum(-1).expand_as(layers.sum(-1)))
    if name == "circle":
        torch.testing.assert_close(turned.sum(2), event.sum(2).expand(2000, -1, -1))


def test_a_square_that_is_none_is_refused() -> None:
    with pytest.raises(FacsimError, match="square"):
        Tree(0, (4, 8), symmetry="square")


def test_an_image_is_followed_cell_by_cell() -> None:
    """Energies lie where the condition's image has them, on a grid that is no square, so that a transposed image would not do."""
    rng, n = seeded(2), 512

    def images(n: int) -> Tensor:
        image = torch.zeros(n, 24)
        image[torch.arange(n), torch.randint(24, (n,), generator=rng)] = 1.0
        return image

    torch.manual_seed(0)
    model, image = Tree(25, (4, 6), width=32, images=1), images(n)
    condition = torch.cat([torch.rand(n, 1, generator=rng), image], dim=1)
    batch = Batch(condition, 2 * image.reshape(n, 4, 6), torch.ones(n))
    model.see(batch)
    train(model, batch, rng, steps=120, rate=5e-3)
    fresh = images(400)
    made = model(torch.cat([torch.rand(400, 1, generator=rng), fresh], dim=1), model.draw_noise(400, rng))
    assert (made.flatten(1).argmax(1) == fresh.argmax(1)).float().mean() > 0.95


def test_a_condition_without_room_for_its_image_is_refused() -> None:
    with pytest.raises(FacsimError, match="images of the response's size"):
        Tree(10, (4, 4), images=1)


def test_a_block_that_is_a_line_says_so() -> None:
    energy = torch.tensor([0.511, 0.5115, 0.088]).log()[:, None]
    told = at_lines(energy, torch.tensor([math.log(0.511), math.log(0.088), math.inf]))
    torch.testing.assert_close(told, torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 1, 0]]), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("shape", "core", "middle"), [((8, 8), 2, 4), ((5, 8), 2, 2), ((9, 9), 4, 9), ((5, 5, 4), 3, 18)])
def test_the_core_lies_in_the_middle(shape: tuple[int, ...], core: int, middle: int) -> None:
    response = torch.rand(3, *shape)
    one, rest = CoredTree(0, shape, core=core, width=8, core_width=8)._parts(response)
    assert one[0].numel() == middle
    torch.testing.assert_close(one.flatten(1).sum(1) + rest.flatten(1).sum(1), response.flatten(1).sum(1))
    axes = tuple(range(1, 1 + len(shape)))
    assert torch.equal((rest == 0).flip(axes), rest == 0), "as far from one side as from the other"


def test_a_core_as_large_as_the_detector_is_refused() -> None:
    with pytest.raises(FacsimError, match="core"):
        CoredTree(0, (4, 4), core=4)


def test_the_rest_follows_the_core() -> None:
    """Cells outside have what one of the four in the middle has: so it is in new events, each cell of the core being known by its place."""
    rng, n = seeded(6), 512
    response = torch.zeros(n, 4, 4)
    response[:, 1:3, 1:3] = 0.5 + torch.rand(n, 2, 2, generator=rng)
    response[:, 0, 0] = response[:, 1, 2]
    torch.manual_seed(0)
    model, batch = CoredTree(0, (4, 4), width=24, core_width=24), Batch(torch.zeros(n, 0), response, torch.ones(n))
    model.see(batch)
    train(model, batch, rng, steps=150, rate=1e-2)
    made = model(torch.zeros(n, 0), model.draw_noise(n, rng))
    outside = torch.stack([made[:, 0, 0], made[:, 1, 2], made[:, 2, 1]])
    assert (made[:, 0, 1:] < 0.01).float().mean() > 0.95
    assert torch.corrcoef(outside)[0, 1] > 0.8 > 0.4 > torch.corrcoef(outside)[0, 2]


def test_the_core_has_lines_as_the_rest_has() -> None:
    response = torch.rand(300, 4, 4, generator=seeded(0))
    response[:, 0, 0] = response[:, 1, 2] = 0.088
    model = CoredTree(0, (4, 4), width=8, core_width=8)
    model.see(Batch(torch.zeros(300, 0), response, torch.ones(300)))
    assert model.core.lines[0].exp().item() == model.rest.lines[0].exp().item() == pytest.approx(0.088, rel=1e-5)


def test_the_total_follows_the_condition_before_any_training() -> None:
    """Its logarithm grows with one number by a slope and does not depend on the others; a constant and one told twice are harmless."""
    rng, n = seeded(7), 4000
    x, other = 2 * torch.rand(n, generator=rng) - 1, torch.rand(n, generator=rng)
    condition = torch.stack([x, other, torch.zeros(n), other * (1 + 1e-7 * torch.randn(n, generator=rng))], dim=1)
    total = (1.0 + 1.5 * condition[:, 0] + 0.02 * torch.randn(n, generator=rng)).exp()
    model = Tree(4, (2, 2), width=8)
    model.see(Batch(condition, total[:, None, None].expand(n, 2, 2) / 4, torch.ones(n)))
    torch.testing.assert_close(model.total.trend, torch.tensor([1.0, 1.5, 0.0, 0.0, 0.0]), atol=3e-3, rtol=0)
    assert model.total.scale.item() == pytest.approx(0.02, rel=0.05)


def test_no_total_goes_far_beyond_those_of_the_training() -> None:
    """Not even where a component of the density is far too wide."""
    condition = torch.rand(2000, 1, generator=seeded(3)) + 0.1
    total = condition.squeeze(1).exp() * (1 + 0.1 * torch.rand(2000, generator=seeded(4)))
    model = Tree(1, (2, 2), width=8)
    model.see(Batch(condition, total[:, None, None].expand(2000, 2, 2) / 4, torch.ones(2000)))
    model.total.scale.fill_(3.0)
    made = model(condition, model.draw_noise(2000, seeded(5))).sum((1, 2))
    assert made.max() > total.max() / 2
    assert (made / condition.squeeze(1).exp()).max() < 1.1 * math.exp(0.1) * 1.05


def test_events_are_empty_as_often_as_those_of_the_training() -> None:
    for share in (0.0, 0.25):
        model, response = Tree(0, (2, 2), width=8), torch.ones(400, 2, 2)
        response[: int(400 * share)] = 0.0
        model.see(Batch(torch.zeros(400, 0), response, torch.ones(400)))
        for parameter in model.total.parameters():
            torch.nn.init.zeros_(parameter)
        made = model(torch.zeros(20_000, 0), model.draw_noise(20_000, seeded(0)))
        assert (made.flatten(1).sum(1) == 0).float().mean().item() == pytest.approx(share, abs=0.01)
