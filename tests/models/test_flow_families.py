"""Normalising flows and flow matching: densities, orders of convergence, distillation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from facsim.core import FacsimError
from facsim.core.contracts import Batch
from facsim.models import build
from facsim.models.flow import Flow
from facsim.models.flow_matching import SOLVERS, FlowMatching, distillation, solve


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_flow(size: int, kind: str = "spline", conditions: int = 1, **settings: object) -> Flow:
    torch.manual_seed(0)
    model = build("flow", conditions, (size,), kind=kind, likelihood="normal", **settings)
    assert isinstance(model, Flow)
    if model.location is not None:
        torch.nn.init.normal_(model.location.weight)
    return model


@pytest.mark.parametrize("kind", ["spline", "affine"])
def test_density_is_normalised(kind: str) -> None:
    model, x = make_flow(1, kind), torch.linspace(-12, 12, 20_001)[:, None]
    for value in (-0.5, 0.8):
        density = model.log_prob(torch.full_like(x, value), x).exp()
        assert torch.trapezoid(density, x[:, 0]).item() == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_density_is_that_of_the_map(size: int) -> None:
    """Change of variables with the Jacobian of forward(), taken by automatic differentiation."""
    model = make_flow(size).double()
    condition, noise = torch.tensor([[0.3]], dtype=torch.float64), torch.randn(1, size, dtype=torch.float64, generator=seeded(1))
    jacobian = torch.autograd.functional.jacobian(lambda z: model(condition, z), noise).reshape(size, size)  # type: ignore[no-untyped-call]
    expected = -0.5 * (noise.square() + math.log(2 * math.pi)).sum() - torch.linalg.slogdet(jacobian).logabsdet
    assert model.log_prob(condition, model(condition, noise)).item() == pytest.approx(expected.item(), abs=1e-5)


def test_beyond_the_training_range_the_location_goes_on_and_the_shape_stays() -> None:
    model, noise = make_flow(2), torch.randn(50, 2, generator=seeded(0))
    at = {value: model(torch.full((50, 1), value), noise) for value in (1.0, 2.0, 10.0)}
    torch.testing.assert_close(at[10.0] - at[1.0], 9 * (at[2.0] - at[1.0]), rtol=1e-4, atol=1e-4)


def test_a_flow_learns_a_density_it_can_hold() -> None:
    """x ~ N(2 c, 0.5): the loss comes down to the entropy of the normal."""
    model = make_flow(1, transforms=1)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    condition = torch.rand(2000, 1, generator=seeded(0)) * 2 - 1
    batch = Batch(condition, 2 * condition + 0.5 * torch.randn(2000, 1, generator=seeded(1)), torch.ones(2000))
    for _ in range(200):
        optimiser.zero_grad()
        loss = model.nll(batch, seeded(2))["nll"]
        loss.backward()
        optimiser.step()
    assert loss.item() == pytest.approx(0.5 * math.log(2 * math.pi * math.e) + math.log(0.5), abs=0.05)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2), ("heun", 2)])
def test_order_of_convergence(solver: str, order: int) -> None:
    """dx/dt = t - x from 1 ends at 2 / e: halving the step divides the error by 2 to the order."""

    def field(x: Tensor, t: Tensor) -> Tensor:
        return t - x

    x = torch.ones(1, 1, dtype=torch.float64)
    errors = [abs(solve(SOLVERS[solver], field, x, steps).item() - 2 / math.e) for steps in (20, 40)]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.1)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_constant_velocity_is_followed_exactly_in_one_step(solver: str) -> None:
    end = solve(SOLVERS[solver], lambda x, t: torch.full_like(x, 3.0), torch.ones(2, 1), 1)
    assert end.tolist() == [[4.0], [4.0]]


def make_euler(steps: int, seed: int) -> FlowMatching:
    torch.manual_seed(seed)
    model = build("flow-matching", 1, (2,), solver="euler", steps=steps, hidden=(32,), likelihood="normal")
    assert isinstance(model, FlowMatching)
    return model


def test_distillation_brings_the_student_to_the_teacher() -> None:
    teacher, student = make_euler(4, 0), make_euler(2, 1)
    student.load_state_dict(teacher.state_dict())
    teacher.network[0].weight.data *= 3.0
    batch = Batch(torch.zeros(256, 1), torch.randn(256, 2, generator=seeded(0)), torch.ones(256))
    noise = torch.randn(500, 2, generator=seeded(5))

    def distance() -> float:
        with torch.no_grad():
            return (student(torch.zeros(500, 1), noise) - teacher(torch.zeros(500, 1), noise)).square().mean().item()

    before, objective = distance(), distillation(student, teacher)
    optimiser = torch.optim.Adam(objective.parameters, lr=3e-3)
    for step in range(300):
        optimiser.zero_grad()
        sum(objective.loss(batch, seeded(step)).values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    assert distance() < before / 10


def test_distillation_refuses_a_teacher_of_the_wrong_steps() -> None:
    with pytest.raises(FacsimError, match="2 and 4"):
        distillation(make_euler(2, 0), make_euler(3, 0))


def test_likelihoods_that_do_not_suit_are_refused() -> None:
    with pytest.raises(FacsimError, match="unknown likelihood"):
        build("flow", 1, (2,), likelihood="mse")
