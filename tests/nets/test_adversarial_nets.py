"""Critics and image networks: printed tables, slow twins, shapes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, pad

from facsim.nets.critics import Columns, MinibatchDiscrimination, Planes, dense_critic, spectrally_normal
from facsim.nets.dcgan import CRITICS, GENERATORS, convolution_stack, sizes, transposed_stack
from facsim.nets.image import ImageToImage, ResidualBlock, UNet, patch_size, patch_stack
from facsim.nets.local import LocallyConnected, lagan_body, lagan_generator
from facsim.nets.mlp import OpenReLU


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("side", [32, 64])
def test_printed_tables_reach_the_printed_sizes(side: int) -> None:
    up, down = {32: ([1, 2, 4, 8, 15, 32], [32, 30, 14, 6, 4, 2]), 64: ([1, 4, 8, 16, 32, 64], [64, 32, 16, 8, 4, 1])}[side]
    assert sizes(GENERATORS[side, side], (1, 1), transposed=True) == [(n, n) for n in up]
    assert sizes(CRITICS[side, side], (side, side)) == [(n, n) for n in down]


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (4, 4), (25, 25), (30, 18), (7, 2), (1, 5)])
def test_stacks_of_any_size(size: tuple[int, int]) -> None:
    stack = transposed_stack(5, (2, *size), channels=4).eval()
    assert stack(torch.randn(3, 5)).shape == (3, 2, *size)
    body, head = convolution_stack(2, size, channels=4)
    assert head(body(torch.randn(3, 2, *size))).shape == (3, 1, *((2, 2) if size == (32, 32) else (1, 1)))


def test_printed_critic_has_batch_norm_on_the_middle_three() -> None:
    body, head = convolution_stack(1, (64, 64))
    kinds = [type(part).__name__ for part in body]
    assert kinds == ["Conv2d", "LeakyReLU", *["Conv2d", "BatchNorm2d", "LeakyReLU"] * 3]
    assert [part.out_channels for part in [*body, *head] if isinstance(part, nn.Conv2d)] == [64, 128, 256, 512, 1]


def test_locally_connected_is_a_convolution_with_its_own_weights_at_each_pixel() -> None:
    layer = LocallyConnected(2, 3, (4, 5), kernel=3)
    nn.init.normal_(layer.bias)
    x = torch.randn(6, 2, 4, 5)
    padded, y = pad(x, (1, 1, 1, 1)), layer(x)
    for row in range(4):
        for column in range(5):
            patch = padded[:, :, row : row + 3, column : column + 3]
            own = conv2d(patch, layer.weight[row * 5 + column].reshape(3, 2, 3, 3))[:, :, 0, 0]
            torch.testing.assert_close(y[:, :, row, column], own + layer.bias[:, row, column])


def test_a_step_at_one_pixel_leaves_the_weights_of_far_pixels_alone() -> None:
    layer = LocallyConnected(1, 1, (6, 6), kernel=3)
    layer(torch.randn(2, 1, 6, 6))[:, 0, 0, 0].sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad[0].abs().sum() > 0
    assert layer.weight.grad[1:].abs().sum() == 0


def test_lagan_shapes() -> None:
    assert lagan_generator(7, (1, 25, 25), channels=2)(torch.randn(3, 7)).shape == (3, 1, 25, 25)
    assert lagan_body(1, (25, 25), channels=2)(torch.randn(3, 1, 25, 25)).shape == (3, 2 * 13 * 13)


def test_closeness_by_hand() -> None:
    """Three events in one space of depth 1 with T = 1: at 0, ln 2 and ln 2."""
    layer = MinibatchDiscrimination(1, 1, depth=1)
    nn.init.ones_(layer.projection)
    x = torch.tensor([[0.0], [math.log(2)], [math.log(2)]])
    torch.testing.assert_close(layer(x), torch.cat([x, torch.tensor([[0.5], [0.75], [0.75]])], dim=1))
    assert layer(x[:1]).tolist() == [[0.0, 0.0]]


def test_a_collapsed_batch_shows() -> None:
    layer = MinibatchDiscrimination(4, 3)
    assert torch.equal(layer(torch.ones(5, 4))[:, 4:], torch.ones(5, 3))
    assert layer(torch.randn(5, 4))[:, 4:].max() < 1


def test_gradient_of_closeness() -> None:
    layer = MinibatchDiscrimination(2, 2, depth=2).double()
    assert torch.autograd.gradcheck(layer, torch.randn(3, 2, dtype=torch.float64, requires_grad=True))


def test_conditions_join_as_columns_and_planes() -> None:
    x, condition = torch.arange(4.0).reshape(1, 2, 2), torch.tensor([[7.0, 10, 11, 12, 13]])
    assert Columns()(x, condition).tolist() == [[0, 1, 2, 3, 7, 10, 11, 12, 13]]
    planes = Planes((1, 2, 2), images=1)(x, condition)
    assert planes.tolist() == [[[[0, 1], [2, 3]], [[7, 7], [7, 7]], [[10, 11], [12, 13]]]]


def test_spectral_norm_sets_the_largest_singular_value_to_one() -> None:
    critic = spectrally_normal(dense_critic(6, (8,)))
    for _ in range(200):
        critic(torch.zeros(1, 2), torch.randn(1, 4))  # each pass in training mode improves the estimate
    for part in critic.modules():
        if isinstance(part, nn.Linear):
            assert torch.linalg.matrix_norm(part.weight, 2).item() == pytest.approx(1, rel=1e-4)


def test_spectral_critic_is_not_steeper_than_one() -> None:
    critic = spectrally_normal(dense_critic(4, (16, 16))).eval()
    a, b = torch.randn(200, 4), torch.randn(200, 4)
    nothing = torch.zeros(200, 0)
    slopes = (critic(nothing, a) - critic(nothing, b)).abs().squeeze(1) / (a - b).norm(dim=1)
    assert slopes.max() <= 1.001


def test_dense_critic_with_minibatch_discrimination_sees_the_batch() -> None:
    x, nothing = torch.randn(6, 4), torch.zeros(6, 0)
    alone, aware = dense_critic(4, (8,)), dense_critic(4, (8,), kernels=3)
    torch.testing.assert_close(alone(nothing, x)[:2], alone(nothing[:2], x[:2]))
    assert not torch.allclose(aware(nothing, x)[:2], aware(nothing[:2], x[:2]))


@pytest.mark.parametrize("size", [(64, 64), (5, 9), (1, 3)])
def test_unet_keeps_the_size(size: tuple[int, int]) -> None:
    assert UNet(3, 2, channels=4)(torch.randn(2, 3, *size)).shape == (2, 2, *size)


def test_unet_sees_the_whole_image_and_the_pixel() -> None:
    """At depth 3 the corner reaches the opposite one; without the way down it reaches three pixels."""
    x = torch.zeros(1, 1, 16, 16)
    x[..., 0, 0] = 5
    deep, flat = UNet(1, 1, channels=8, depth=4), UNet(1, 1, channels=8, depth=0)
    assert (deep(x) - deep(0 * x))[..., 15, 15].abs() > 0
    assert (flat(x) - flat(0 * x))[..., 2:, 2:].abs().sum() == 0


def test_image_to_image_takes_the_last_columns_row_by_row() -> None:
    net = ImageToImage(3, 1, (1, 2, 3), channels=4, depth=1)
    nn.init.zeros_(net.lift.weight)
    nn.init.zeros_(net.lift.bias)
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    direct = net.net(torch.cat([torch.zeros(1, 2, 2, 3), image], dim=1))
    assert torch.equal(net(torch.cat([torch.ones(1, 3), image.flatten(1)], dim=1)), direct)


def test_residual_block_is_the_identity_when_its_last_convolution_is_zero() -> None:
    block = ResidualBlock(2, (1, 1, 7))
    x = torch.randn(3, 2, 4, 4, 9)
    assert block(x).shape == x.shape
    assert not torch.equal(block(x), x)
    nn.init.zeros_(block.second.weight)
    nn.init.zeros_(block.second.bias)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_verdict_sees_its_patch_and_no_more(depth: int) -> None:
    body, head = patch_stack(1, channels=4, depth=depth)
    x = torch.randn(1, 1, 48, 48, requires_grad=True)
    verdict = head(body(x))
    assert verdict.shape[2:] == (48 // 2**depth,) * 2
    verdict[0, 0, 48 // 2 ** (depth + 1), 48 // 2 ** (depth + 1)].backward()
    assert x.grad is not None
    rows = x.grad[0, 0].abs().sum(1).nonzero()
    assert rows.max() - rows.min() + 1 == patch_size(depth)


def test_even_kernels_are_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        LocallyConnected(1, 1, (4, 4), kernel=2)
    with pytest.raises(ValueError, match="odd"):
        ResidualBlock(1, (2, 2))


def test_open_relu_is_a_relu_that_lets_a_tenth_of_the_gradient_through() -> None:
    x = torch.tensor([-2.0, 3.0], requires_grad=True)
    layer = OpenReLU()
    y = layer(x)
    y.sum().backward()
    assert y.tolist() == [0.0, 3.0]
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.tensor([0.1, 1.0]))
    assert layer.eval()(x).tolist() == [0.0, 3.0]
