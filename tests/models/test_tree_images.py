"""What trees make of the condition's images, and which blocks they are trained on."""

from __future__ import annotations

import math
from typing import cast

import pytest
import torch

from facsim.models.tree import Tree
from facsim.models.tree_levels import Blocks, halves, pyramid
from facsim.models.tree_split import FINE, Halving, balance, seen_energy


def test_how_halves_compare_by_hand() -> None:
    """Halves of 2 and 0.5 in a block of 4, and a lone second half of 3 in one of 3."""
    found = balance(torch.tensor([[4.0], [3.0]]).log(), seen_energy(torch.tensor([[2.0, 0.5], [0.0, 3.0]])))
    assert found[0].tolist() == pytest.approx([math.log(4) / 2, math.log(0.5) / 2], abs=1e-3)
    assert found[1].tolist() == pytest.approx([-math.log(3 / FINE) / 2, 0.0], abs=1e-3)


def test_each_block_compares_its_own_halves() -> None:
    tree, image = Tree(24, (4, 6), images=1, balance=True, width=8), torch.rand(3, 4, 6)
    grids = pyramid(image, tree.levels)
    for number, level in enumerate(tree.levels):
        halving, blocks = cast(Halving, tree.halvings[number]), Blocks.of(grids[number])
        seen = halving.halved.widen(grids[number + 1]).take(halving.halved.places(blocks.event, blocks.place * torch.tensor(halving.twice)))
        for column, half in zip(halving.own, halves(grids[number + 1], level), strict=True):
            assert torch.equal(seen[:, column], half[blocks.everywhere])


def test_a_tree_is_trained_on_hot_blocks() -> None:
    """Of ten hot blocks among a thousand, all with `focus`, next to none without."""
    energy, blocks, rng = torch.cat([torch.full((1000,), 1e-6), torch.ones(10)]), torch.arange(1010), torch.Generator().manual_seed(0)
    hot, any_block = (Tree(0, (4, 4), sampled=10, focus=focus, width=8) for focus in (2.0, 0.0))
    assert hot._some(blocks, energy, rng).sort().values.tolist() == list(range(1000, 1010))
    assert (any_block._some(blocks, energy, rng) >= 1000).sum() < 4
    assert torch.equal(hot._some(blocks[:10], energy[:10], rng), blocks[:10])
