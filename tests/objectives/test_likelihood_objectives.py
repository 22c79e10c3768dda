"""Likelihoods, penalties of the code and flow matching against values worked out by hand; gradients against finite differences."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
from torch import Tensor

from facsim.objectives import (
    LIKELIHOODS,
    distillation_error,
    fill_below_zero,
    kl_between_normals,
    kl_to_standard_normal,
    latent_regression,
    negative_log_likelihood,
    pair_by_transport,
    straight_path,
    total_correlation,
    two_steps_in_one,
    velocity_error,
)

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("y", "expected"), [(1.0, math.log1p(math.exp(-2))), (0.0, math.log1p(math.exp(2))), (0.25, math.log1p(math.exp(2)) - 0.5)])
def test_cross_entropy_by_hand(y: float, expected: float) -> None:
    """-y log s - (1 - y) log(1 - s) at logit 2 is log(1 + e^2) - 2 y."""
    value = LIKELIHOODS["bce"](torch.tensor([[y]]), torch.tensor([[2.0]]), torch.zeros(1))
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_zero_inflated_by_hand() -> None:
    """Hit probability 1/4; hits with log y ~ N(1, 2), seen at y = e^3."""
    output, log_std = torch.tensor([[-math.log(3.0), 1.0]]), torch.tensor([math.log(2.0)])
    empty, hit = (LIKELIHOODS["zero-inflated"](torch.tensor([[y]]), output, log_std).item() for y in (0.0, math.exp(3.0)))
    assert empty == pytest.approx(-math.log(0.75), rel=1e-5)
    assert hit == pytest.approx(math.log(4) + 0.5 + math.log(2) + HALF_LOG_2PI + 3.0, rel=1e-5)


def test_zero_inflated_draws_what_its_likelihood_says() -> None:
    n = 100_000
    output, log_std = torch.tensor([[-math.log(3.0), 0.5]]).expand(n, 2), torch.tensor([math.log(0.7)])
    y = LIKELIHOODS["zero-inflated"].draw(output, log_std, torch.randn(n, 1, generator=seeded(0)))
    log_hits = y[y > 0].log()
    assert len(log_hits) / n == pytest.approx(0.25, abs=5 * math.sqrt(0.25 * 0.75 / n))
    assert log_hits.mean().item() == pytest.approx(0.5, abs=5 * 0.7 / math.sqrt(n / 4))
    assert log_hits.std().item() == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize("name", [name for name, entry in LIKELIHOODS.items() if not entry.noisy])
def test_likelihoods_without_noise_ignore_it(name: str) -> None:
    output = torch.randn(4, 3, generator=seeded(0))
    draws = [LIKELIHOODS[name].draw(output, torch.zeros(3), torch.full((4, 3), z)) for z in (0.0, 9.0)]
    assert torch.equal(*draws)


def test_divergence_between_normals() -> None:
    """Against N(0, 1) it is the known formula; of a normal from itself it is zero; N(1, 1) from N(0, 2) by hand."""
    mean, log_std = torch.randn(5, 3, generator=seeded(0)), torch.randn(5, 3, generator=seeded(1))
    zero = torch.zeros(5, 3)
    torch.testing.assert_close(kl_between_normals(mean, log_std, zero, zero), kl_to_standard_normal(mean, 2 * log_std))
    assert kl_between_normals(mean, log_std, mean, log_std).abs().max() < 1e-5
    one, two = torch.ones(1, 1), torch.full((1, 1), math.log(2.0))
    assert kl_between_normals(one, 0 * one, 0 * one, two).item() == pytest.approx(math.log(2) + (1 + 1) / 8 - 0.5)


def test_total_correlation_of_one_dimension_is_zero() -> None:
    code = torch.randn(6, 1, generator=seeded(0))
    assert total_correlation(code, code, 0 * code, 6).abs().max() < 1e-6


def test_total_correlation_by_hand() -> None:
    """One posterior in a data set of one: q(z) factorises. Two far apart, N = 2: q(z) = p / 4 and so is each marginal: log(4)."""
    mean, log_variance = torch.tensor([[0.0, 0.0]]), torch.zeros(1, 2)
    assert total_correlation(mean + 0.3, mean, log_variance, 1).item() == pytest.approx(0.0, abs=1e-6)
    far = torch.tensor([[0.0, 0.0], [50.0, 50.0]])
    assert total_correlation(far, far, torch.zeros(2, 2), 2).tolist() == pytest.approx([math.log(4)] * 2)


def test_total_correlation_sees_dependent_codes() -> None:
    """A code twice over is dependent, two independent ones are not; the constant of the estimate is the same."""
    a, b = torch.randn(400, 1, generator=seeded(0)), torch.randn(400, 1, generator=seeded(1))
    narrow = torch.full((400, 2), -4.0)
    copied, independent = (total_correlation(z, z, narrow, 400).mean() for z in (torch.cat([a, a], 1), torch.cat([a, b], 1)))
    assert copied > independent + 1.0


def test_latent_regression_by_hand() -> None:
    assert latent_regression(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 2.0]])).tolist() == [2.5]


def test_negative_weights_push_the_density_away() -> None:
    log_prob = torch.tensor([-1.0, -3.0], requires_grad=True)
    negative_log_likelihood(log_prob, torch.tensor([3.0, -1.0])).backward()
    assert log_prob.grad is not None
    assert log_prob.grad.tolist() == [-1.5, 0.5]


def test_filled_cells_are_undone_by_the_cut() -> None:
    y = torch.rand(50, 4, generator=seeded(0)) * (torch.rand(50, 4, generator=seeded(1)) < 0.5)
    filled = fill_below_zero(y, seeded(2))
    assert torch.equal(filled.clamp_min(0), y)
    assert (filled[y == 0] < 0).all()


def test_straight_path_by_hand() -> None:
    point, velocity = straight_path(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.5]]))
    assert point.tolist() == [[2.0, 2.0]]
    assert velocity.tolist() == [[2.0, 4.0]]


def test_velocity_error_by_hand() -> None:
    """A velocity of zero misses (2, 4) by (4 + 16) / 2; the true one misses nothing."""
    noise, data, time = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.5]])
    assert velocity_error(lambda x, t: 0 * x, noise, data, time).tolist() == [10.0]
    assert velocity_error(lambda x, t: torch.tensor([[2.0, 4.0]]), noise, data, time).tolist() == [0.0]


def test_transport_finds_the_cheapest_of_all_pairings() -> None:
    noise, data = torch.randn(5, 2, generator=seeded(0)), torch.randn(5, 2, generator=seeded(1))
    paired = pair_by_transport(noise, data, torch.zeros(5, 0))
    costs = [(data - noise[list(order)]).square().sum().item() for order in permutations(range(5))]
    assert (data - paired).square().sum().item() == pytest.approx(min(costs))
    assert torch.equal(paired.sort(0).values, noise.sort(0).values)


def test_transport_does_not_pair_across_conditions() -> None:
    """Two conditions whose data lie apart: without them in the cost all negative noise would go to the first; with them each keeps its own."""
    condition = torch.tensor([[-1.0], [1.0]]).repeat(20, 1)
    noise = torch.randn(40, 1, generator=seeded(0))
    paired = pair_by_transport(noise, 3 * condition, condition)
    low = condition.squeeze(1) < 0
    assert torch.equal(paired[low].sort(0).values, noise[low].sort(0).values)


def decay(x: Tensor, t: Tensor) -> Tensor:
    return -x


def test_two_steps_in_one_by_hand() -> None:
    """dx/dt = -x from 1: two Euler steps of 1/2 lead to 1/4, so one step of 1 needs the velocity -3/4."""
    one, zero = torch.ones(1, 1), torch.zeros(1, 1)
    assert two_steps_in_one(decay, one, zero, 1.0).item() == pytest.approx(-0.75)
    assert distillation_error(decay, decay, one, zero, 1.0).item() == pytest.approx(0.0625)


def test_gradients_against_finite_differences() -> None:
    a, b = (torch.randn(4, 2, dtype=torch.float64, generator=seeded(s)).requires_grad_() for s in (0, 1))
    scale = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    time = torch.rand(4, 1, dtype=torch.float64, generator=seeded(2))
    check = torch.autograd.gradcheck
    assert check(lambda m, v: total_correlation(0.5 * m + 1, m, v, 10), (a, b))
    assert check(lambda m, s: kl_between_normals(m, s, s, m), (a, b))
    assert check(latent_regression, (a, b))
    assert check(lambda p: negative_log_likelihood(p[:, 0], time.squeeze(1)), (a,))
    assert check(lambda s: velocity_error(lambda x, t: s * x + t, a.detach(), b.detach(), time), (scale,))
    assert check(lambda s: distillation_error(lambda x, t: s * x + t, decay, a.detach(), time, 0.5), (scale,))
