"""Labels, matching, energy distances and limits of critics: against values by hand, slow twins and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facsim.objectives.adversarial import ADVERSARIAL, weighted_mean
from facsim.objectives.energy import distance, energy_distance, energy_score, surrogate_witness, witness
from facsim.objectives.labels import labelled, labels
from facsim.objectives.matching import absolute_error, feature_matching
from facsim.objectives.penalties import REGULARISERS, clip_weights

SIGNED = torch.tensor([2.0, -0.5, 1.5], dtype=torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def points(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=seeded(seed)).requires_grad_(True)


def test_smoothed_cross_entropy_by_hand() -> None:
    """Verdict 2 on a real event with label 0.9: -0.9 ln s - 0.1 ln (1 - s) with s = 1 / (1 + e^-2)."""
    s = 1 / (1 + math.exp(-2))
    value = labelled(ADVERSARIAL["non-saturating"], torch.tensor([[2.0]]), torch.tensor([[0.9]]))
    assert value.item() == pytest.approx(-0.9 * math.log(s) - 0.1 * math.log(1 - s))


def test_smoothing_moves_the_best_verdict() -> None:
    """The critic is best where it says the label: s = 0.9 at logit ln 9, for least squares at 0.9."""
    for name, best in (("non-saturating", math.log(9)), ("least-squares", 0.9)):
        verdict = torch.tensor([[best]], requires_grad=True)
        labelled(ADVERSARIAL[name], verdict, torch.tensor([[0.9]])).sum().backward()
        assert verdict.grad is not None
        assert verdict.grad.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_certain_labels_are_the_plain_game(name: str) -> None:
    game, verdict = ADVERSARIAL[name], torch.linspace(-3, 3, 7)[:, None]
    assert torch.equal(labelled(game, verdict, torch.ones(7, 1)), game.real(verdict))
    assert torch.equal(labelled(game, verdict, torch.zeros(7, 1)), game.fake(verdict))


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_gradients_of_labelled_verdicts_with_signed_weights(name: str) -> None:
    verdict = points(3, 1, seed=1)
    told = torch.tensor([[1.0], [0.9], [0.0]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: weighted_mean(labelled(ADVERSARIAL[name], v, told), SIGNED), verdict)


def test_flips_have_the_asked_frequency_and_take_the_other_label() -> None:
    told = labels(20_000, 0.9, 0.0, 0.1, seeded())
    assert set(told.flatten().tolist()) == {torch.tensor(0.9).item(), 0.0}
    assert (told == 0).float().mean().item() == pytest.approx(0.1, abs=5 * math.sqrt(0.09 / 20_000))


def test_without_flips_nothing_is_drawn() -> None:
    rng = seeded()
    labels(10, 1.0, 0.0, 0.0, rng)
    assert torch.equal(rng.get_state(), seeded().get_state())


def test_feature_matching_by_hand_with_a_negative_weight() -> None:
    """Weighted means of the first feature: (3 x 1 - 1 x 3) / 2 = 0, and (2 x 1 + 0 x 3) / 2 = 1."""
    real, fake = torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.zeros(2, 2)
    assert feature_matching(real, fake, torch.tensor([3.0, -1.0])).item() == pytest.approx(0.0)
    assert feature_matching(real, fake, torch.tensor([2.0, 0.0])).item() == pytest.approx(1.0)


def test_feature_matching_compares_means_not_events() -> None:
    real = torch.randn(8, 3, generator=seeded())
    assert feature_matching(real, real.flip(0), torch.ones(8)).item() == pytest.approx(0, abs=1e-12)


def test_absolute_error_by_hand() -> None:
    real, fake = torch.tensor([[[1.0, 3.0]], [[0.0, 0.0]]]), torch.zeros(2, 1, 2)
    fake[1] = -1.0
    assert absolute_error(real, fake, torch.tensor([3.0, -1.0])).item() == pytest.approx((3 * 2 - 1) / 2)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4)])
def test_absolute_error_of_windows_against_its_slow_twin(shape: tuple[int, ...]) -> None:
    """Windows at every place that touches the image; two layers are two images."""
    rng = torch.Generator().manual_seed(0)
    real, fake, weight = torch.rand(3, *shape, generator=rng), torch.rand(3, *shape, generator=rng), torch.tensor([1.0, 2.0, -0.5])
    images, (rows, columns), total = (real - fake).reshape(3, -1, *shape[-2:]), shape[-2:], torch.zeros(3)
    places = [(i, j) for i in range(-1, rows) for j in range(-1, columns)]
    for i, j in places:
        total += images[:, :, max(i, 0) : i + 2, max(j, 0) : j + 2].sum((2, 3)).abs().mean(1) / 2
    torch.testing.assert_close(absolute_error(real, fake, weight, window=2), (weight * total / len(places)).mean())


def test_a_window_over_all_knows_the_energy_not_the_place() -> None:
    """Half of a hit's energy everywhere is as wrong as none cell by cell, but half as wrong in a window that holds it."""
    hit = torch.zeros(1, 4, 4)
    hit[0, 1, 1] = 1.0
    other = hit.roll((1, 1), (1, 2))
    one = torch.ones(1)
    assert absolute_error(hit, other, one) > absolute_error(hit, 0 * hit, one)
    assert absolute_error(hit, other, one, window=4) < absolute_error(hit, 0 * hit, one, window=4)


def test_energy_terms_by_hand() -> None:
    """x = (0, 0), y = (3, 4), y' = (6, 8) in the plane: distances 5, 10 and 5; |x| = 0."""
    x, y, other = (torch.tensor([v]) for v in ([0.0, 0.0], [3.0, 4.0], [6.0, 8.0]))
    assert distance(x, y).tolist() == [5.0]
    assert energy_score(x, y, other).tolist() == [5 + 10 - 5]
    assert surrogate_witness(x, other).tolist() == [10.0]
    assert surrogate_witness(y, other).tolist() == [5.0 - 5.0]
    assert witness(y, x, other, torch.ones(1)).tolist() == [5.0 - 5.0]
    assert witness(x, y, other, torch.tensor([2.0])).tolist() == [2 * (10.0 - 5.0)]


def slow_energy_distance(x: Tensor, y: Tensor, w: Tensor) -> float:
    """The sum over pairs of different events, one at a time."""
    total, n = 0.0, len(x)
    for i in range(n):
        for j in range(n):
            if i != j:
                apart = [float((a - b).norm()) for a, b in ((x[i], y[j]), (y[i], x[j]), (x[i], x[j]), (y[i], y[j]))]
                total += float(w[i] * w[j]) * (apart[0] + apart[1] - apart[2] - apart[3])
    return total / (n * (n - 1))


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 6), d=st.integers(1, 3), seed=st.integers(0, 1000))
def test_energy_distance_against_its_slow_twin(n: int, d: int, seed: int) -> None:
    x, y = torch.randn(n, d, generator=seeded(seed)), torch.randn(n, d, generator=seeded(seed + 1))
    w = torch.randn(n, generator=seeded(seed + 2))
    assert energy_distance(x, y, w).item() == pytest.approx(slow_energy_distance(x, y, w), abs=1e-4)


def test_energy_distance_has_no_bias() -> None:
    """Equal distributions: zero on average; N(0, 1) against N(3, 1): 2 E|N(3, sqrt 2)| - 2 E|N(0, sqrt 2)|."""
    rng = seeded()
    same = [energy_distance(torch.randn(50, 1, generator=rng), torch.randn(50, 1, generator=rng), torch.ones(50)).item() for _ in range(400)]
    apart = [energy_distance(torch.randn(50, 1, generator=rng), 3 + torch.randn(50, 1, generator=rng), torch.ones(50)).item() for _ in range(400)]
    folded = math.sqrt(2) * math.sqrt(2 / math.pi) * math.exp(-9 / 4) + 3 * math.erf(3 / 2)  # mean of |N(3, sqrt 2)|
    for values, expected in ((same, 0.0), (apart, 2 * folded - 4 / math.sqrt(math.pi))):
        mean, error = torch.tensor(values).mean().item(), torch.tensor(values).std().item() / 20
        assert mean == pytest.approx(expected, abs=5 * error)


def test_energy_score_is_least_for_the_right_width() -> None:
    """Generators N(0, s) for data N(0, 1): a proper score is least at s = 1, and so is what a Cramer generator minimises."""
    rng = seeded()
    x, y, other = (torch.randn(200_000, 1, generator=rng) for _ in range(3))
    score = {s: energy_score(x, s * y, s * other).mean().item() for s in (0.0, 0.7, 1.0, 1.4)}
    assert min(score, key=score.__getitem__) == 1.0


def test_negative_weights_subtract_a_background() -> None:
    """Signal at 0 and background at 5 with weights that cancel it: the energy score is least for a generator at the signal."""
    rng = seeded()
    x = torch.cat([torch.randn(4000, 1, generator=rng), 5 + torch.randn(2000, 1, generator=rng), 5 + torch.randn(2000, 1, generator=rng)])
    w = torch.cat([2 * torch.ones(4000), torch.ones(2000), -torch.ones(2000)])
    y, other = torch.randn(8000, 1, generator=rng), torch.randn(8000, 1, generator=rng)
    score = {at: weighted_mean(energy_score(x, at + y, at + other), w).item() for at in (-1.0, 0.0, 1.0, 2.5)}
    assert min(score, key=score.__getitem__) == 0.0


def test_energy_gradients() -> None:
    x, y, other = (points(3, 2, seed=s) for s in (1, 2, 3))
    assert torch.autograd.gradcheck(lambda a, b, c: weighted_mean(energy_score(a, b, c), SIGNED), (x, y, other))
    assert torch.autograd.gradcheck(lambda a, b: weighted_mean(surrogate_witness(a, b), SIGNED), (x, y))
    assert torch.autograd.gradcheck(lambda a, b: energy_distance(a, b, SIGNED), (x, y))
    assert torch.autograd.gradcheck(lambda a, b, c: witness(a, b, c, SIGNED).sum(), (x, y, other))
    assert torch.autograd.gradgradcheck(lambda a, b, c: witness(a, b, c, SIGNED), (x, y, other))


def test_the_distance_of_equal_points_has_gradient_zero() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    (first,) = torch.autograd.grad(distance(x, torch.ones(2, 3)).sum(), x, create_graph=True)
    first.square().sum().backward()
    assert torch.equal(first, torch.zeros(2, 3))
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_regularisers_of_a_critic_of_slope_five() -> None:
    """Slope 5 everywhere: 0, (5 - 1)^2 twice, 25 / 2; at slope 1/2: 0, 1/4, 0, 1/8."""
    real, fake = torch.randn(4, 2), torch.randn(4, 2)
    for scale, expected in ((1.0, [0.0, 16.0, 16.0, 12.5]), (0.1, [0.0, 0.25, 0.0, 0.125])):
        direction = scale * torch.tensor([3.0, 4.0])
        found = [regulariser(lambda x, d=direction: x @ d, real, fake, seeded()).mean().item() for regulariser in REGULARISERS.values()]
        assert found == pytest.approx(expected, abs=1e-5)


def test_zero_centred_penalty_looks_at_real_events_alone() -> None:
    """Critic x^2 has slope 2x: 4 x^2 / 2 at the real events, whatever the generated ones."""
    real, fake = torch.tensor([[1.0], [3.0]]), torch.full((2, 1), 100.0)
    found = REGULARISERS["zero-centred"](lambda x: x.square().sum(1), real, fake, seeded())
    assert found.tolist() == pytest.approx([2.0, 18.0])


@pytest.mark.parametrize("name", [name for name in REGULARISERS if name != "none"])
def test_gradients_of_regularisers_reach_the_critic(name: str) -> None:
    real, fake, matrix = points(4, 3, seed=1).detach(), points(4, 3, seed=2).detach(), points(3, 2, seed=3)
    assert torch.autograd.gradcheck(lambda m: REGULARISERS[name](lambda x: (x @ m).tanh().square().sum(1), real, fake, seeded()), matrix)


def test_clipping_by_hand() -> None:
    weights = torch.nn.Parameter(torch.tensor([-3.0, -0.005, 0.5]))
    clip_weights([weights], 0.01)
    assert weights.tolist() == pytest.approx([-0.01, -0.005, 0.01])
