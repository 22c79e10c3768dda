"""From events to a surrogate: transforms that fit the family, weights, calibration, coarser grids."""

from __future__ import annotations

import numpy as np
import pytest

from facsim.core import Events, FacsimError, RegularGrid, Variable, Vector, stream
from facsim.data import load_sample
from facsim.data.memory import InMemory
from facsim.models import MODELS
from facsim.studies.sources import Coarsened
from facsim.studies.workflow import Plan, calibrate, suited, train, untrained
from facsim.training import Settings

OF_IMAGES = {"dcgan", "lagan", "pix2pix", "vae-gan", "clr-gan", "bicycle-gan"}  # refuse tables in one line
TABULAR_FAMILIES = [name for name, family in MODELS.items() if {"last", "likelihood"} & set(family.settings) and name not in OF_IMAGES]
SETTINGS = {"hidden": [16], "latent": 4}


def plan(**changes: object) -> Plan:
    return Plan(**{"model": "vae", "settings": SETTINGS, "training": Settings(epochs=1), **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def gun() -> Events:
    return load_sample("electron-gun")[:1000]


def test_a_calibrated_surrogate_has_the_mean_energy_of_the_truth(gun: Events) -> None:
    """Even a model that has learned nothing: 100,000 generated events of this width fix the mean to well below one percent."""
    surrogate = untrained(gun, plan(), about={})
    before = surrogate.simulate(gun.condition, stream(1, "t")).cells.sum(1).mean()
    calibrate(surrogate, gun, seed=0)
    energy = np.concatenate([surrogate.simulate(gun.condition, stream(i, "t")).cells.sum(1) for i in range(30)])
    error = energy.std() / np.sqrt(len(energy))
    assert abs(energy.mean() - gun.cells.sum(1).mean()) < 5 * error
    assert abs(before - gun.cells.sum(1).mean()) > 5 * error


def test_fractions_find_the_energy_wherever_it_is() -> None:
    """A planted defect: with the impact point first, energy fractions must not be taken of it."""
    grid = RegularGrid((2, 2), (1.0, 1.0))
    variables = (Variable("x", "mm", -1, 1), Variable("energy", "MeV", 1, 10))
    events = Events(np.ones((5, 2)), np.ones((5, 2, 2)), grid, variables)
    assert dict(suited(MODELS["vae"], events))["EnergyFractions"] == {"energy_column": 1}
    alone = Events(np.ones((5, 0)), np.ones((5, 2, 2)), grid, ())
    assert dict(suited(MODELS["vae"], alone))["EnergyFractions"] == {"energy_column": None}


def test_tables_are_standardised_and_get_a_normal_likelihood() -> None:
    rng = np.random.default_rng(0)
    events = Events(np.zeros((500, 0)), rng.normal(50.0, 3.0, (500, 2)), Vector(("a", "b")), ())
    surrogate, _ = train(InMemory(events, "toy"), plan(training=Settings(epochs=20)))
    generated = surrogate.simulate(np.zeros((2000, 0)), stream(0, "t")).response
    assert np.allclose(generated.mean(0), 50.0, atol=1.0)
    assert (generated.std(0) > 1.0).all()


@pytest.mark.parametrize("name", TABULAR_FAMILIES)
def test_no_family_cuts_a_signed_response_at_zero(name: str) -> None:
    """A planted defect: an output activation for energies would make all standardised numbers positive."""
    events = Events(np.zeros((64, 0)), np.random.default_rng(0).normal(0.0, 1.0, (64, 2)), Vector(("a", "b")), ())
    surrogate = untrained(events, plan(model=name, settings={}), about={})
    generated = surrogate.simulate(np.zeros((500, 0)), stream(0, "t")).response
    assert generated.min() < 0


def test_a_family_of_energies_refuses_a_signed_response() -> None:
    events = Events(np.zeros((64, 0)), np.ones((64, 2)), Vector(("a", "b")), ())
    with pytest.raises(FacsimError, match="energies >= 0 only"):
        untrained(events, plan(model="hits", settings={}), about={})


def test_ranges_come_from_the_training_data(gun: Events) -> None:
    surrogate = untrained(gun, plan(), about={})
    assert surrogate.variables == (Variable("energy", "MeV", 800.0, 800.0),)


def test_negative_weights_train_and_hopeless_ones_are_refused(gun: Events) -> None:
    weight = np.where(np.arange(len(gun)) % 5 == 0, -0.5, 1.0)
    weighted = Events(gun.condition, gun.response, gun.detector, gun.variables, weight)
    train(InMemory(weighted, "toy"), plan())
    with pytest.raises(FacsimError, match="no positive mean"):
        train(InMemory(Events(gun.condition, gun.response, gun.detector, gun.variables, -weight), "toy"), plan())


def test_same_seed_same_surrogate(gun: Events) -> None:
    first, again, other = (train(InMemory(gun, "toy"), plan(training=Settings(epochs=1, seed=s)))[0] for s in (1, 1, 2))
    sampled = [s.simulate(gun.condition[:20], stream(0, "t")) for s in (first, again, other)]
    assert sampled[0] == sampled[1]
    assert sampled[0] != sampled[2]


def test_coarsened_source_keeps_the_energy(gun: Events) -> None:
    source = Coarsened(InMemory(gun, "toy"), 4)
    assert source.detector == RegularGrid((8, 8), (25.0, 25.0))
    assert np.allclose(source.read(0, 50).cells.sum(1), gun[:50].cells.sum(1), rtol=1e-5)
    assert source.fingerprint == "toy, coarsened by 4"


def test_nothing_to_train_on_is_refused(gun: Events) -> None:
    with pytest.raises(FacsimError, match="nothing to train on"):
        train(InMemory(gun[:0], "empty"), plan())


def test_a_training_goes_on_from_a_surrogate(gun: Events) -> None:
    """Without a step nothing changes but what it was trained on; a longer training of the same model starts where it was."""
    first, _ = train(InMemory(gun, "a"), plan(training=Settings(epochs=3, learning_rate=1e-3)))
    still = plan(training=Settings(epochs=1, learning_rate=1e-12))
    before = first.simulate(gun.condition[:50], stream(0, "t"))
    again, history = train(InMemory(gun[:500], "b"), still, start=first)
    np.testing.assert_allclose(again.simulate(gun.condition[:50], stream(0, "t")).cells, before.cells, rtol=0.05, atol=0.05)
    assert again.about["training"]["events"] == 500
    assert again.about["training"]["started_from"]["fingerprint"] == "a"
    _, fresh = train(InMemory(gun[:500], "b"), still)
    assert sum(history.rows[0].values()) < sum(fresh.rows[0].values())


def test_a_training_from_another_kind_of_surrogate_is_refused(gun: Events) -> None:
    start, _ = train(InMemory(gun, "a"), plan())
    coarse = Coarsened(InMemory(gun, "a"), 2)
    for source, other, message in (
        (coarse, plan(), "another detector"),
        (InMemory(gun, "a"), plan(model="gan", settings={}), "another model"),
        (InMemory(gun, "a"), plan(settings={"latent": 8}), "another model"),
        (InMemory(Events(gun.condition * 0 + 1, gun.response, gun.detector, (Variable("angle"),)), "a"), plan(), "another conditions"),
    ):
        with pytest.raises(FacsimError, match=message):
            train(source, other, start=start)
