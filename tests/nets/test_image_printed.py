"""A convolution of planes that are filled with one number each gives what it gives for the planes themselves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from facsim.models import build
from facsim.nets import image_printed
from facsim.nets.image_printed import OverNumbers

NUMBERS, PLANES = 3, 2


def both(kernel: int, stride: int, padding: int, size: tuple[int, int]) -> list[tuple[Tensor, ...]]:
    """Output, and gradients of weights, bias, planes and numbers: by the layer, and with the numbers filled into planes."""
    rng = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    layer = OverNumbers(NUMBERS + PLANES, 4, kernel, stride, padding).double()
    planes, numbers = torch.randn(2, PLANES, *size, generator=rng).double(), torch.randn(2, NUMBERS, generator=rng).double()
    results = []
    for filled in (False, True):
        inputs = planes.clone().requires_grad_(), numbers.clone().requires_grad_()
        whole = torch.cat([inputs[1][:, :, None, None].expand(-1, -1, *size), inputs[0]], dim=1)
        out = conv2d(whole, layer.whole.weight, layer.whole.bias, stride, padding) if filled else layer(*inputs)
        by = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).double()
        results.append((out, *torch.autograd.grad((out * by).sum(), [*layer.parameters(), *inputs])))
    return results


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (5, 1, 2)])
@pytest.mark.parametrize("size", [(32, 32), (32, 64), (10, 12)])
def test_numbers_are_as_filled_planes(kernel: int, stride: int, padding: int, size: tuple[int, int]) -> None:
    ours, filled = both(kernel, stride, padding, size)
    for a, b in zip(ours, filled, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_a_rim_too_narrow_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted defect: a kernel of 5 x 5 sees the border from two pixels away."""
    monkeypatch.setattr(image_printed, "RIM", 1)
    ours, filled = both(5, 1, 2, (32, 32))
    assert not torch.allclose(ours[0], filled[0])


@pytest.mark.parametrize("name", ["single-track", "bicycle-gan"])
def test_untrained_images_are_nearly_empty(name: str) -> None:
    """As the true ones are: a pixel holds some .0025 of the saturation; from half of it, where a sigmoid starts, the way down takes half an epoch."""
    torch.manual_seed(0)
    settings = {"images": 1, "network": "tip"} if name == "bicycle-gan" else {}
    model = build(name, 32 * 32 if settings else 3, (32, 32), **settings).eval()
    with torch.no_grad():
        made = model(torch.rand(4, model.condition_size), model.draw_noise(4, torch.Generator().manual_seed(0)))
    assert 0.001 < made.mean() < 0.006
