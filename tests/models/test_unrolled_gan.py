"""The printed networks of unrolled showers: numbers of parameters, what the generator is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from facsim.core import FacsimError
from facsim.core.contracts import Batch
from facsim.models.unrolled_gan import Merge, unrolled_lagan, unrolled_wgan
from facsim.nets.local import LocallyConnected

ENERGY_AND_BIT, ONE_HOT = 2, 3


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_parameters_of_the_dense_generator_are_the_printed() -> None:
    """Energy and two kinds one-hot: 200 x 2 and 200 x 2 for the conditions, 200 x 10,000 and 10,000 for the cells."""
    assert count(unrolled_wgan(ONE_HOT, (25, 400)).generator) == 2_010_800


def test_parameters_of_the_critics_are_the_printed() -> None:
    """The source's particle is one bit, as here with two conditions; one-hot needs 8 and 1 more."""
    assert count(unrolled_wgan(ENERGY_AND_BIT, (25, 400)).critic) == 2_560_865
    assert count(unrolled_lagan(ENERGY_AND_BIT, (25, 25)).critic) == 855_067
    assert count(unrolled_wgan(ONE_HOT, (25, 400)).critic) == 2_560_865 + 8
    assert count(unrolled_lagan(ONE_HOT, (25, 25)).critic) == 855_067 + 1


def test_the_locally_connected_generator_comes_near_the_printed_number() -> None:
    """Its channels are not printed, and no round ones give 858,429."""
    assert count(unrolled_lagan(ONE_HOT, (25, 25), told_energy=False).generator) == pytest.approx(858_429, rel=0.02)


def test_merging_multiplies() -> None:
    merge = Merge(2, 3)
    with torch.no_grad():
        merge.energy.weight.fill_(2.0)  # type: ignore[union-attr]
        merge.energy.bias.fill_(1.0)  # type: ignore[union-attr]
        merge.kind.weight.copy_(torch.tensor([[1.0, 10.0], [1.0, 10.0]]))  # type: ignore[union-attr]
        made = merge(torch.tensor([[1.0, -1.0, 0.5, 0.0, 1.0]]))
    assert made.tolist() == [[20.0, -20.0]]


def test_a_generator_that_is_not_told_the_energy_ignores_it() -> None:
    model = unrolled_lagan(2, (25, 25), told_energy=False)
    noise = model.draw_noise(4, torch.Generator().manual_seed(0))
    low, high = (model(torch.tensor([[e, 1.0]]).expand(4, 2), noise) for e in (0.0, 1.0))
    assert torch.equal(low, high)


def test_a_stride_without_padding_reads_its_own_patches() -> None:
    layer = LocallyConnected(1, 1, (5, 5), 3, stride=2, padding=0)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[:, 0, 4] = torch.tensor([1.0, 2.0, 3.0, 4.0])  # the middle of each patch, by a weight of its own
        made = layer(torch.arange(25.0).reshape(1, 1, 5, 5))
    assert made[0, 0].tolist() == [[6.0, 16.0], [48.0, 72.0]]


def test_cells_in_three_axes_are_refused() -> None:
    with pytest.raises(FacsimError, match="Unroll"):
        unrolled_wgan(2, (25, 20, 20))


@pytest.mark.parametrize(("build", "shape"), [(unrolled_wgan, (3, 4)), (unrolled_lagan, (6, 5))])
def test_a_penalty_in_place_of_clipping_reaches_every_weight(build: Any, shape: tuple[int, int]) -> None:
    """The slope is differentiated twice, also through locally connected layers."""
    critic, generator = build(ONE_HOT, shape, loss="non-saturating", regulariser="zero-centred", penalty=0.5, clip=None, critic_steps=1).objectives()
    batch = Batch(torch.rand(4, ONE_HOT), torch.rand(4, *shape), torch.ones(4))
    terms = critic.loss(batch, torch.Generator().manual_seed(0))
    assert (critic.after_step, critic.repeats, generator.repeats) == (None, 1, 1)
    assert terms["penalty"] > 0
    slopes = torch.autograd.grad(terms["penalty"], critic.parameters, allow_unused=True)
    assert all(slope is not None and slope.isfinite().all() for slope, p in zip(slopes, critic.parameters, strict=True) if p.ndim > 1)
