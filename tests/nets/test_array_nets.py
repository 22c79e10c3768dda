"""Networks for arrays of stations: sizes of the printed tables, empty stations, identity at the start."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facsim.nets.arrays import AixNet, StationTraces, TraceRefiner, pattern_critic, pattern_generator


def weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_generator_has_the_sizes_of_table_1() -> None:
    """81 -> 80, four 3 x 3 transposed convolutions without offset but with batch norm, one convolution with offset: counted by hand."""
    linear = 81 * 80 + 80
    transposed = 9 * (80 * 64 + 64 * 128 + 128 * 128 + 128 * 256) + 2 * (64 + 128 + 128 + 256)
    assert weights(pattern_generator(81, (9, 9))) == linear + transposed + 9 * 256 + 1


def test_critic_has_the_sizes_of_table_2() -> None:
    convolutions = 9 * (64 + 64 * 128 + 128 * 128 + 128 * 256) + 64 + 128 + 128 + 256
    body, head = pattern_critic(1, dropout=0.5)
    assert weights(body) == convolutions
    assert weights(head) == 256 * 100 + 100 + 101
    assert sum(isinstance(part, nn.Dropout) for part in head) == 2


def test_refiner_has_the_sizes_of_table_3() -> None:
    assert weights(TraceRefiner()) == 8 * (64 * 64 * 7 + 64) + 64 + 1


@pytest.mark.parametrize("size", [(9, 9), (4, 4), (5, 7), (3, 3)])
def test_patterns_have_the_size_of_the_array(size: tuple[int, int]) -> None:
    assert pattern_generator(6, size).eval()(torch.zeros(2, 6)).shape == (2, 1, *size)


def test_an_untrained_generator_is_not_dead() -> None:
    for seed in range(10):
        torch.manual_seed(seed)
        assert (pattern_generator(20, (9, 9))(torch.randn(8, 20)) > 0).any()


def test_traces_shrink_as_in_aixnet() -> None:
    """80 -> 19 -> 4 -> 1 bins."""
    net = StationTraces(80, 10)
    assert net.net[5].kernel_size == (4,)  # type: ignore[union-attr]
    assert net(torch.rand(2, 9, 9, 80)).shape == (2, 10, 9, 9)


def test_empty_stations_are_zero_and_all_stations_share_one_network() -> None:
    torch.manual_seed(0)
    x = torch.zeros(1, 3, 3, 80)
    x[0, 0, 1] = x[0, 2, 2] = torch.rand(80)
    features = StationTraces(80, 4)(x)
    assert torch.equal(features[0, :, 0, 1], features[0, :, 2, 2])
    assert features[0, :, 0, 1].abs().sum() > 0
    features[0, :, 0, 1] = features[0, :, 2, 2] = 0
    assert not features.any()


def test_no_station_at_all() -> None:
    assert torch.isfinite(AixNet((9, 9, 80), 2)(torch.zeros(3, 9, 9, 80))).all()


@pytest.mark.parametrize("shape", [(9, 9), (9, 9, 1), (4, 5, 81)])
def test_aixnet_takes_signals_and_traces(shape: tuple[int, ...]) -> None:
    net = AixNet(shape, 3)
    assert net(torch.rand(2, *shape)).shape == (2, 3)


def test_aixnet_learns_an_energy() -> None:
    """The signals of a toy fall with the distance from the middle and are proportional to the energy."""
    torch.manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(5.0) - 2, torch.arange(5.0) - 2, indexing="ij")
    energy = 1 + 9 * torch.rand(150, 1)
    signal = torch.log1p(energy[:, :, None] * 30 * torch.exp(-(rows**2 + columns**2) / 2))
    net = AixNet((5, 5))
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(120):
        loss = (net(signal) - energy.log()).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.05


def test_a_refiner_starts_near_the_identity_and_refines_each_row_alone() -> None:
    torch.manual_seed(0)
    net, x = TraceRefiner(maps=8, blocks=2), torch.rand(6, 1, 80)
    assert (net(x) - x[:, 0]).abs().max() < 0.05
    torch.testing.assert_close(net(x)[2:4], net(x[2:4]))
