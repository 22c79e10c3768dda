"""The electron-gun study: its layers, its events, its scores against hand-made numbers, runs that go on, and a run of its smallest model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facsim.core import Events, FacsimError, RegularGrid, Variable
from facsim.core.contracts import Batch
from facsim.evaluation.cross_sections import cross_section_rows, moments
from facsim.evaluation.scorecard import Row
from facsim.models import build
from facsim.nets.mlp import mlp
from facsim.studies.electron_gun import STUDY, run
from facsim.studies.electron_gun_data import SAMPLE_TRAIN, Sample, packaged, samples
from facsim.studies.electron_gun_models import BETAS, RECIPES, plan_for
from facsim.studies.electron_gun_scores import average_image_rows, divergence, remembered
from facsim.studies.electron_gun_training import Watch
from facsim.studies.keep import finished, kept
from facsim.studies.run import request_for, run_study
from facsim.studies.study import Request, Trial
from facsim.studies.workflow import untrained

GRID, VARIABLES = RegularGrid((4, 4), (5.0, 5.0)), (Variable("energy", "MeV", 800, 800),)


def events(response: np.ndarray) -> Events:
    return Events(np.full((len(response), 1), 800.0), response, GRID, VARIABLES)


# --- models -----------------------------------------------------------------------------------------------------------


def model(name: str, cells: int) -> nn.Module:
    recipe = RECIPES[name]
    return build(recipe.family, 1, (cells, cells), **recipe.settings)


@pytest.mark.parametrize(("name", "critic_steps", "rate"), [("dcgan-dp-32", 3, 2e-4), ("dcwgan-gp-64", 5, 5e-5)])
def test_convolutional_models_are_as_printed(name: str, critic_steps: int, rate: float) -> None:
    """Five layers in both networks, batch norm on four and three of them, a sigmoid at the end of the generator, 100 numbers of noise."""
    size, recipe = int(name[-2:]), RECIPES[name]
    made = model(name, size)
    generator, critic = list(made.generator), list(made.critic.modules())
    assert [sum(isinstance(m, kind) for m in generator) for kind in (nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU, nn.Sigmoid)] == [5, 4, 4, 1]
    assert [sum(isinstance(m, kind) for m in critic) for kind in (nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU)] == [5, 3, 4]
    assert {m.negative_slope for m in critic if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert made.objectives()[0].repeats == critic_steps
    assert (made.latent, recipe.batch, recipe.training["learning_rate"]) == (100, 32, rate)
    verdicts = made.critic(torch.zeros(3, 1), torch.zeros(3, size, size))
    assert verdicts.shape == (3, 4 if size == 32 else 1)


@pytest.mark.parametrize("name", ["dcgan-dp-32", "dcwgan-gp-32"])
def test_convolutional_models_train_in_bfloat16(name: str) -> None:
    """A planted defect: generated events come in bfloat16 there, real ones do not, and a penalty looks between the two."""
    made, batch = model(name, 32), Batch(torch.zeros(4, 1), torch.rand(4, 32, 32), torch.ones(4))
    with torch.autocast("cpu", torch.bfloat16):
        losses = [sum(o.loss(batch, torch.Generator().manual_seed(0)).values()) for o in made.objectives()]
    for loss, objective in zip(losses, made.objectives(), strict=True):
        assert all(g.isfinite().all() for g in torch.autograd.grad(loss, objective.parameters))


def test_the_fully_connected_gan_has_the_printed_slopes() -> None:
    generator = list(model("fcgan-dp-32", 32).generator)
    slopes = [m.negative_slope for m in generator if isinstance(m, nn.LeakyReLU)]
    assert slopes == [0.01] * (len(slopes) - 1) + [0.0009]


def test_the_vae_has_a_relu_after_its_first_layer_alone() -> None:
    made = model("vae-32", 32)
    kinds = [type(m) for m in made.encoder if not isinstance(m, nn.Linear)]
    assert kinds == [nn.ReLU, nn.LeakyReLU, nn.Identity]
    assert [type(m) for m in made.decoder if not isinstance(m, nn.Linear)] == [nn.LeakyReLU] * 3


@pytest.mark.parametrize("beta", BETAS)
def test_beta_weighs_the_divergence_alone(beta: float) -> None:
    torch.manual_seed(0)
    batch = Batch(torch.rand(8, 1), torch.rand(8, 32, 32), torch.ones(8))
    terms = {}
    for name in ("cvae-1", f"cvae-{beta:g}"):
        torch.manual_seed(0)
        terms[name] = model(name, 32).elbo(batch, torch.Generator().manual_seed(1))
    own = terms[f"cvae-{beta:g}"]
    assert torch.allclose(own["divergence"], beta * terms["cvae-1"]["divergence"])
    assert torch.equal(own["reconstruction"], terms["cvae-1"]["reconstruction"])


def test_the_condition_enters_the_first_layers_of_encoder_and_decoder() -> None:
    made = model("cvae-1", 32)
    assert (made.encoder[0].in_features, made.decoder[0].in_features) == (1024 + 1, made.latent + 1)


@pytest.mark.parametrize("name", ["fcgan-dp-32", "vae-32", "dcgan-dp-32"])
def test_no_model_makes_negative_energies_and_training_events_come_back(name: str) -> None:
    """A planted defect: without the cut a LeakyReLU at the end makes small negative deposits."""
    sample = packaged().short()
    surrogate = untrained(sample.train, plan_for(RECIPES[name], sample.train, seed=0, full=False, changes={}), about={})
    assert surrogate.simulate(sample.test.condition, np.random.default_rng(0)).response.min() >= 0
    batch = surrogate.prepare(sample.train[:10])
    condition = torch.from_numpy(np.array(sample.train.condition[:10]))
    assert np.allclose(surrogate.response_transform.inverse(batch.response, condition), sample.train.response[:10], rtol=1e-5)
    if RECIPES[name].response == "scaled":
        assert 0 <= float(batch.response.min()) <= float(batch.response.max()) <= 1


def test_first_is_the_activation_after_the_first_hidden_layer_only() -> None:
    assert [type(m) for m in mlp([2, 3, 3, 1], "tanh", first="relu") if not isinstance(m, nn.Linear)] == [nn.ReLU, nn.Tanh, nn.Identity]
    assert isinstance(mlp([2, 1], "tanh", first="relu")[1], nn.Identity)


# --- events -----------------------------------------------------------------------------------------------------------


def test_no_packaged_event_is_trained_on_and_scored() -> None:
    sample = packaged()
    assert len(sample.train) == round(SAMPLE_TRAIN * (len(sample.train) + len(sample.test)))
    trained = {row.tobytes() for row in sample.train.cells}
    assert not any(row.tobytes() in trained for row in sample.test.cells)


def test_without_the_files_only_models_of_the_packaged_sample_run(tmp_path: Path) -> None:
    assert set(samples(None)) == {"32"}
    with pytest.raises(FacsimError, match="--set data=FOLDER"):
        run(request_for(STUDY, model="tree-64"))
    with pytest.raises(FacsimError, match="has no e800_train"):
        samples(tmp_path)


@pytest.mark.shared
def test_the_held_out_energy_is_not_trained_on(shared_data: Path) -> None:
    found = samples(shared_data / "electron_gun")
    one, three = found["interpolation"](), found["conditional"]()
    assert set(np.unique(one.train.condition)) == {100.0, 1800.0}
    assert set(np.unique(three.train.condition)) == {100.0, 800.0, 1800.0}
    assert np.array_equal(one.test.response, three.test.response)
    assert one.test.detector == RegularGrid((32, 32), (6.25, 6.25))


# --- scores -----------------------------------------------------------------------------------------------------------


def test_cross_sections_of_a_shifted_image() -> None:
    """By hand: all energy of a row one cell to the right moves its mean by the pitch and leaves its width."""
    image = np.zeros((4, 4))
    image[:, 0], image[:, 1] = 1.0, 3.0
    mean, std = moments(image, 5.0, rows=2)
    moved, same = moments(np.roll(image, 1, axis=1), 5.0, rows=2)
    assert np.allclose(mean, [-7.5 * 0.25 - 2.5 * 0.75] * 2)
    assert np.allclose(moved - mean, 5.0)
    assert np.allclose(same, std)


def test_cross_sections_take_rows_for_y() -> None:
    """A planted defect: with x and y exchanged a horizontal line would have no width."""
    response = np.zeros((60, 4, 4))
    response[:, 1:3, :] = 1.0
    line, column = events(response), events(response.transpose(0, 2, 1) + 1e-6)
    width = next(r for r in cross_section_rows(line, column, line) if r.observable == "cross_section_width")
    assert width.value > 0.4
    assert width.floor == pytest.approx(0)


def test_the_floor_of_the_average_image_is_that_of_other_truth_events() -> None:
    rng = np.random.default_rng(0)
    truth, other, candidate = (events(rng.exponential(size=(500, 4, 4)) * scale) for scale in (1.0, 1.0, np.linspace(0.5, 1.5, 4)))
    kl, above = average_image_rows(candidate, Sample(other, truth, other, "toy"), seed=0)
    assert kl.floor == pytest.approx(divergence(other.response.mean(0), truth.response.mean(0)), rel=1e-3)
    assert above.value == pytest.approx(kl.value - kl.floor)
    assert above.value > 10 * kl.floor


def test_a_generator_that_hops_between_two_modes_is_seen() -> None:
    """Alternating between two average images: the hop is their divergence every time, and the truth's own is small."""
    rng = np.random.default_rng(0)
    truth = events(rng.exponential(size=(400, 4, 4)))
    mode = rng.exponential(size=(2, 1, 4, 4))

    class Hopping:
        epoch = 0

        def simulate(self, condition: np.ndarray, rng: object, extrapolate: bool = False) -> Events:
            self.epoch += 1
            return events(np.repeat(mode[self.epoch % 2], len(condition), axis=0))

    watch, hopping = Watch(Sample(truth, truth, truth, "toy"), 0), Hopping()
    for _ in range(5):
        watch(hopping)  # type: ignore[arg-type]
    (row,) = watch.rows()
    hops = [divergence(mode[i, 0], mode[1 - i, 0]) for i in (0, 1)]
    assert row.value == pytest.approx(np.mean(hops), rel=1e-4)
    assert len(watch.curves["KL"]) == len(watch.curves["hopping"]) + 1 == 5


def test_what_is_remembered_is_not_made_again(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> dict[str, tuple[float, float]]:
        made.append(1)
        return {"all": (0.5, 0.01)}

    for name in ("a", "a", "b", "a"):
        assert remembered(tmp_path / "f.json", name, make) == {"all": (0.5, 0.01)}
    assert len(made) == 2


# --- runs that go on --------------------------------------------------------------------------------------------------


def trial(value: float) -> Trial:
    return Trial("m", 0, (Row("x", "kl", value, 0.1, 0.0, 0.0),), {"g": {"KL": [1.0]}}, {"note": "n"}, {"picture": b"png"})


def test_a_finished_trial_is_not_made_again_unless_what_it_depends_on_changed(tmp_path: Path) -> None:
    def value(epochs: int, made: float, fresh: bool = False) -> float:
        request = Request(("m",), (0,), True, out=tmp_path, fresh=fresh)
        return kept(request, "m", 0, {"epochs": epochs}, lambda: trial(made)).rows[0].value

    assert [value(1, 1.0), value(1, 2.0), value(2, 3.0), value(2, 4.0), value(2, 5.0, fresh=True)] == [1.0, 1.0, 3.0, 3.0, 5.0]
    assert (tmp_path / "m" / "picture.png").read_bytes() == b"png"
    request = Request((), (0, 1), True, out=tmp_path)
    assert [t.about for t in finished(request, ["m", "other"], {})] == [{"note": "n"}]
    assert finished(request, ["m"], {"epochs": 1}) == []


def test_a_damaged_trial_is_made_again(tmp_path: Path) -> None:
    request = Request(("m",), (0,), True, out=tmp_path)
    kept(request, "m", 0, {}, lambda: trial(1.0))
    (tmp_path / "m" / "trial-0.json").write_text("{")
    assert kept(request, "m", 0, {}, lambda: trial(2.0)).rows[0].value == 2.0


def test_a_study_of_its_own_refuses_bundles_and_unknown_settings() -> None:
    from facsim.studies.track_smearing import STUDY as PLAIN

    with pytest.raises(FacsimError, match="trains all its models itself"):
        request_for(PLAIN, bundles={"flow": Path()})
    with pytest.raises(FacsimError, match="unknown setting"):
        request_for(STUDY, settings={"date": 1})


def test_a_quick_run_goes_on_where_it_was_and_shows_all_that_is_finished(tmp_path: Path) -> None:
    from facsim.surrogate import zoo_folder

    told: list[str] = []
    run_study(STUDY, request_for(STUDY, model="vae-32", settings={"judged": 200}), tmp_path)
    options = {"settings": {"judged": 200}, "bundles": {"fast-32": zoo_folder("electron-gun-vae")}, "say": told.append}
    rows = run_study(STUDY, request_for(STUDY, model="fast-32", **options), tmp_path)
    assert {row["model"] for row in rows} == {"vae-32", "fast-32"}
    assert rows == json.loads((tmp_path / "summary.json").read_text())
    assert "trained on 30000 events" in next(row["note"] for row in rows if row["model"] == "fast-32")
    for name in ("pareto-32.png", "vae-32/average.png", "fast-32/scorecard.json"):
        assert (tmp_path / name).is_file()
    assert "packaged sample" in json.loads((tmp_path / "about.json").read_text())["truth"]["data"][0]
    before = (tmp_path / "vae-32" / "trial-0.json").read_bytes()
    told.clear()
    run_study(STUDY, request_for(STUDY, model="vae-32", settings={"judged": 200}, say=told.append), tmp_path)
    assert any("done already" in line for line in told)
    assert (tmp_path / "vae-32" / "trial-0.json").read_bytes() == before
