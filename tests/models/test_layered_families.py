"""Families that go layer by layer or stage by stage, and the VAE's likelihoods."""

from __future__ import annotations

import pytest
import torch

from facsim.core import FacsimError
from facsim.core.contracts import Batch
from facsim.models import build
from facsim.models.recurrent import LayerByLayer
from facsim.models.two_stage import TwoStage
from facsim.objectives import LIKELIHOODS


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_recurrent(shape: tuple[int, ...], **settings: object) -> LayerByLayer:
    torch.manual_seed(0)
    model = build("recurrent", 1, shape, memory=16, hidden=(16,), **settings)
    assert isinstance(model, LayerByLayer)
    return model


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_layer_depends_on_those_before_and_not_on_those_after(kind: str) -> None:
    model, condition = make_recurrent((4, 3), kind=kind), torch.zeros(5, 1)
    noise = model.draw_noise(5, seeded(0))
    changed = noise.clone()
    changed[:, 1] += 3.0
    with torch.no_grad():
        before, after = model(condition, noise), model(condition, changed)
    assert torch.equal(before[:, 0], after[:, 0])
    for layer in (1, 2, 3):
        assert not torch.equal(before[:, layer], after[:, layer])


def test_training_reads_the_same_memory_that_sampling_builds() -> None:
    """Teacher forcing on a sampled event passes through the states that made it."""
    model, condition = make_recurrent((4, 3)), torch.rand(5, 1, generator=seeded(1))
    with torch.no_grad():
        made = model(condition, model.draw_noise(5, seeded(0)))
        shifted = torch.nn.functional.pad(made, (0, 0, 1, -1))
        at_once = model.recurrent(model._input(shifted, condition[:, None].expand(-1, 4, -1), model.index))
        state = None
        for layer in range(4):
            memory, state = model.recurrent.step(model._input(shifted[:, layer], condition, model.index[layer]), state)
            torch.testing.assert_close(memory, at_once[:, layer])


def test_a_flat_response_is_cut_into_layers() -> None:
    assert make_recurrent((12,), layers=4).cells == 3
    with pytest.raises(FacsimError, match="multiple of 5"):
        make_recurrent((12,), layers=5)


def test_plain_regression_of_layers_has_no_noise() -> None:
    model = make_recurrent((4, 3), likelihood="mse", latent=0)
    assert model.draw_noise(2, seeded(0)).numel() == 0
    loss = model.elbo(Batch(torch.zeros(2, 1), torch.rand(2, 4, 3), torch.ones(2)), seeded(0))
    assert loss["divergence"].item() == 0.0


def test_shapes_are_drawn_given_the_energies() -> None:
    torch.manual_seed(0)
    model = build("two-stage", 1, (7,), leading=2, likelihood="normal")
    assert isinstance(model, TwoStage)
    noise = model.draw_noise(6, seeded(0))
    changed = noise.clone()
    changed[:, :2] += 1.0
    with torch.no_grad():
        first, second = model(torch.zeros(6, 1), noise), model(torch.zeros(6, 1), changed)
        energies = model.energies(torch.zeros(6, 1), noise[:, :2])
    assert torch.equal(first[:, :2], energies)
    assert (first[:, 2:] != second[:, 2:]).all()


def test_one_stage_is_not_two() -> None:
    with pytest.raises(FacsimError, match="leading from 1 to 6"):
        build("two-stage", 1, (7,), leading=7)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_every_likelihood_decodes_and_learns(likelihood: str) -> None:
    torch.manual_seed(0)
    model = build("vae", 1, (6,), hidden=(16,), likelihood=likelihood, correlation=2.0)
    batch = Batch(torch.zeros(32, 1), torch.rand(32, 6, generator=seeded(0)) * (torch.rand(32, 6, generator=seeded(1)) < 0.6), torch.ones(32))
    (objective,) = model.objectives()
    optimiser = torch.optim.Adam(objective.parameters, lr=1e-2)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = torch.stack(list(objective.loss(batch, seeded(2)).values())).sum()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1
    response = model(torch.zeros(8, 1), model.draw_noise(8, seeded(3)))
    assert torch.isfinite(response).all()
    assert likelihood == "normal" or (response >= 0).all()
