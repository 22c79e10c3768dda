"""The mixture of correlated densities: its density against scipy, its samples against its density, and what it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from facsim.core import FacsimError
from facsim.core.contracts import Batch
from facsim.models import build
from facsim.models.density import Density
from facsim.models.mixture import Components, MixtureDensity, correlated, log_density
from facsim.objectives import fill_with_noise


def test_a_component_is_a_normal_density_with_its_covariance() -> None:
    rng = np.random.default_rng(0)
    mean, log_std, slope = rng.normal(size=3), rng.normal(size=3) / 2, rng.normal(size=3)
    departures = np.eye(3)  # of unit noise in each number: columns of the root of the covariance
    lower = np.array([[0, 0, 0], [slope[0], 0, 0], [slope[1], slope[2], 0]])
    root = np.linalg.inv(np.eye(3) - lower) @ np.diag(np.exp(log_std)) @ departures
    y = rng.normal(size=(7, 3))
    own = Components(*(torch.tensor(t)[None, :, None] for t in (mean, log_std, slope)))
    assert log_density(torch.tensor(y)[..., None], own).squeeze(1).numpy() == pytest.approx(multivariate_normal(mean, root @ root.T).logpdf(y))
    noise = torch.tensor(rng.normal(size=(5, 3)))
    drawn = correlated(noise * torch.tensor(np.exp(log_std)), torch.tensor(slope).expand(5, 3))
    assert drawn.numpy() == pytest.approx(noise.numpy() @ root.T)


@pytest.mark.parametrize("settings", [{"components": 4}, {"groups": [1, 1], "components": [3, 2]}], ids=["together", "one after the other"])
def test_samples_have_the_density_that_is_told(settings: dict[str, Any]) -> None:
    """Of a random untrained mixture: mean and covariance of samples are those of the density on a grid, also where the second number's weights and
    means follow the first."""
    torch.manual_seed(1)
    model = MixtureDensity(1, (2,), hidden=[8], likelihood="normal", **settings)
    with torch.no_grad():
        next(p for p in model.parameters() if p.shape == (sum(model.outputs),)).add_(torch.randn(sum(model.outputs)) / 2)
    n = 200_000
    with torch.inference_mode():
        drawn = model(torch.full((n, 1), 0.3), model.draw_noise(n, torch.Generator().manual_seed(0))).double().numpy()
        line = torch.linspace(-6, 6, 401)
        grid = torch.cartesian_prod(line, line)
        density = model.log_prob(torch.full((len(grid), 1), 0.3), grid).exp().double().numpy() * 0.03**2
    assert density.sum() == pytest.approx(1, abs=1e-3)
    places = grid.double().numpy()
    mean = density @ places
    assert drawn.mean(0) == pytest.approx(mean, abs=0.01)
    assert np.cov(drawn.T) == pytest.approx((places - mean).T @ ((places - mean) * density[:, None]), abs=0.02)


def test_it_learns_modes_correlation_and_weights() -> None:
    """y is (c, c) or (-c, c) with equal odds, and tells of weight zero events nothing."""
    rng = np.random.default_rng(0)
    n = 6000
    condition = rng.uniform(0.5, 1, n)
    signal = rng.random(n) < 0.7
    sign, size = np.where(rng.random(n) < 0.5, 1, -1), np.where(signal, condition, 5.0)
    response = np.stack([sign * size, size], 1) + 0.05 * rng.normal(size=(n, 2))
    batch = Batch(*(torch.tensor(t, dtype=torch.float32) for t in (condition[:, None], response, signal / signal.mean())))
    torch.manual_seed(0)
    model = MixtureDensity(1, (2,), components=4, hidden=[16], likelihood="normal")
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(400):
        optimiser.zero_grad()
        model.nll(batch, torch.Generator())["nll"].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.inference_mode():
        y = model(torch.full((4000, 1), 0.8), model.draw_noise(4000, torch.Generator().manual_seed(0))).numpy()
    assert (y[:, 0] > 0).mean() == pytest.approx(0.5, abs=0.04)
    assert np.abs(y).mean(0) == pytest.approx([0.8, 0.8], abs=0.03)
    assert np.abs(y).std(0) == pytest.approx([0.05, 0.05], rel=0.25)


def test_a_group_follows_those_before() -> None:
    """The second number's choice between -2 and 2 follows the sign of the first, and its place the first's size: weights and slopes by hand."""
    model = MixtureDensity(0, (2,), hidden=[4], components=2, groups=[1, 1], likelihood="normal", narrowest=1e-3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        _, second = next(p for p in model.parameters() if p.shape == (sum(model.outputs),)).split(model.outputs)
        _, mean, log_std, slope, tilt = second.view(5, 3)
        mean[:2], log_std[:2], slope[:2], tilt[:2] = torch.tensor([-2.0, 2.0]), -3.0, 0.5, torch.tensor([-50.0, 50.0])
        y = model(torch.zeros(2000, 0), model.draw_noise(2000, torch.Generator().manual_seed(0)))
        here = model.log_prob(torch.zeros(1, 0), torch.tensor([[1.0, 2.5]]))
    clear = y[:, 0].abs() > 0.1
    left = y[clear, 1] - 2 * y[clear, 0].sign() - 0.5 * y[clear, 0]
    assert left.std().item() == pytest.approx(np.exp(-3), rel=0.1)
    assert left.abs().max() < 5 * np.exp(-3)
    assert here.item() == pytest.approx(-np.log(2 * np.pi) - 0.5 + 3, abs=1e-4)
    for settings in ({"groups": [1, 2]}, {"groups": [1, 1], "components": [2]}, {"groups": [2, 0]}):
        with pytest.raises(FacsimError, match="not those of the response"):
            MixtureDensity(1, (2,), **settings)  # type: ignore[arg-type]


def test_what_is_common_moves_all_components_together() -> None:
    """The last column of the numbers is added to those of every component: samples and density are shifted, whatever their weights."""
    torch.manual_seed(2)
    model = MixtureDensity(1, (2,), components=3, hidden=[8], likelihood="normal")
    condition, y, noise = torch.rand(50, 1), torch.randn(50, 2), model.draw_noise(50, torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, density = model(condition, noise), model.log_prob(condition, y)
        last = next(p for p in model.parameters() if p.shape == (4 * 6,)).view(6, 4)
        last[1:3, -1] += torch.tensor([5.0, -3.0])  # the numbers: a logit, two means, two deviations, a slope
        moved, same = model(condition, noise), model.log_prob(condition, y + torch.tensor([5.0, -3.0]))
    assert (moved - before).numpy() == pytest.approx(np.tile([5.0, -3.0], (50, 1)), abs=1e-5)
    assert same.numpy() == pytest.approx(density.numpy(), abs=1e-4)


@pytest.mark.parametrize(("name", "settings"), [("mixture", {"components": 3}), ("flow", {"transforms": 1})])
def test_an_event_far_from_all_tells_nothing_and_a_negative_weight_has_a_limit(name: str, settings: dict[str, Any]) -> None:
    """log(p + f): minus the logarithm of f far away, with no gradient; close by the likelihood itself."""
    torch.manual_seed(3)
    model, plain = (build(name, 1, (2,), hidden=[8], likelihood="normal", **settings, **more) for more in ({"faintest": 1e-6}, {}))
    assert isinstance(model, Density)
    assert isinstance(plain, Density)
    far, near = (Batch(torch.zeros(4, 1), torch.full((4, 2), y), torch.full((4,), -1.0)) for y in (1e3, 0.5))
    loss = model.nll(far, torch.Generator())["nll"]
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == pytest.approx(np.log(1e-6), rel=1e-6)
    assert all(float(p.grad.abs().max()) == 0 for p in model.parameters() if p.grad is not None)
    density = model.log_prob(near.condition, near.response).exp()
    assert float(model.nll(near, torch.Generator())["nll"].detach()) == pytest.approx(float((density + 1e-6).log().mean().detach()), rel=1e-6)
    plain.load_state_dict(model.state_dict())
    assert float(plain.nll(far, torch.Generator())["nll"].detach()) < -1e4
    with pytest.raises(FacsimError, match="less than nothing"):
        build(name, 1, (2,), faintest=-1.0)


def test_what_stands_still_is_filled_with_noise() -> None:
    """Half of the first numbers are zero: their likelihood is that of noise, which no density narrower than it raises."""
    rng = torch.Generator().manual_seed(0)
    y = torch.randn(20_000, 2, generator=rng)
    y[::2, 0] = 0
    filled = fill_with_noise(y, rng)
    assert torch.equal(filled[1::2], y[1::2])
    assert torch.equal(filled[:, 1], y[:, 1])
    assert filled[::2, 0].std().item() == pytest.approx(1, abs=0.03)
    model = build("mixture", 1, (2,), components=2, hidden=[4], likelihood="still")
    assert isinstance(model, Density)
    batch = Batch(torch.zeros(len(y), 1), y, torch.ones(len(y)))
    told = model.nll(batch, torch.Generator().manual_seed(1))["nll"]
    noisy = model.nll(batch._replace(response=filled), torch.Generator())["nll"]
    assert float(told.detach()) == pytest.approx(float(noisy.detach()), rel=0.05)


def test_energies_are_cut_at_zero() -> None:
    model = build("mixture", 0, (3,), hidden=[4], likelihood="censored")
    y = model(torch.zeros(500, 0), model.draw_noise(500, torch.Generator().manual_seed(0))).detach()
    assert float(y.min()) == 0
    assert 0.1 < float((y > 0).float().mean()) < 0.9


def test_too_many_numbers_are_refused() -> None:
    with pytest.raises(FacsimError, match="at most 100"):
        build("mixture", 1, (16, 16))
