"""The constrained Wasserstein network, and independent cells: their losses by hand, and what they learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from facsim.core import FacsimError
from facsim.core.contracts import Batch
from facsim.models import build
from facsim.models.airshower import Constrained
from facsim.models.independent import Independent
from facsim.training import Settings, fit


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Sum(nn.Module):
    """A constrainer that says the sum of the pattern."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum((1, 2))[:, None]


def constrained(**settings: float) -> Constrained:
    torch.manual_seed(0)
    model = build("airshower", 1, (4, 4), **settings)
    assert isinstance(model, Constrained)
    return model


def test_losses_of_the_constrainer_by_hand() -> None:
    """C4 of patterns with sums 16 and 32 at conditions 10 and 30: (36 + 4) / 2, in units of a label four times as large."""
    model = constrained(kappa=1e-3, scale=2.0)
    model.constrainer = Sum()
    batch = Batch(torch.tensor([[10.0], [30.0]]), torch.stack([torch.full((4, 4), 1.0), torch.full((4, 4), 2.0)]), torch.ones(2))
    assert model.constrainer_loss(batch, seeded(0))["C4"] == pytest.approx(4 * 20)
    fake = model.eval().game.sample_like(batch, seeded(3))
    expected = 1e-3 * 4 * (batch.condition - fake.sum((1, 2))[:, None]).square().mean()
    assert model.generator_loss(batch, seeded(3))["C3"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_who_moves_when() -> None:
    critic, constrainer, generator = constrained().objectives()
    assert [(o.name, o.repeats) for o in (critic, constrainer, generator)] == [("critic", 8), ("constrainer", 8), ("generator", 1)]
    parts = [set(map(id, o.parameters)) for o in (critic, constrainer, generator)]
    assert not parts[0] & parts[1]
    assert not parts[1] & parts[2]


def test_the_critic_does_not_see_the_energy() -> None:
    model, x = constrained(), torch.rand(3, 4, 4)
    assert torch.equal(model.game.critic(torch.zeros(3, 1), x), model.game.critic(torch.ones(3, 1), x))


def test_traces_are_refused() -> None:
    with pytest.raises(FacsimError, match="patterns of signals"):
        build("airshower", 1, (9, 9, 80))


def test_likelihood_of_a_cut_mixture_against_scipy() -> None:
    torch.manual_seed(0)
    model = Independent(1, (2,), hidden=(4,), components=2)
    condition, response = torch.tensor([[0.3]]), torch.tensor([[0.0, 0.7]])
    logit, mean, log_std = (t.detach().double().numpy()[0] for t in model.mixture(condition))
    share = np.exp(logit) / np.exp(logit).sum(-1, keepdims=True)
    below = (share[0] * norm.cdf(0.0, mean[0], np.exp(log_std[0]))).sum()
    density = (share[1] * norm.pdf(0.7, mean[1], np.exp(log_std[1]))).sum()
    found = model.nll(Batch(condition, response, torch.ones(1)), seeded(0))["nll"]
    assert found.item() == pytest.approx(-(np.log(below) + np.log(density)) / 2, rel=1e-5)


class Same:
    """One batch for ever."""

    steps = 1

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def epoch(self, number: int, start: int = 0) -> list[Batch]:
        return [self.batch][start:]


def test_independent_cells_learn_mean_width_and_share_of_hits() -> None:
    """v ~ N(2 c, 0.5) cut at zero in one cell, N(1, 0.2 + c^2) in another."""
    rng = np.random.default_rng(0)
    c = rng.uniform(-1, 1, 3000)
    response = np.stack([np.maximum(rng.normal(2 * c, 0.5), 0), np.maximum(rng.normal(1.0, 0.2 + c**2), 0)], axis=1)
    batch = Batch(torch.tensor(c[:, None], dtype=torch.float32), torch.tensor(response, dtype=torch.float32), torch.ones(3000))
    torch.manual_seed(0)
    model = Independent(1, (2,), hidden=(32,), components=2)
    fit(model, model.objectives(), Same(batch), Settings(epochs=250, learning_rate=1e-2, schedule="cosine", device="cpu"))
    for at in (-0.5, 0.2, 0.8):
        condition = torch.full((20_000, 1), at)
        made = model(condition, model.draw_noise(20_000, seeded(1))).detach()
        true = torch.stack([torch.normal(2 * at, 0.5, (20_000,)), torch.normal(1.0, 0.2 + at**2, (20_000,))], dim=1).clamp_min(0)
        torch.testing.assert_close(made.mean(0), true.mean(0), atol=0.06, rtol=0.04)
        torch.testing.assert_close(made.std(0), true.std(0), atol=0.04, rtol=0.08)
        torch.testing.assert_close((made > 0).float().mean(0), (true > 0).float().mean(0), atol=0.04, rtol=0)
