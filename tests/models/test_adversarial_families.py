"""What the contract test cannot ask of the adversarial families: their games by hand, their options, that they learn."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facsim.core import Events, FacsimError, RegularGrid, Variable, stream
from facsim.core.contracts import Batch, Generator
from facsim.models import MODELS, build
from facsim.models.adversarial import GAN
from facsim.models.cramer import CramerGAN
from facsim.surrogate import Surrogate, load_bundle, save_bundle
from facsim.transforms import Chain

SHAPE, N = (4, 4), 16
NAMES = ["gan", "gan-dp", "wgan-gp", "wgan-clip", "cramer", "energy-distance", "dcgan", "lagan", "pix2pix"]
SMALL: dict[str, dict[str, Any]] = {"dcgan": {"channels": 8}, "lagan": {"channels": 2}, "pix2pix": {"channels": 4}}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(name: str, condition_size: int = 1, shape: tuple[int, ...] = SHAPE, **settings: Any) -> Any:
    torch.manual_seed(0)
    return build(name, condition_size, shape, **settings)


def batch(n: int = N, condition_size: int = 1, shape: tuple[int, ...] = SHAPE) -> Batch:
    return Batch(torch.rand(n, condition_size, generator=seeded(1)), torch.rand(n, *shape, generator=seeded(2)), torch.ones(n))


def steps(model: Generator, data: Batch, n: int, rate: float = 1e-3, betas: tuple[float, float] = (0.0, 0.9), lead: float = 1.0) -> None:
    """n rounds of every objective on one batch; the critic's rate is `lead` times the generator's."""
    rng, objectives = seeded(3), model.objectives()
    optimisers = [torch.optim.Adam(o.parameters, lr=rate * (lead if o.name == "critic" else 1), betas=betas) for o in objectives]
    for _ in range(n):
        for objective, optimiser in zip(objectives, optimisers, strict=True):
            for _ in range(objective.repeats):
                optimiser.zero_grad()
                sum(objective.loss(data, rng).values()).backward()  # type: ignore[union-attr]
                optimiser.step()
                if objective.after_step is not None:
                    objective.after_step()


def test_wasserstein_critic_by_hand() -> None:
    """The loss is mean D(fake) - mean D(real), and ten times (slope - 1)^2 on the lines between, with the noise drawn in that order."""
    model, data, rng = make("wgan-gp"), batch(), seeded(5)
    terms = model.critic_loss(data, seeded(5))
    fake = model(data.condition, model.draw_noise(N, rng)).detach()
    share = torch.rand(N, 1, 1, generator=rng)
    between = (share * data.response + (1 - share) * fake).requires_grad_(True)
    (slope,) = torch.autograd.grad(model.critic(data.condition, between).sum(), between)
    apart = model.critic(data.condition, fake).mean() - model.critic(data.condition, data.response).mean()
    torch.testing.assert_close(terms["wasserstein"], apart)
    torch.testing.assert_close(terms["penalty"].detach(), 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean())


def test_the_critic_of_gan_dp_pays_for_its_slope_on_real_events() -> None:
    model, data = make("gan-dp", penalty=3.0), batch()
    x = data.response.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(model.critic(data.condition, x).sum(), x)
    torch.testing.assert_close(model.critic_loss(data, seeded())["penalty"].detach(), 1.5 * slope.flatten(1).square().sum(1).mean())


def test_clipping_holds_the_critic_after_every_step() -> None:
    model = make("wgan-clip")
    assert max(p.abs().max() for p in model.critic.parameters()) > 0.01
    steps(model, batch(), 1)
    assert max(p.abs().max() for p in model.critic.parameters()) <= 0.01
    assert max(p.abs().max() for p in model.generator.parameters()) > 0.01


def test_labels_change_the_critics_loss_alone() -> None:
    plain, told, data = make("gan"), make("gan", label=0.9, flips=0.2), batch()
    assert plain.critic_loss(data, seeded()) != told.critic_loss(data, seeded())
    assert plain.generator_loss(data, seeded()) == told.generator_loss(data, seeded())


def test_smoothed_label_by_hand() -> None:
    model, data = make("gan", label=0.9), batch()
    fake = model.sample_like(data, seeded()).detach()
    real_at, fake_at = (torch.sigmoid(model.critic(data.condition, x)) for x in (data.response, fake))
    entropy = -(0.9 * real_at.log() + 0.1 * (1 - real_at).log()).mean() - (1 - fake_at).log().mean()
    torch.testing.assert_close(model.critic_loss(data, seeded())["non-saturating"], entropy)


def test_matching_and_l1_enter_the_generators_loss() -> None:
    plain, matched = (make("gan", matching=m).generator_loss(batch(), seeded()) for m in (0.0, 2.0))
    assert set(plain) == {"fool"}
    assert set(matched) == {"fool", "matching"}
    assert matched["matching"] > 0
    model, data = make("pix2pix", l1=3.0, window=1), batch()
    expected = 3 * (model.sample_like(data, seeded()) - data.response).abs().mean()
    torch.testing.assert_close(model.generator_loss(data, seeded())["l1"], expected)


def test_feature_matching_does_not_move_the_critic() -> None:
    """In the fit the critic rests in the generator's turn; here the loss itself sends nothing through the real events."""
    model, data = make("gan", matching=1.0), batch()
    real = data.response.clone().requires_grad_(True)
    model.generator_loss(data._replace(response=real), seeded())["matching"].backward()
    assert real.grad is None


def test_cramer_with_and_without_the_surrogate_share_the_generators_gradient_on_average() -> None:
    """Without conditions, both estimate the same energy distance but for a term without the generator: 2|x - y| - |y - y'| + const."""
    data = batch(100, 0, (2,))
    gradients = []
    for surrogate in (True, False):
        model: CramerGAN = make("cramer", 0, (2,), surrogate=surrogate, last="identity")
        for seed in range(40):
            sum(model.generator_loss(data, seeded(seed)).values()).backward()  # type: ignore[union-attr]
        last = model.generator[-2]
        gradients.append(torch.cat([p.grad.flatten() for p in last.parameters()]))
    assert torch.cosine_similarity(*gradients, dim=0) > 0.99
    assert gradients[0].norm().item() == pytest.approx(gradients[1].norm().item(), rel=0.1)


@pytest.mark.parametrize("surrogate", [True, False])
def test_cramer_critic_widens_the_distance(surrogate: bool) -> None:
    model, data = make("cramer", surrogate=surrogate), batch(64)
    before = model.critic_loss(data, seeded())["energy"].item()
    optimiser = torch.optim.Adam(model.critic.parameters(), lr=1e-3)
    for seed in range(50):
        optimiser.zero_grad()
        sum(model.critic_loss(data, seeded(seed)).values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    assert model.critic_loss(data, seeded())["energy"].item() < before < 0.1


TOYS: dict[str, tuple[dict[str, Any], int, float, float]] = {  # settings, rounds, rate, lead of the critic
    "gan": ({"critic_steps": 2, "regulariser": "one-sided", "loss": "least-squares"}, 150, 1e-3, 1.0),
    "gan-dp": ({}, 150, 2e-3, 1.0),
    "wgan-gp": ({"regulariser": "one-sided"}, 300, 5e-4, 4.0),
    "cramer": ({}, 150, 1e-3, 1.0),
    "energy-distance": ({}, 150, 1e-3, 1.0),
}


@pytest.mark.parametrize("name", TOYS)
def test_learns_where_a_condition_puts_a_normal_density(name: str) -> None:
    """y ~ N(2 c, 0.5) for c in {0, 1}: means within 0.3 and widths within 50% after a short training; the first weights give means near 0."""
    torch.manual_seed(0)
    condition = torch.randint(0, 2, (256, 1)).float()
    data = Batch(condition, 2 * condition + 0.5 * torch.randn(256, 1), torch.ones(256))
    settings, rounds, rate, lead = TOYS[name]
    model = make(name, 1, (1,), latent=4, hidden=[32, 32], last="identity", **settings)
    steps(model, data, rounds, rate, lead=lead)
    for c in (0.0, 1.0):
        y = model(torch.full((4000, 1), c), model.draw_noise(4000, seeded(9))).detach()
        assert y.mean().item() == pytest.approx(2 * c, abs=0.3)
        assert y.std().item() == pytest.approx(0.5, rel=0.5)


def test_a_condition_image_reaches_its_pixel() -> None:
    """Response = condition image: the U-Net learns it, and a scalar before the image does not disturb it."""
    image = torch.rand(64, *SHAPE, generator=seeded(1))
    data = Batch(torch.cat([torch.rand(64, 1, generator=seeded(2)), image.flatten(1)], dim=1), image, torch.ones(64))
    model = make("pix2pix", 17, images=1, channels=8, depth=1, last="identity", window=1)
    steps(model, data, 200, rate=5e-3, betas=(0.5, 0.9))
    fresh = torch.rand(32, *SHAPE, generator=seeded(7))
    found = model(torch.cat([torch.zeros(32, 1), fresh.flatten(1)], dim=1), model.draw_noise(32, seeded()))
    assert (found - fresh).abs().mean() < 0.08  # a constant image would be 0.25 away, a transposed one 0.3


def sparse_pairs(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three deposits of 0.5 to 1.5, and the same each at a random one of the nine cells around: every cell is empty in most events at a condition."""
    rng, image, hits = seeded(seed), torch.zeros(n, 8, 8), torch.zeros(n, 8, 8)
    for _ in range(3):
        (row, column), (up, right) = torch.randint(1, 7, (2, n), generator=rng), torch.randint(-1, 2, (2, n), generator=rng)
        energy = torch.rand(n, generator=rng) + 0.5
        image[torch.arange(n), row, column] += energy
        hits[torch.arange(n), row + up, column + right] += energy
    return image.flatten(1), hits


def translated(**settings: Any) -> float:
    """Generated over true energy after a short training on sparse images."""
    model = make("pix2pix", 64, (8, 8), images=1, channels=8, depth=2, **settings)
    for seed in range(30):
        image, hits = sparse_pairs(64, seed)
        steps(model, Batch(image, hits, torch.ones(64)), 6, rate=2e-3, betas=(0.5, 0.9))
    image, hits = sparse_pairs(500, 99)
    return (model.eval()(image, model.draw_noise(500, seeded())).sum() / hits.sum()).item()


def test_sparse_images_keep_their_energy() -> None:
    assert translated() == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("settings", [{"window": 1}, {"last": "relu", "window": 1}])
def test_the_median_of_a_sparse_cell_is_nothing(settings: dict[str, Any]) -> None:
    """Planted defect: pulled towards the median cell by cell, the generator makes empty events."""
    assert translated(**settings) < 0.1


@pytest.mark.parametrize(
    "settings", [{"spectral": True}, {"batch_norm": False, "regulariser": "two-sided", "loss": "wasserstein"}, {"matching": 1.0}]
)
def test_options_of_the_convolutional_family_train(settings: dict[str, Any]) -> None:
    model = make("dcgan", channels=4, **settings)
    steps(model, batch(), 3)
    response = model.eval()(torch.zeros(5, 1), model.draw_noise(5, seeded()))
    assert torch.isfinite(response).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3, 5, 7), (8, 8)])
def test_odd_sizes_and_layers(name: str, shape: tuple[int, ...]) -> None:
    model = make(name, 2, shape, **SMALL.get(name, {}))
    steps(model, batch(8, 2, shape), 1)
    assert model.eval()(torch.zeros(2, 2), model.draw_noise(2, seeded())).shape == (2, *shape)


@pytest.mark.parametrize("name", NAMES)
def test_a_trained_model_is_the_same_after_a_bundle(name: str, tmp_path: Path) -> None:
    grid, variable = RegularGrid((8, 8), (5.0, 5.0)), Variable("energy", "MeV", 1.0, 2.0)
    recipe = MODELS[name].response
    rng = stream(0, "toy")
    events = Events(rng.uniform(1, 2, (N, 1)).astype(np.float32), rng.exponential(1.0, (N, 8, 8)).astype(np.float32), grid, (variable,))
    x, c = torch.tensor(events.response), torch.tensor(events.condition)
    chain, encode = Chain(grid.shape, recipe), Chain((1,), [("Encode", {"columns": [{"low": 1.0, "high": 2.0, "log": False}]})])
    chain.fit(x, c)
    model = make(name, 1, chain.shape, **SMALL.get(name, {}))
    about = {"model": {"name": name, "settings": SMALL.get(name, {})}, "training": {}}
    surrogate = Surrogate(model, encode, chain, grid, (variable,), events.condition, about)
    steps(model, surrogate.prepare(events), 2)
    model.eval()
    save_bundle(surrogate, tmp_path / "bundle")
    restored = load_bundle(tmp_path / "bundle")
    assert restored.simulate(events.condition, stream(1)) == surrogate.simulate(events.condition, stream(1))


@pytest.mark.parametrize(
    ("name", "shape", "settings", "message"),
    [
        ("gan", SHAPE, {"loss": "minmax"}, "did you mean 'minimax'"),
        ("gan", SHAPE, {"regulariser": "one_sided"}, "did you mean 'one-sided'"),
        ("gan", SHAPE, {"flips": 0.5}, "flips is out of range"),
        ("gan", SHAPE, {"label": 1.1}, "label is out of range"),
        ("gan", SHAPE, {"critic_steps": 0}, "critic_steps is out of range"),
        ("wgan-clip", SHAPE, {"clip": 0.0}, "clip is out of range"),
        ("dcgan", (16,), {}, "needs images"),
        ("pix2pix", SHAPE, {"images": 1}, "too few numbers"),
    ],
)
def test_bad_rules_are_refused(name: str, shape: tuple[int, ...], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        build(name, 1, shape, **settings)


def test_all_are_one_class_but_those_of_the_energy_distance() -> None:
    others = {"cramer", "energy-distance"}
    assert {name for name in NAMES if isinstance(make(name, **SMALL.get(name, {})), GAN)} == set(NAMES) - others


def test_energy_regression_needs_no_critic() -> None:
    model = make("energy-distance")
    assert [o.name for o in model.objectives()] == ["generator"]
    assert math.isfinite(model.generator_loss(batch(), seeded())["energy"].item())
