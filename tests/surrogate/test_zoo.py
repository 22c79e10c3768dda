"""The surrogates that ship with facsim: they load, sample, and still score what their manifests say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facsim.cli.main import run
from facsim.core import Events, coarsen, only, stream
from facsim.data import load_sample, read
from facsim.evaluation.evaluate import evaluate
from facsim.evaluation.scorecard import rows_from
from facsim.studies.electron_gun_data import CONDITIONAL_TRAIN
from facsim.studies.hcal import read_out
from facsim.studies.hcal_events import READ_OUT
from facsim.surrogate import blocks, load_bundle, read_manifest, zoo
from facsim.surrogate.card import brief, model_card

N = 5000
FILES = {"lhcb-ecal-tree": "lhcb_ecal/test.h5", "lcd-ecal": "lcd_ecal/test.h5"}
COMPARED = {("total_energy", "mean_difference"), ("mean_image", "kl"), ("sparsity", "wasserstein")}


@pytest.mark.parametrize("name", zoo())
def test_a_zoo_surrogate_samples(name: str) -> None:
    events = next(iter(blocks(load_bundle(zoo()[name]), 200, seed=1)))
    assert len(events) == 200
    assert not events.extrapolated.any()
    assert (events.cells.sum(1) > 0).mean() > 0.9


@pytest.mark.parametrize("name", zoo())
def test_a_zoo_surrogate_says_how_good_it_is_and_is_small(name: str) -> None:
    manifest = read_manifest(zoo()[name])
    assert {(r["observable"], r["distance"]) for r in manifest["scorecard"]["rows"]} >= {("cells", "auc"), ("observables", "auc")}
    assert sum(path.stat().st_size for path in zoo()[name].iterdir()) < 5e6


def truth_for(name: str, manifest: dict[str, Any], shared: Path) -> Events:
    """Events that the surrogate has not seen, on its grid: for the electron gun those of one energy, or the last of the file of three."""
    if name.startswith("lhcb-hcal"):
        return read_out(only(load_sample("lhcb-events"), "tracks"), READ_OUT)
    if name in FILES:
        return read(shared / FILES[name])
    (energy,) = manifest["variables"]
    file, start = ("e800_test.h5", 0) if energy["low"] == energy["high"] else ("e100_800_1800.h5", CONDITIONAL_TRAIN)
    return coarsen(read(shared / "electron_gun" / file, start=start, stop=start + 2 * N), 64 // manifest["detector"]["cells"][0])


@pytest.mark.shared
@pytest.mark.parametrize("name", zoo())
def test_a_zoo_surrogate_still_scores_what_its_manifest_says(name: str, shared_data: Path) -> None:
    """On a sub-sample of the test events: distances to the truth within 4 errors of the committed ones, with the floor's share taken off."""
    folder = zoo()[name]
    manifest = read_manifest(folder)
    truth = truth_for(name, manifest, shared_data)
    sample = load_bundle(folder).simulate(truth.condition[:N], stream(1, "zoo"), extrapolate=True)
    card = evaluate(sample, truth, recipe="observables")
    committed = {(r.observable, r.distance): r for r in rows_from(manifest["scorecard"]["rows"])}
    for key in COMPARED:
        now, then = card.find(*key), committed[key]
        error = np.hypot(np.hypot(now.error, now.floor_error), np.hypot(then.error, then.floor_error))
        assert abs((now.value - now.floor) - (then.value - then.floor)) < 4 * error, key


@pytest.mark.parametrize("name", zoo())
def test_the_card_beside_a_zoo_surrogate_is_that_of_its_manifest(name: str) -> None:
    """Written once and forgotten, a card would tell of another surrogate."""
    card = (zoo()[name] / "README.md").read_text()
    assert card == model_card(name, read_manifest(zoo()[name]))
    for heading in ("Intended use", "Validity range", "Training data", "Scorecard"):
        assert f"## {heading}\n" in card
    assert "| cells | auc | all |" in card


def test_zoo_show_prints_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "show", "electron-gun-vae"]) == 0
    assert capsys.readouterr().out.rstrip() == (zoo()["electron-gun-vae"] / "README.md").read_text().rstrip()
    assert run(["zoo", "show", "electron-gun-vea"]) == 1
    assert "did you mean 'electron-gun-vae'" in capsys.readouterr().err


def test_the_list_of_the_zoo_tells_where_a_surrogate_holds_and_how_good_it_is() -> None:
    variables = [
        {"name": "energy", "unit": "MeV", "low": 1000.28, "high": 99996.7},
        {"name": "tx", "unit": "1", "low": -0.19999, "high": 0.2},
        {"name": "charge", "unit": "e", "low": -1.0, "high": -1.0},
    ]
    rows = [
        {"observable": "cells", "distance": "auc", "bin": "all", "value": 0.5678, "floor": 0.5},
        {"observable": "cells", "distance": "auc", "bin": "low", "value": 0.9, "floor": 0.5},
        {"observable": "memorisation", "distance": "auc", "bin": "all", "value": 0.6, "floor": 0.5},
    ]
    manifest = {"model": {"name": "tree"}, "detector": {"kind": "Vector"}, "variables": variables, "scorecard": {"rows": rows}}
    assert brief(manifest) == {
        "model": "tree",
        "detector": "Vector",
        "valid for": "energy 1,000 to 99,997 MeV; tx -0.2 to 0.2; charge -1 e",
        "AUC (floor)": "cells 0.568 (0.500)",
    }
    assert brief({**manifest, "scorecard": None})["AUC (floor)"] == ""
