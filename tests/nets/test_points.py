"""Networks of sets: the order of the points, what stands in empty places, sets without points."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from facsim.nets.points import AttentionBlock, ContextBlock, DeepSet, masked_mean, masked_sum

N, M, WIDTH, CONTEXT = 5, 7, 8, 3
Set = Callable[[Tensor, Tensor], Tensor]


def context_points(block: ContextBlock) -> Set:
    told = torch.randn(N, CONTEXT)
    return lambda points, mask: block(points, mask, told)[0]


def context_globals(block: ContextBlock) -> Set:
    told = torch.randn(N, CONTEXT)
    return lambda points, mask: block(points, mask, told)[1]


BLOCKS: dict[str, Callable[[], Set]] = {
    "context": lambda: context_points(ContextBlock(WIDTH, CONTEXT)),
    "attention": lambda: AttentionBlock(WIDTH, heads=2),
}
ROWS: dict[str, Callable[[], Set]] = {
    "context": lambda: context_globals(ContextBlock(WIDTH, CONTEXT)),
    "deep set": lambda: DeepSet(WIDTH, 2),
}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def cloud() -> tuple[Tensor, Tensor]:
    """Sets of 7, 5, 3, 1 and no points, their places in no order."""
    counts = torch.tensor([7, 5, 3, 1, 0])
    mask = torch.stack([torch.randperm(M) < count for count in counts])
    return torch.randn(N, M, WIDTH), mask


@pytest.mark.parametrize("name", BLOCKS)
def test_points_in_another_order_come_out_in_that_order(name: str) -> None:
    block, (points, mask), order = BLOCKS[name](), cloud(), torch.randperm(M)
    torch.testing.assert_close(block(points[:, order], mask[:, order]), block(points, mask)[:, order])


@pytest.mark.parametrize("name", ROWS)
def test_a_row_of_a_set_does_not_know_the_order(name: str) -> None:
    block, (points, mask), order = ROWS[name](), cloud(), torch.randperm(M)
    torch.testing.assert_close(block(points[:, order], mask[:, order]), block(points, mask))


@pytest.mark.parametrize("make", [*BLOCKS.values(), *ROWS.values()])
@pytest.mark.parametrize("rubbish", [1e6, float("nan")])
def test_what_stands_in_an_empty_place_does_not_matter(make: Callable[[], Set], rubbish: float) -> None:
    block, (points, mask) = make(), cloud()
    torch.testing.assert_close(block(torch.where(mask[..., None], points, rubbish), mask), block(points, mask))


@pytest.mark.parametrize("make", [*BLOCKS.values(), *ROWS.values()])
def test_a_longer_row_of_places_changes_nothing(make: Callable[[], Set]) -> None:
    block, (points, mask) = make(), cloud()
    more = block(torch.cat([points, torch.randn(N, 4, WIDTH)], dim=1), torch.cat([mask, torch.zeros(N, 4, dtype=torch.bool)], dim=1))
    torch.testing.assert_close(more[:, :M] if more.dim() == 3 else more, block(points, mask))


@pytest.mark.parametrize("name", BLOCKS)
def test_empty_places_come_out_zero_and_points_hear_of_each_other(name: str) -> None:
    block, (points, mask) = BLOCKS[name](), cloud()
    out = block(points, mask)
    assert (out[~mask] == 0).all()
    moved = points.clone()
    moved[0, 2, 0] += 3
    assert not torch.allclose(block(moved, mask)[0, 0], out[0, 0])
    torch.testing.assert_close(block(moved, mask)[1:], out[1:])  # but not those of other sets


def test_sums_and_means_by_hand() -> None:
    x, mask = torch.tensor([[[2.0], [4.0], [9.0]], [[1.0], [1.0], [1.0]]]), torch.tensor([[True, True, False], [False, False, False]])
    assert masked_sum(x, mask).tolist() == [[6.0], [0.0]]
    assert masked_mean(x, mask).tolist() == [[3.0], [0.0]]


def test_attention_of_a_lone_point_is_its_own_value() -> None:
    """With one key the softmax is 1: a set of one point among empty places is that point alone."""
    block = AttentionBlock(WIDTH, heads=2)
    point = torch.randn(1, 1, WIDTH)
    padded = torch.cat([torch.randn(1, 3, WIDTH), point], dim=1)
    alone = block(point, torch.ones(1, 1, dtype=torch.bool))
    torch.testing.assert_close(block(padded, torch.tensor([[False, False, False, True]]))[:, 3:], alone)
    value = torch.nn.functional.linear(block.before(point), block.project.weight[2 * WIDTH :], block.project.bias[2 * WIDTH :])
    first = point + block.join(value)
    torch.testing.assert_close(alone, first + block.think(block.between(first)))


def test_a_set_knows_how_many_points_it_has() -> None:
    """Planted defect of means alone: a set and the same set twice would be one."""
    block, points = DeepSet(WIDTH, 1, scale=0.1), torch.randn(1, 3, WIDTH)
    once, twice = (block(torch.cat([points] * k, dim=1), torch.ones(1, 3 * k, dtype=torch.bool)) for k in (1, 2))
    assert not torch.allclose(once, twice)


def test_gradients_are_finite_with_empty_sets() -> None:
    points, mask = cloud()
    points.requires_grad_(True)
    blocks = [AttentionBlock(WIDTH, heads=2), context_points(ContextBlock(WIDTH, CONTEXT))]
    sum(block(points, mask).square().sum() for block in blocks).backward()  # type: ignore[union-attr]
    assert points.grad is not None
    assert torch.isfinite(points.grad).all()
    assert (points.grad[~mask] == 0).all()


def test_a_width_that_no_heads_can_share_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of the 3 heads"):
        AttentionBlock(8, heads=3)
