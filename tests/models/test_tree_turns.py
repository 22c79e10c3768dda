"""Turns of the tree: the hottest blocks one by one, what they are told of the whole event, blocks sampled for the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from facsim.core.contracts import Batch
from facsim.models.tree import Tree
from facsim.models.tree_levels import Blocks, Level, levels_of, pyramid
from facsim.models.tree_split import Split
from facsim.models.tree_turns import NEAR, SPAN, in_turn, rank_in_event, whole_event

TURNS: tuple[dict[str, Any], ...] = (
    {"colours": "chess"},
    {"colours": "parities"},
    {"hottest": 2},
    {"whole": True},
    {"hottest": 3, "whole": True, "depth_last": True},
    {"hottest": 3, "whole": True, "colours": "parities"},
    {"hottest": 3, "whole": True, "depth_last": True, "images": 1, "moments": True},
)
IMAGE = 5 + 3 * 4 * 4  # numbers of the condition that are moments and an image


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sparse(n: int, shape: tuple[int, ...], seed: int = 0) -> Tensor:
    rng = seeded(seed)
    return torch.rand(n, *shape, generator=rng) * (torch.rand(n, *shape, generator=rng) < 0.4)


def cuts(model: Tree, run: Callable[[], object]) -> list[Tensor]:
    """The means of all cuts' densities, level by level, in the order of events and places, as the networks give them while `run` runs."""
    found: list[list[tuple[Blocks, Split]]] = [[] for _ in model.levels]
    networks = [(i, model._halving(i, hot)) for i in range(len(model.levels)) for hot in ((False, True) if model.hottest else (False,))]
    hooks = [h.register_forward_hook(lambda _, seen, split, i=i: found[i].append((seen[0], split))) for i, h in networks]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    flat = [torch.cat([b.event * 1000 + b.flat(level.shape) for b, _ in blocks]) for level, blocks in zip(model.levels, found, strict=True)]
    return [
        torch.cat([split.ratio(torch.arange(len(b.event))).mean for b, split in blocks])[number.argsort()]
        for number, blocks in zip(flat, found, strict=True)
    ]


@pytest.mark.parametrize("settings", TURNS, ids=str)
def test_drawing_sees_what_the_likelihood_sees(settings: dict[str, Any]) -> None:
    """Every cut is drawn from the density that training gives it: no block peeps at neighbours of later turns, none is blind to earlier ones."""
    torch.manual_seed(0)
    model = Tree(IMAGE, (3, 4, 4), width=16, lines=0, **settings).eval()
    if model.total is not None:
        model.total.empty.fill_(-20.0)
    for halving in (*model.halvings, *model.hot_halvings):
        [*halving.parameters()][-1].data[2] = 3.0  # both halves have energy, as a rule: events of many blocks
    condition, noise = torch.rand(4, IMAGE), model.draw_noise(4, seeded(3))
    response = model(condition, noise)
    drawn, judged = cuts(model, lambda: model(condition, noise)), cuts(model, lambda: model.log_likelihood(condition, response))
    assert len(drawn[-1]) > 50
    for one, other in zip(drawn, judged, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_each_event_ranks_its_own_blocks() -> None:
    blocks = Blocks.of(sparse(5, (4, 4)))
    rank = rank_in_event(blocks)
    for event in range(5):
        mine = blocks.event == event
        by_rank = blocks.energy[mine][rank[mine].argsort()]
        assert sorted(rank[mine].tolist()) == list(range(int(mine.sum())))
        assert torch.equal(by_rank, by_rank.sort(descending=True).values)


def test_the_hottest_come_first_and_the_others_by_colour() -> None:
    blocks = Blocks.of(torch.tensor([[5.0, 1.0, 7.0, 2.0], [0.0, 3.0, 0.0, 0.0]]))
    assert in_turn(blocks, torch.tensor([0, 1, 0, 1, 1]), 2).tolist() == [1, 3, 0, 3, 0]


@pytest.mark.parametrize("level", levels_of((5, 6)))
def test_of_the_whole_event_only_earlier_cuts_are_told(level: Level) -> None:
    """A slow twin, block by block: energies of cut blocks lie in the middles of their halves, those of others in their own."""
    grid = sparse(3, level.shape, 1) + 0.1
    blocks, rng = Blocks.of(grid), seeded(2)
    turn, share = torch.randint(3, blocks.event.shape, generator=rng), torch.rand(len(blocks.event), generator=rng) - 0.5
    told = whole_event(blocks, share, turn, level, (5, 6))
    sides = [8 // size for size in level.shape]
    for b, (event, place, energy) in enumerate(zip(*blocks, strict=True)):
        moment, total, slab, cut, moved = [0.0, 0.0], 0.0, 0.0, 0.0, 0.0
        for o, (its_event, its_place, its_energy) in enumerate(zip(*blocks, strict=True)):
            if its_event == event:
                earlier = bool(turn[o] < turn[b])
                middle = [(float(p) + 0.5) * side - size / 2 for p, side, size in zip(its_place, sides, (5, 6), strict=True)]
                middle[level.axis] -= earlier * float(share[o]) * sides[level.axis] / 2
                moment = [m + float(its_energy) * x for m, x in zip(moment, middle, strict=True)]
                total += float(its_energy)
                if its_place[level.axis] == place[level.axis]:
                    slab += float(its_energy)
                    cut += earlier * float(its_energy)
                    moved += earlier * float(its_energy * share[o])
        centre, part = torch.tensor(moment) / total, float(energy) / total
        lever = sides[level.axis] / 2 * part
        rest = [
            torch.tanh(centre[level.axis] / lever),
            torch.tensor(part).log() / SPAN,
            torch.tensor(moved / cut if cut else 0.0),
            torch.tensor(cut / slab),
        ]
        torch.testing.assert_close(told[b], torch.cat([torch.asinh(centre / NEAR) / SPAN, torch.stack(rest)]), atol=2e-4, rtol=1e-3)


def test_the_depth_is_cut_when_all_columns_are_cells() -> None:
    cells = sparse(4, (3, 5, 4))
    levels = levels_of((3, 5, 4), last=0)
    assert [level.axis for level in levels] == [1, 1, 2, 1, 2, 0, 0]
    torch.testing.assert_close(pyramid(cells, levels)[5][:, 0, :5, :4], cells.sum(1))


@pytest.mark.parametrize("hottest", [0, 2])
def test_sampled_blocks_stand_for_all(hottest: int) -> None:
    """The loss of 32 equal events is on average the one of all blocks; but the hottest are always there."""
    torch.manual_seed(0)
    model = Tree(0, (4, 4), width=8, lines=0, sampled=5, hottest=hottest)
    batch, rng = Batch(torch.zeros(32, 0), sparse(1, (4, 4)).expand(32, 4, 4), torch.ones(32)), seeded(0)
    with torch.no_grad():
        exact = -model.log_likelihood(batch.condition, batch.response)[1].mean()
        found = torch.stack([model.nll(batch, rng)["cuts"] for _ in range(400)])
    assert found.std() > 0
    assert abs(found.mean() - exact) < 4 * found.std() / 20


def test_two_hot_cells_balance_each_other() -> None:
    """Two cells anywhere, opposite to each other and as hot as the others' centre wants: so it is in new events, since each cut is told of it."""
    rng, n = seeded(3), 1024
    place, energy = torch.randint(4, (n,), generator=rng), 1 + torch.rand(n, generator=rng)
    cells = torch.zeros(n, 8)
    cells[torch.arange(n), place] = energy
    cells[torch.arange(n), 7 - place] = energy
    spread = []
    for whole in (False, True):
        torch.manual_seed(0)
        model, batch = Tree(0, (8,), width=24, lines=0, reach=1, context=0, hottest=2, whole=whole), Batch(torch.zeros(n, 0), cells, torch.ones(n))
        model.see(batch)
        optimiser = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(120):
            optimiser.zero_grad()
            sum(model.nll(batch, rng).values()).backward()  # type: ignore[union-attr]
            optimiser.step()
        made = model(torch.zeros(n, 0), model.draw_noise(n, rng))
        spread.append((made @ (torch.arange(8) - 3.5) / made.sum(1)).std().item())
    assert spread[1] < 0.3 * spread[0]
