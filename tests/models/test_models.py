"""The one contract test of every family of models."""

from __future__ import annotations

import pytest
import torch

from facsim.core import FacsimError
from facsim.core.contracts import Batch, Generator
from facsim.models import MODELS, build

SHAPE, CONDITIONS, N = (4, 4), 2, 16


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Generator:
    torch.manual_seed(0)
    return build(request.param, CONDITIONS, SHAPE)


@pytest.fixture
def batch() -> Batch:
    response = torch.rand(N, *SHAPE, generator=seeded(1)) * (torch.rand(N, *SHAPE, generator=seeded(2)) < 0.6)
    return Batch(torch.rand(N, CONDITIONS, generator=seeded(3)), response, torch.ones(N))


def test_shapes_and_finite(model: Generator) -> None:
    response = model.eval()(torch.zeros(N, CONDITIONS), model.draw_noise(N, seeded(0)))
    assert response.shape == (N, *SHAPE)
    assert torch.isfinite(response).all()


def test_same_seed_same_output_other_noise_other_output(model: Generator) -> None:
    model.eval()
    condition = torch.full((N, CONDITIONS), 0.5)
    first, again, other = (model(condition, model.draw_noise(N, seeded(s))) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_map_is_deterministic_and_event_by_event(model: Generator) -> None:
    model.eval()  # in training, batch norm mixes events
    condition, noise = torch.rand(N, CONDITIONS), model.draw_noise(N, seeded(0))
    torch.testing.assert_close(model(condition, noise)[3:7], model(condition[3:7], noise[3:7]))


def test_conditions_matter(model: Generator) -> None:
    noise = model.eval().draw_noise(N, seeded(0))
    for column in range(CONDITIONS):
        plain = torch.full((N, CONDITIONS), 0.5)
        shifted = plain.clone()
        shifted[:, column] = 1.0
        assert not torch.equal(model(plain, noise), model(shifted, noise))


def test_every_trained_parameter_gets_a_gradient_from_its_own_objective(model: Generator, batch: Batch) -> None:
    covered: set[int] = set()
    for objective in model.objectives():
        model.zero_grad()
        sum(objective.loss(batch, seeded(5)).values()).backward()  # type: ignore[union-attr]
        still = [p for p in objective.parameters if p.grad is None or not p.grad.abs().sum() > 0]
        assert all(p.numel() == 1 for p in still), objective.name  # a Wasserstein critic's offset cancels
        covered |= {id(p) for p in objective.parameters}
    assert {id(p) for p in model.parameters() if p.requires_grad} == covered


def test_a_step_lowers_the_loss_on_a_fixed_batch(model: Generator, batch: Batch) -> None:
    """A step of 1e-3 along the gradient, or 1e-3 times a gradient that is longer: a shorter one would be lost in rounding."""
    for objective in model.objectives():
        model.zero_grad()
        before = sum(objective.loss(batch, seeded(4)).values())
        before.backward()  # type: ignore[union-attr]
        moved = [p for p in objective.parameters if p.grad is not None]
        norm = float(torch.nn.utils.get_total_norm([p.grad for p in moved if p.grad is not None]))
        torch.optim.SGD(moved, lr=1e-3 / min(1.0, norm)).step()
        assert sum(objective.loss(batch, seeded(4)).values()) < before


def test_weights_reach_the_loss(model: Generator, batch: Batch) -> None:
    """With all weights zero nothing is learned from the events; half the weights negative is allowed."""
    signed = batch._replace(weight=torch.tensor([1.0, -0.5] * (N // 2)))
    for objective in model.objectives():
        plain, weighted = (sum(objective.loss(b, seeded(4)).values()) for b in (batch, signed))
        assert torch.isfinite(torch.as_tensor(weighted))
        assert plain != weighted


def test_unconditional_models_work() -> None:
    for name in MODELS:
        model = build(name, 0, SHAPE)
        assert model(torch.zeros(3, 0), model.draw_noise(3, seeded(0))).shape == (3, *SHAPE)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [("vea", {}, "did you mean 'vae'"), ("vae", {"latnet": 3}, "did you mean 'latent'"), ("vae", {"latent": "many"}, "cannot be built")],
)
def test_bad_settings_are_refused(name: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        build(name, 1, SHAPE, **settings)
