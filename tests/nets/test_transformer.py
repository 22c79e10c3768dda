"""The causal transformer: no look ahead, cached steps equal the whole forward pass."""

from __future__ import annotations

import pytest
import torch

from facsim.nets import CausalTransformer


@pytest.fixture
def net() -> CausalTransformer:
    torch.manual_seed(0)
    return CausalTransformer(16, heads=4, blocks=3).double()


def test_cached_steps_equal_the_forward_pass_also_when_the_cache_grows(net: CausalTransformer) -> None:
    x = torch.randn(3, 37, 16, dtype=torch.float64)
    cache = net.new_cache(3)
    steps = torch.stack([net.step(token, cache) for token in x.unbind(1)], dim=1)
    torch.testing.assert_close(steps, net(x))


def test_no_token_sees_those_after_it(net: CausalTransformer) -> None:
    x = torch.randn(2, 9, 16, dtype=torch.float64)
    changed = x.clone()
    changed[:, 5] += 1.0
    before, after = net(x), net(changed)
    assert torch.equal(before[:, :5], after[:, :5])
    assert (before[:, 5:] != after[:, 5:]).any(-1).all()


def test_kept_rows_go_on_as_before(net: CausalTransformer) -> None:
    x = torch.randn(4, 6, 16, dtype=torch.float64)
    rows, cache = torch.tensor([2, 0]), net.new_cache(4)
    for token in x[:, :3].unbind(1):
        net.step(token, cache)
    cache.keep(rows)
    rest = torch.stack([net.step(token, cache) for token in x[rows, 3:].unbind(1)], dim=1)
    torch.testing.assert_close(rest, net(x)[rows, 3:])


def test_heads_must_share_the_width() -> None:
    with pytest.raises(ValueError, match="multiple"):
        CausalTransformer(10, heads=4)
