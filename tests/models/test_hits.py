"""Hits one after the other: sequences against a loop, sampling against a slow twin without cache, probabilities that add up to one."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
import torch
from torch import Tensor

from facsim.core import FacsimError
from facsim.core.contracts import Batch
from facsim.models import build
from facsim.models.hit_sequences import HitSequences, hit_sequences
from facsim.models.hits import Hits, closed_cells
from facsim.objectives.mixture import UNBOUNDED, Mixture, log_quantile, mixture_draw, mixture_log_prob


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_hits(shape: tuple[int, ...], **settings: object) -> Hits:
    torch.manual_seed(0)
    model = build("hits", 1, shape, width=16, blocks=2, **settings)
    assert isinstance(model, Hits)
    torch.nn.init.normal_(model.network.bias)
    return model


def make_mixture(dtype: torch.dtype = torch.float64) -> Mixture:
    return Mixture(*(torch.tensor(values, dtype=dtype) for values in ([0.3, -0.4], [-1.0, 1.5], [-0.5, 0.2])))


@pytest.mark.parametrize("bound", [-2.0, 0.5, UNBOUNDED])
def test_mixture_is_a_density_below_its_bound(bound: float) -> None:
    x = torch.linspace(-60, min(bound, 60), 200_001, dtype=torch.float64)
    density = mixture_log_prob(make_mixture(), x, torch.full_like(x, bound)).exp()
    assert torch.trapezoid(density, x).item() == pytest.approx(1.0, abs=1e-4)


def test_a_draw_from_one_component_by_hand() -> None:
    """Normal at 1 with standard deviation 2; below the bound 1 half the probability is left."""
    mixture = Mixture(torch.zeros(1), torch.ones(1), torch.full((1,), math.log(2.0)))
    free, cut = (mixture_draw(mixture, torch.tensor(b), torch.tensor(0.3), torch.tensor(0.8)).item() for b in (UNBOUNDED, 1.0))
    assert free == pytest.approx(NormalDist(1, 2).inv_cdf(0.8), rel=1e-5)
    assert cut == pytest.approx(NormalDist(1, 2).inv_cdf(0.4), rel=1e-5)


@pytest.mark.parametrize("bound", [0.5, UNBOUNDED])
def test_draws_follow_the_density(bound: float) -> None:
    n = 200_000
    mixture = Mixture(*(t.expand(n, 2) for t in make_mixture()))
    u = torch.rand(n, 2, dtype=torch.float64, generator=seeded(0))
    x = mixture_draw(mixture, torch.full((n,), bound, dtype=torch.float64), u[:, 0], u[:, 1])
    grid = torch.linspace(-40, min(bound, 40), 100_001, dtype=torch.float64)
    density = mixture_log_prob(make_mixture(), grid, torch.full_like(grid, bound)).exp()
    for edge in (-2.0, -0.5, 0.3):
        expected = torch.trapezoid(density * (grid <= edge), grid).item()
        assert (x <= edge).double().mean().item() == pytest.approx(expected, abs=5 * 0.5 / math.sqrt(n))
    assert x.max() <= bound


def test_draws_far_below_every_component_stay_finite_and_below() -> None:
    mixture = Mixture(torch.zeros(2), torch.tensor([5.0, 6.0]), torch.full((2,), -3.0))
    x = mixture_draw(mixture, torch.tensor(-8.0), torch.tensor(0.7), torch.tensor(0.2))
    assert -math.inf < x.item() <= -8.0


def test_quantiles_far_in_the_tail_are_undone_by_the_distribution_function() -> None:
    log_p = -torch.logspace(-5, 5, 101, dtype=torch.float64)
    torch.testing.assert_close(torch.special.log_ndtr(log_quantile(log_p)), log_p, rtol=1e-6, atol=1e-9)


def test_mixture_gradient() -> None:
    x, bound = torch.tensor([-0.7, 0.1], dtype=torch.float64), torch.tensor([0.2, UNBOUNDED], dtype=torch.float64)
    parts = tuple(t.expand(2, 2).clone().requires_grad_() for t in make_mixture())
    assert torch.autograd.gradcheck(lambda *p: mixture_log_prob(Mixture(*p), x, bound), parts)


@pytest.mark.parametrize("order", ["energy", "cell"])
def test_sequences_are_those_of_a_loop(order: str) -> None:
    cells = torch.rand(30, 12, generator=seeded(0)) * (torch.rand(30, 12, generator=seeded(1)) < 0.4)
    hits = hit_sequences(cells, order, 12)
    for row, size, cell, log_energy in zip(cells.tolist(), hits.size.tolist(), hits.cell, hits.log_energy, strict=True):
        expected = [(i, e) for i, e in enumerate(row) if e > 0]
        expected.sort(key=lambda hit: -hit[1] if order == "energy" else hit[0])
        assert cell[:size].tolist() == [i for i, _ in expected]
        assert log_energy[:size].exp().tolist() == pytest.approx([e for _, e in expected], rel=1e-5)
        assert cell[size:].tolist() == log_energy[size:].tolist() == [0] * (hits.cell.shape[1] - size)


def test_events_without_hits_are_events() -> None:
    assert hit_sequences(torch.zeros(3, 5), "energy", 5).size.tolist() == [0, 0, 0]
    model = make_hits((5,))
    cells, energies = model.log_likelihood(torch.zeros(3, 1), hit_sequences(torch.zeros(3, 5), "energy", 5))
    assert (cells < 0).all()
    assert energies.tolist() == [0.0] * 3


def test_more_hits_than_fit_are_refused() -> None:
    with pytest.raises(FacsimError, match="max_hits=4"):
        hit_sequences(torch.ones(2, 4), "energy", 3)


def test_negative_energies_are_refused() -> None:
    with pytest.raises(FacsimError, match="negative"):
        hit_sequences(torch.tensor([[1.0, -0.5]]), "energy", 2)


def slow_sample(model: Hits, condition: Tensor, noise: Tensor) -> Tensor:
    """One event at a time, the whole sequence through the network for each hit, no buffers."""
    response, net = torch.zeros(len(noise), model.cells), model.network
    for row in range(len(noise)):
        cells: list[int] = []
        logs: list[float] = []
        for u in noise[row]:
            hits = HitSequences(torch.tensor([cells], dtype=torch.long), torch.tensor([logs]), torch.tensor([len(cells)]))
            state = net(condition[row : row + 1], hits, net.table())[0, -1]
            closed = closed_cells(hits, model.cells, model.order)[0, -1]
            p = net.logits(state[None], net.table())[0].masked_fill(closed, -math.inf).softmax(0)
            cell = int((p.cumsum(0) <= u[0]).sum())
            if cell >= model.cells:
                break
            bound = logs[-1] if logs and model.order == "energy" else net.ceiling
            log_energy = mixture_draw(net.mixture(state, net.table()[cell]), torch.tensor(bound), u[1], u[2])
            cells.append(cell)
            logs.append(log_energy.item())
            response[row, cell] = log_energy.exp()
    return response


@pytest.mark.parametrize("order", ["energy", "cell"])
def test_sampling_with_cache_is_that_without(order: str) -> None:
    model = make_hits((3, 5), order=order)
    condition, noise = torch.rand(60, 1, generator=seeded(3)), model.draw_noise(60, seeded(0))
    with torch.no_grad():
        fast, slow = model(condition, noise).flatten(1), slow_sample(model, condition, noise)
    sizes = (slow > 0).sum(1)
    assert sizes.min() < sizes.max()  # events stop at different places, so that rows are dropped on the way
    torch.testing.assert_close(fast, slow, rtol=1e-3, atol=1e-5)


def test_no_hit_exceeds_those_of_the_training() -> None:
    model = make_hits((6,))
    assert model.network.ceiling == UNBOUNDED
    response = torch.rand(20, 6, generator=seeded(0))
    model.nll(Batch(torch.zeros(20, 1), response, torch.ones(20)), seeded(0))
    sample = model(torch.zeros(2000, 1), model.draw_noise(2000, seeded(1)))
    assert response.max() < sample.max() <= 1.1 * math.exp(0.006) * response.max()


@pytest.mark.parametrize(("order", "max_hits"), [("energy", 2), ("energy", 1), ("cell", 2), ("cell", 1)])
def test_probabilities_of_all_sequences_add_up_to_one(order: str, max_hits: int) -> None:
    """Two cells; the network is deaf to energies, so that the cells' probabilities stand alone."""
    model = make_hits((2,), order=order, max_hits=max_hits)
    for parameter in model.network.energy_in.parameters():
        torch.nn.init.zeros_(parameter)
    events = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 1.0], *([[1.0, 2.0]] if order == "energy" else [])]
    held = torch.tensor([e for e in events if sum(x > 0 for x in e) <= max_hits])
    cells, _ = model.log_likelihood(torch.zeros(len(held), 1), hit_sequences(held, order, max_hits))
    assert cells.exp().sum().item() == pytest.approx(1.0, abs=1e-5)


def test_a_few_steps_teach_which_cells_fire() -> None:
    """Cell 3 alone fires, with energy 2: after training so do the samples."""
    model = make_hits((6,))
    response = torch.zeros(64, 6)
    response[:, 3] = 2.0 * torch.exp(0.1 * torch.randn(64, generator=seeded(0)))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        cells, energies = model.log_likelihood(torch.zeros(64, 1), hit_sequences(response, "energy", 6))
        (-(cells + energies).mean()).backward()
        optimiser.step()
    sample = model(torch.zeros(500, 1), model.draw_noise(500, seeded(1)))
    assert ((sample > 0) == (response[:1] > 0)).all(1).double().mean() > 0.95
    assert sample[:, 3].median().item() == pytest.approx(2.0, rel=0.1)
