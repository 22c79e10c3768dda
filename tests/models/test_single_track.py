"""The printed networks of the single-track study: their numbers of parameters."""

from __future__ import annotations

import pytest
import torch

from facsim.core import FacsimError
from facsim.models import build
from facsim.models.adversarial import GAN


def test_parameters_are_the_printed_ones() -> None:
    model = build("single-track", 3, (56, 64))
    assert isinstance(model, GAN)
    assert sum(p.numel() for p in model.generator.parameters()) == 1_688_449
    assert sum(p.numel() for p in model.critic.parameters()) == 62_657


def test_pixels_are_shares_of_the_saturation() -> None:
    model = build("single-track", 3, (56, 64))
    image = model(torch.zeros(2, 3), model.draw_noise(2, torch.Generator().manual_seed(0)))
    assert image.shape == (2, 56, 64)
    assert image.min() > 0
    assert image.max() < 1


def test_flat_responses_are_refused() -> None:
    with pytest.raises(FacsimError, match="needs images"):
        build("single-track", 3, (1488,))
