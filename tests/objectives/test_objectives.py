"""Losses against values worked out by hand, and their gradients against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from facsim.objectives import ADVERSARIAL, LIKELIHOODS, between, gradient_penalty, kl_to_standard_normal, weighted_mean, zero_centred_penalty

LN2, TWO = math.log(2), torch.tensor([2.0])


@pytest.mark.parametrize(
    ("name", "real", "fake", "fool"),
    [
        ("minimax", math.log1p(math.exp(-2)), math.log1p(math.exp(2)), -math.log1p(math.exp(2))),
        ("non-saturating", math.log1p(math.exp(-2)), math.log1p(math.exp(2)), math.log1p(math.exp(-2))),
        ("kl", math.log1p(math.exp(-2)), math.log1p(math.exp(2)), -2.0),
        ("least-squares", 1.0, 4.0, 1.0),
        ("wasserstein", -2.0, 2.0, -2.0),
    ],
)
def test_adversarial_terms_by_hand(name: str, real: float, fake: float, fool: float) -> None:
    game = ADVERSARIAL[name]
    assert [game.real(TWO).item(), game.fake(TWO).item(), game.fool(TWO).item()] == pytest.approx([real, fake, fool])


def test_every_game_moves_the_generator_towards_higher_verdicts() -> None:
    for game in ADVERSARIAL.values():
        verdict = torch.tensor([-0.5], requires_grad=True)
        game.fool(verdict).sum().backward()
        assert verdict.grad is not None
        assert verdict.grad.item() < 0


def test_weights_enter_and_may_be_negative() -> None:
    assert weighted_mean(torch.tensor([1.0, 5.0]), torch.tensor([3.0, -1.0])).item() == pytest.approx(-1.0)


def linear(x: Tensor) -> Tensor:
    return x @ torch.tensor([3.0, 4.0])


def test_penalties_of_a_linear_critic() -> None:
    """A critic of slope 5 everywhere: (5 - 1)^2 and 5^2."""
    x = torch.randn(7, 2)
    assert gradient_penalty(linear, x).tolist() == pytest.approx([16.0] * 7)
    assert zero_centred_penalty(linear, x).tolist() == pytest.approx([25.0] * 7)


def test_one_sided_penalty_spares_small_slopes() -> None:
    x = torch.randn(3, 2)
    assert gradient_penalty(lambda v: 0.1 * linear(v), x, one_sided=True).tolist() == [0.0] * 3
    assert gradient_penalty(lambda v: 0.1 * linear(v), x).tolist() == pytest.approx([0.25] * 3)


def test_penalty_reaches_the_critics_parameters() -> None:
    slope = torch.tensor(2.0, requires_grad=True)
    gradient_penalty(lambda v: slope * v.sum(1), torch.randn(4, 1)).mean().backward()
    assert slope.grad is not None
    assert slope.grad.item() == pytest.approx(2.0)


def test_points_between_lie_on_the_line() -> None:
    points = between(torch.zeros(1000, 2), torch.ones(1000, 2), torch.Generator().manual_seed(0))
    assert torch.equal(points[:, 0], points[:, 1])
    assert 0 < points.min() < 0.01 < 0.99 < points.max() < 1


def test_divergence_by_hand() -> None:
    mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4.0)]])
    assert kl_to_standard_normal(mean, log_variance).item() == pytest.approx(0.5 + 0.5 * (4 - 1 - math.log(4)))


@pytest.mark.parametrize(
    ("name", "y", "expected"),
    [
        ("mse", 3.0, 4.0),
        ("normal", 3.0, 0.5 * (2 / 2) ** 2 + LN2 + 0.5 * math.log(2 * math.pi)),
        ("censored", 3.0, 0.5 * (2 / 2) ** 2 + LN2 + 0.5 * math.log(2 * math.pi)),
        ("censored", 0.0, -math.log(0.5 * math.erfc(0.5 / math.sqrt(2)))),
    ],
)
def test_likelihoods_by_hand(name: str, y: float, expected: float) -> None:
    """Mean 1, standard deviation 2; censored at zero: the probability that N(1, 2) lies below 0."""
    value = LIKELIHOODS[name](torch.tensor([[y]]), torch.tensor([[1.0]]), torch.tensor([LN2]))
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_censored_likelihood_is_a_density() -> None:
    """Probability of zero plus the integral over hits is one."""
    y = torch.linspace(1e-4, 20, 200_001, dtype=torch.float64)[:, None]
    mean, log_std = torch.tensor([[0.7]], dtype=torch.float64), torch.tensor([0.3], dtype=torch.float64)
    hits = torch.exp(-LIKELIHOODS["censored"](y, mean, log_std)).sum() * (y[1, 0] - y[0, 0])
    empty = torch.exp(-LIKELIHOODS["censored"](torch.zeros(1, 1, dtype=torch.float64), mean, log_std))
    assert (hits + empty).item() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_likelihood_gradients(name: str) -> None:
    y = torch.tensor([[0.0, 1.3, 0.2]], dtype=torch.float64)
    mean = torch.tensor([[0.4, -0.2, 2.0] * LIKELIHOODS[name].outputs], dtype=torch.float64, requires_grad=True)
    log_std = torch.tensor([0.1, -0.3, 0.2], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m, s: LIKELIHOODS[name](y, m, s + 0 * m.sum()), (mean, log_std))
