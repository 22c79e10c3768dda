"""Image-to-image families with an encoder: the printed networks, their losses by hand, planted defects, and that what they make varies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from facsim.core import Events, FacsimError, RegularGrid, Variable, stream
from facsim.core.contracts import Batch
from facsim.data.memory import InMemory
from facsim.models import build
from facsim.models.encoded_gan import EncodedGAN
from facsim.nets.image_code import InPlanes, Layout
from facsim.objectives import window_score
from facsim.studies.workflow import Plan, train
from facsim.surrogate import load_bundle, save_bundle
from facsim.training import Settings

NAMES = ["vae-gan", "clr-gan", "bicycle-gan"]
N, SIZE = 6, 8
SMALL: dict[str, Any] = {"channels": 4, "depth": 1}
ENCODER, CIR, TIP, CRITIC = 601_344, 2_266_490, 2_815_674, 1_058_690  # as printed
HEAD = 64 * 64 + 64  # the layer of the variance, which is not printed
TIP_ROW_2, CRITIC_ROW_1 = (256, 2 * 64), (395_009, 3 * 3 * 32 * 32 + 32)  # printed and true


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(name: str = "bicycle-gan", size: int = SIZE, numbers: int = 0, **settings: Any) -> EncodedGAN:
    torch.manual_seed(0)
    model = build(name, numbers + size * size, (size, size), images=1, **settings)
    assert isinstance(model, EncodedGAN)
    return model


def batch(n: int = N, size: int = SIZE) -> Batch:
    return Batch(torch.rand(n, size * size, generator=seeded(1)), torch.rand(n, size, size, generator=seeded(2)), torch.ones(n))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# --- the printed networks ---------------------------------------------------------------------------------------------


def test_parameters_are_the_printed_ones_where_the_print_can_be_right() -> None:
    cir, point = make("bicycle-gan", 64, network="cir"), make("clr-gan", 64, network="cir")
    assert count(cir.generator) == CIR
    assert count(point.encoder) == ENCODER
    assert count(make("bicycle-gan", 64, network="cir", spread=False).encoder) == ENCODER
    assert count(cir.encoder) == ENCODER + HEAD
    assert cir.latent == 64


def test_parameters_where_it_cannot() -> None:
    """The generator of TIP and the discriminator have one row each whose number is not that of its printed shape."""
    tip = make("bicycle-gan", 64, network="tip")
    assert count(tip.generator) == TIP - TIP_ROW_2[0] + TIP_ROW_2[1]
    assert count(tip.critic) == CRITIC - CRITIC_ROW_1[0] + CRITIC_ROW_1[1]
    assert count(tip.critic) == 672_929


@pytest.mark.parametrize(("patch", "verdicts"), [(True, 4), (False, 1)])
def test_verdicts_of_the_printed_critic(patch: bool, verdicts: int) -> None:
    critic = make("bicycle-gan", 64, network="cir", patch=patch).critic.eval()
    assert critic(torch.rand(2, 64 * 64), torch.rand(2, 64, 64)).shape == (2, verdicts)
    assert count(critic) == 672_929


@pytest.mark.parametrize("network", ["cir", "tip"])
def test_printed_networks_make_shares_of_the_saturation(network: str) -> None:
    model = make("bicycle-gan", 32, network=network, numbers=1, channels=8).eval()
    condition = torch.rand(3, 1 + 32 * 32)
    image, other = (model(condition, model.draw_noise(3, seeded(s))) for s in (0, 1))
    assert image.shape == (3, 32, 32)
    assert image.min() > 0
    assert image.max() < 1
    assert not torch.equal(image, other)


def test_the_printed_encoder_sees_the_response_alone_and_ours_the_condition_too() -> None:
    for network, size, alone in (("cir", 32, True), ("unet", SIZE, False)):
        model, data = make("bicycle-gan", size, network=network), batch(2, size)
        mean, _ = model.encode(data)
        assert torch.equal(mean, model.encode(data._replace(condition=data.condition.flip(0)))[0]) == alone
        assert not torch.equal(mean, model.encode(data._replace(response=data.response.flip(0)))[0])


def test_every_kind_of_network_steps() -> None:
    model = make("bicycle-gan", 32, network="tip", channels=8, kernels=3, spectral=True, matching=1.0, regulariser="none")
    for objective in model.objectives():
        sum(objective.loss(batch(2, 32), seeded()).values()).backward()  # type: ignore[union-attr]
        assert all(torch.isfinite(p.grad).all() for p in objective.parameters if p.grad is not None)


# --- code and conditions in planes ------------------------------------------------------------------------------------


def test_planes_by_hand() -> None:
    """One number for the event, a plane of 1 x 2 places of 4 x 4 pixels, one scalar condition, one image."""
    layout = Layout((1, 4, 8), numbers=1, images=1, latent=1, planes=1, grain=4)
    image = torch.arange(32.0).reshape(1, 4, 8)
    planes = InPlanes(layout)(torch.cat([torch.tensor([[7.0, 1.0, 2.0, 5.0]]), image.flatten(1)], dim=1))[0]
    assert planes.shape == (layout.inputs, 4, 8)
    assert (planes[0] == 7).all()
    assert (planes[1] == 5).all()
    assert torch.equal(planes[2], image[0])
    assert (planes[3, :, :4] == 1).all()
    assert (planes[3, :, 4:] == 2).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3, 5, 7), (6, 9)])
def test_odd_sizes_and_layers(name: str, shape: tuple[int, ...]) -> None:
    model = build(name, 2, shape, **SMALL)
    data = Batch(torch.rand(4, 2), torch.rand(4, *shape), torch.ones(4))
    for objective in model.objectives():
        sum(objective.loss(data, seeded()).values()).backward()  # type: ignore[union-attr]
    assert model.eval()(data.condition, model.draw_noise(4, seeded())).shape == (4, *shape)


# --- losses by hand ---------------------------------------------------------------------------------------------------


def test_the_loss_of_bicycle_gan_by_hand() -> None:
    model, data, rng = make(lambda_x=2.0, lambda_z=3.0, lambda_kl=0.5, **SMALL), batch(), seeded(4)
    terms = model.generator_loss(data, seeded(4))
    noise = torch.randn(N, model.latent, generator=rng)
    mean, log_variance = model.encoder(data.condition, data.response)
    code = mean + (log_variance / 2).exp() * torch.randn(N, model.latent, generator=rng)
    fake, again = model(data.condition, noise), model(data.condition, code)
    verdicts = [model.critic(data.condition, image) for image in (fake, again)]
    by_hand = {
        "fool": -sum(torch.sigmoid(v).log().mean() for v in verdicts) / 2,
        "reconstruction": 2 * (data.response - again).abs().sum() / N,
        "code": 3 * (noise - model.encoder(data.condition, fake)[0]).abs().mean(),
        "divergence": 0.5 * 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum() / N,
    }
    assert terms.keys() == by_hand.keys()
    for key, value in by_hand.items():
        torch.testing.assert_close(terms[key], value, msg=key)


@pytest.mark.parametrize(("posterior", "judged"), [(False, 1), (True, 2)])
def test_both_forms_of_vae_gan(posterior: bool, judged: int) -> None:
    """Eq. 4.2.3: the critic judges what is made of noise; eq. 4.2.4: of the codes of real events too. Labels are not smoothed here."""
    model, data, rng = make("vae-gan", posterior=posterior, label=1.0, regulariser="none", **SMALL), batch(), seeded(4)
    terms = model.critic_loss(data, seeded(4))
    codes = [torch.randn(N, model.latent, generator=rng)]
    mean, log_variance = model.encode(data)
    codes.append(mean + (log_variance / 2).exp() * torch.randn(N, model.latent, generator=rng))
    fakes = [torch.sigmoid(model.critic(data.condition, model(data.condition, code))) for code in codes[:judged]]
    real = torch.sigmoid(model.critic(data.condition, data.response))
    expected = -real.log().mean() - sum((1 - fake).log().mean() for fake in fakes) / judged
    torch.testing.assert_close(terms["non-saturating"], expected)
    assert "code" not in model.generator_loss(data, seeded())


def test_terms_of_the_latent_regressor() -> None:
    """No real event is encoded, and the encoder is a point estimate."""
    model = make("clr-gan", **SMALL)
    assert set(model.generator_loss(batch(), seeded())) == {"fool", "code"}
    assert model.encoder.spread is None


@pytest.mark.parametrize(("name", "learns"), [("clr-gan", True), ("bicycle-gan", False)])
def test_who_learns_from_the_code_of_made_events(name: str, learns: bool) -> None:
    model = make(name, **SMALL)
    model.generator_loss(batch(), seeded())["code"].backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in model.encoder.parameters()) == learns
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.generator.parameters())


@pytest.mark.parametrize("loss", ["non-saturating", "kl", "wasserstein"])
def test_the_objectives_of_appendix_b(loss: str) -> None:
    """The generator minimises -log s(c), -c, -c of the verdict c; with the mean over both made events a Wasserstein critic's offset cancels."""
    model, data = make(loss=loss, label=1.0, regulariser="none", **SMALL), batch()
    before, fool = model.critic_loss(data, seeded())[loss], model.generator_loss(data, seeded())["fool"]
    with torch.no_grad():
        model.critic.head[-1].bias += 1
    after, fooled = model.critic_loss(data, seeded())[loss], model.generator_loss(data, seeded())["fool"]
    assert torch.isclose(after, before, atol=1e-5) == (loss == "wasserstein")
    if loss == "non-saturating":
        assert fooled < fool
    else:
        torch.testing.assert_close(fooled, fool - 1)


@pytest.mark.parametrize("settings", [{"flips": 0.4}, {"label": 0.8}, {"matching": 1.0}, {"kernels": 3}, {"spectral": True}, {"patch": False}])
def test_every_switch_changes_a_loss(settings: dict[str, Any]) -> None:
    plain, switched, data = make(**{"label": 0.9, **SMALL}), make(**{"label": 0.9, **SMALL, **settings}), batch()
    losses = [sum(o.loss(data, seeded()).values()) for model in (plain, switched) for o in model.objectives()]
    assert all(torch.isfinite(torch.as_tensor(loss)) for loss in losses)
    assert losses[:2] != losses[2:]


def test_minibatch_discrimination_sees_the_other_events() -> None:
    critic, data = make(kernels=3, **SMALL).critic, batch()
    same = data.response[:1].expand(N, -1, -1)
    alone, among = (critic(data.condition, torch.cat([same[:1], rest]))[0] for rest in (same[1:], data.response[1:]))
    assert not torch.equal(alone, among)


@pytest.mark.parametrize(
    ("name", "size", "settings", "message"),
    [
        ("bicycle-gan", 8, {"network": "cri"}, "did you mean 'cir'"),
        ("bicycle-gan", 48, {"network": "cir"}, "multiples of 32"),
        ("bicycle-gan", 64, {"network": "cir", "planes": 2}, "planes with network=unet alone"),
        ("bicycle-gan", 8, {"images": 2}, "too few numbers"),
        ("bicycle-gan", 8, {"latent": 0, "planes": 0}, "cannot have such a code"),
        ("bicycle-gan", 8, {"lambda_x": -1.0}, "lambda_x is out of range"),
        ("clr-gan", 8, {"lambda_z": 0.0}, "nothing to do"),
        ("clr-gan", 8, {"windows": [0, 4]}, "windows are out of range"),
    ],
)
def test_bad_settings_are_refused(name: str, size: int, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        build(name, size * size, (size, size), **{"images": 1, **settings})


def test_the_score_of_windows_by_hand() -> None:
    """A slow twin: every window of 2 x 2 (the last ones cut off at the border) and every cell; and the term in the loss."""
    real, one, other = torch.rand(3, 2, 3, 5, generator=seeded())
    total = 0.0
    for event in range(2):
        for size in (1, 2):
            for row in range(0, 3, size):
                for column in range(0, 5, size):
                    x, y, z = (image[event, row : row + size, column : column + size].sum().item() for image in (real, one, other))
                    total += (event + 1) * (abs(x - y) + abs(x - z) - abs(y - z)) / 2
    found = window_score(real, one, other, torch.tensor([1.0, 2.0]), [1, 2])
    assert found.item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_score_enters_the_loss_with_a_second_event(name: str) -> None:
    model, data, rng = make(name, lambda_score=0.5, windows=[1, 8], **SMALL), batch(), seeded(4)
    term = model.generator_loss(data, seeded(4))["score"]
    first = model(data.condition, model.draw_noise(N, rng))
    if model.ways.encodes:
        model.draw_noise(N, rng)
    second = model(data.condition, model.draw_noise(N, rng))
    torch.testing.assert_close(term, 0.5 * window_score(data.response, first, second, data.weight, [1, 8]))


def test_the_score_is_best_for_the_true_spread() -> None:
    """Of normal numbers with widths .5, 1, 2 against truth of width 1; the differences are many errors."""
    truth, noise, again = torch.randn(3, 20_000, 1, 1, generator=seeded())
    narrow, right, wide = (window_score(truth, s * noise, s * again, torch.ones(20_000), [1]).item() for s in (0.5, 1.0, 2.0))
    assert right < min(narrow, wide) - 0.05


# --- a toy: the blurred condition times a random factor of each event -------------------------------------------------

TOY, DEPOSITS = 16, 3
SETTINGS: dict[str, Any] = {
    "latent": 2,
    "planes": 0,
    "channels": 8,
    "depth": 1,
    "located": False,
    "regulariser": "none",
    "lambda_x": 5.0,
    "lambda_kl": 1.0,
}


def toy(n: int, seed: int) -> tuple[Batch, Tensor]:
    """Events with three deposits as condition, and each event's factor, uniform from .5 to 1.5."""
    rng, image = seeded(seed), torch.zeros(n, TOY, TOY)
    for _ in range(DEPOSITS):
        row, column = torch.randint(0, TOY, (2, n), generator=rng)
        image[torch.arange(n), row, column] += torch.rand(n, generator=rng) + 0.5
    factor = 0.5 + torch.rand(n, generator=rng)
    return Batch(image.flatten(1), factor[:, None, None] * blurred(image), torch.ones(n)), factor


def blurred(image: Tensor) -> Tensor:
    return 3 * avg_pool2d(image[:, None], 3, 1, 1)[:, 0]


def trained(model: Any, rounds: int, n: int = 32, rate: float = 5e-3) -> Any:
    rng, objectives = seeded(3), model.objectives()
    optimisers = [torch.optim.Adam(o.parameters, lr=rate, betas=(0.5, 0.9)) for o in objectives]
    for i in range(rounds):
        data, _ = toy(n, 1000 + i)
        for objective, optimiser in zip(objectives, optimisers, strict=True):
            optimiser.zero_grad()
            sum(objective.loss(data, rng).values()).backward()
            optimiser.step()
    return model.eval()


def variety(model: Any) -> float:
    """Generated over true variance of all pixels at one condition, the mean of five; the factor's variance is 1/12."""
    data, ratios = toy(5, 7)[0], []
    for condition in data.condition:
        with torch.no_grad():
            images = model(condition.expand(300, -1), model.draw_noise(300, seeded(9)))
        ratios.append(images.var(0).sum() / (blurred(condition.reshape(1, TOY, TOY)).square().sum() / 12))
    return torch.stack(ratios).mean().item()


def told(model: EncodedGAN) -> float:
    """Correlation of an event's factor with the energy of what is made of its code."""
    data, factor = toy(300, 99)
    with torch.no_grad():
        again = model(data.condition, model.encode(data)[0])
    return torch.corrcoef(torch.stack([again.sum((1, 2)) / data.condition.sum(1), factor]))[0, 1].item()


@pytest.fixture(scope="module")
def bicycle() -> EncodedGAN:
    model: EncodedGAN = trained(make(size=TOY, **SETTINGS), 400)
    return model


def test_events_at_one_condition_vary_as_the_truth(bicycle: EncodedGAN) -> None:
    assert 0.5 < variety(bicycle) < 1.5
    assert told(bicycle) > 0.6


def test_pix2pix_ignores_its_noise() -> None:
    torch.manual_seed(0)
    model = build("pix2pix", TOY * TOY, (TOY, TOY), images=1, channels=8, depth=1, window=1, l1=100.0, regulariser="none")
    assert variety(trained(model, 100)) < 0.1


def test_the_mean_event_is_the_blurred_condition(bicycle: EncodedGAN) -> None:
    assert distance_from_truth(bicycle) < 0.3


def distance_from_truth(model: EncodedGAN) -> float:
    """Of the mean over the noise from the blurred condition, as a share of its energy."""
    condition = toy(20, 7)[0].condition
    with torch.no_grad():
        mean = torch.stack([model(condition, model.draw_noise(20, seeded(s))) for s in range(50)]).mean(0)
    truth = blurred(condition.reshape(-1, TOY, TOY))
    return ((mean - truth).abs().sum() / truth.sum()).item()


def test_target_and_condition_swapped_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted defect: a model that learned to take the blur away doubles what it should blur."""
    model = make(size=TOY, **SETTINGS)
    losses = {name: getattr(model, name) for name in ("critic_loss", "generator_loss")}
    for name, loss in losses.items():
        monkeypatch.setattr(model, name, lambda data, rng, loss=loss: loss(swapped(data), rng))
    assert distance_from_truth(trained(model, 120)) > 0.6


def swapped(data: Batch) -> Batch:
    return Batch(data.response.flatten(1), data.condition.reshape(-1, TOY, TOY), data.weight)


def test_an_encoder_fed_with_the_wrong_image_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted defect: from the condition image nothing can be known of the factor."""
    model = make(size=TOY, **SETTINGS)
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda data: encode(data._replace(response=data.condition.reshape(-1, TOY, TOY))))
    assert abs(told(trained(model, 120))) < 0.3


def test_noise_that_is_ignored_is_seen(bicycle: EncodedGAN, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted defect: the generator gets zeros for its code. Then nothing varies, and no encoder can find the code: the error is E|z| or more."""
    data, _ = toy(2000, 5)
    healthy = bicycle.code_terms(data, *made(bicycle, data))["code"]
    monkeypatch.setattr(bicycle, "forward", lambda condition, noise, forward=bicycle.forward: forward(condition, 0 * noise))
    assert variety(bicycle) < 1e-6
    ignored = bicycle.code_terms(data, *made(bicycle, data))["code"]
    assert ignored > (2 / np.pi) ** 0.5 - 0.03 > healthy


def made(model: EncodedGAN, data: Batch) -> tuple[Tensor, Tensor]:
    noise = model.draw_noise(len(data.weight), seeded(8))
    with torch.no_grad():
        return noise, model(data.condition, noise)


@pytest.mark.parametrize("name", NAMES)
def test_noise_changes_an_untrained_and_a_briefly_trained_model(name: str) -> None:
    model = make(name, TOY, channels=4, depth=1)
    for rounds in (0, 10):
        assert variety(trained(model, rounds, 8, 1e-3)) > 1e-9


# --- from events to a bundle ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_trained_model_is_the_same_after_a_bundle(name: str, tmp_path: Path) -> None:
    rng, tracks = stream(0, "toy"), Variable("tracks", "MeV", 0.0, 2.0, shape=(SIZE, SIZE))
    condition = rng.uniform(0, 2, (40, SIZE * SIZE)) * (rng.random((40, SIZE * SIZE)) < 0.2)
    response = rng.exponential(1.0, (40, SIZE, SIZE))
    events = Events(condition.astype(np.float32), response.astype(np.float32), RegularGrid((SIZE, SIZE), (5.0, 5.0)), (tracks,))
    training = Settings(epochs=2, learning_rate={"critic": 1e-4, "generator": 1e-3}, ema=0.9, device="cpu")
    surrogate, history = train(InMemory(events, "toy"), Plan(model=name, settings={"images": 1, **SMALL}, batch_size=16, training=training))
    assert all(np.isfinite(value) for row in history.rows for value in row.values())
    save_bundle(surrogate, tmp_path / "bundle")
    restored = load_bundle(tmp_path / "bundle")
    assert restored.simulate(events.condition, stream(1)) == surrogate.simulate(events.condition, stream(1))
    assert restored.simulate(events.condition, stream(1)) != restored.simulate(events.condition, stream(2))
