"""The cards of examples/cards: they are what was printed, they build, and the search runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from facsim.cli.fit import make_plan
from facsim.cli.main import run
from facsim.cli.options import card
from facsim.core import Events, only
from facsim.data import load_sample, write
from facsim.studies.workflow import untrained
from facsim.training.search import checked_space, finished, with_parts

CARDS = Path(__file__).parents[2] / "examples" / "cards"
PRINTED = {"hcal-cir": 2_266_490, "hcal-tip": 2_815_546}  # parameters of the generators: see nets/image_printed.py for the second
COMBINATIONS = 87_480_000  # as printed in appendix B


@pytest.fixture(scope="module")
def tracks() -> Events:
    return only(load_sample("lhcb-events")[:20], "tracks")


def plan_of(name: str) -> Any:
    told = card(CARDS / f"{name}.yaml")
    return make_plan(told.pop("model"), told, seed=0)


@pytest.mark.parametrize("name", PRINTED)
def test_the_printed_recipe(name: str, tracks: Events) -> None:
    plan = plan_of(name)
    assert (plan.training.optimiser, plan.training.rate("generator"), plan.training.rate("critic")) == ("adam", 1e-5, 1e-6)
    model: Any = untrained(tracks, plan, about={}).model
    assert sum(p.numel() for p in model.generator.parameters()) == PRINTED[name]
    assert (model.ways.x, model.ways.z, model.ways.kl, model.rules.label) == (0.5, 1.0, 0.1, 0.9)
    assert model.latent == 64


def test_our_card_builds(tracks: Events) -> None:
    surrogate = untrained(tracks, plan_of("hcal-direct"), about={})
    assert surrogate.detector == tracks.detector


def test_the_space_is_that_of_appendix_b() -> None:
    space = checked_space(card(CARDS / "hcal-search.yaml")["search"])
    assert len(space) == 14
    assert math.prod(len(choices) for choices in space.values()) == COMBINATIONS


def test_every_choice_of_the_space_is_a_setting() -> None:
    told = card(CARDS / "hcal-search.yaml")
    fixed = {key: value for key, value in told.items() if key not in ("data", "sampler", "search", "model")}
    for number in range(6):
        chosen = {name: choices[number % len(choices)] for name, choices in told["search"].items()}
        plan = make_plan(told["model"], with_parts(fixed, chosen), seed=0)
        assert plan.training.rate("critic") == chosen["learning_rate.critic"]
        assert plan.training.rate("generator") == chosen["learning_rate.generator"]


def test_the_search_runs_and_its_best_card_trains(tracks: Events, tmp_path: Path) -> None:
    write(tracks, tmp_path / "tracks.h5")
    told = {**card(CARDS / "hcal-search.yaml"), "data": str(tmp_path / "tracks.h5"), "epochs": 1, "channels": 4, "depth": 1}
    (tmp_path / "try.yaml").write_text(yaml.safe_dump(told))
    assert run(["search", str(tmp_path / "try.yaml"), "--trials", "1"]) == 0
    [trial] = finished(f"sqlite:///{tmp_path / 'try' / 'search.db'}", "try", told["search"])
    assert trial.score is not None
    best = card(tmp_path / "try" / "best.yaml")
    assert best["learning_rate"] == {part: trial.settings[f"learning_rate.{part}"] for part in ("critic", "generator")}
    assert run(["fit", told["data"], "--card", str(tmp_path / "try" / "best.yaml"), "--out", str(tmp_path / "run")]) == 0
