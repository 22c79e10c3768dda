"""The surrogates that ship with facsim: they load, sample, and still score what their manifests say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facsim.core import coarsen, concatenate
from facsim.data import read
from facsim.evaluation.evaluate import evaluate
from facsim.evaluation.scorecard import rows_from
from facsim.surrogate import blocks, load_bundle, read_manifest, zoo

N = 5000
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


@pytest.mark.shared
def test_the_electron_gun_vae_still_scores_what_its_manifest_says(shared_data: Path) -> None:
    """On a sub-sample of the test events: distances to the truth within 4 errors of the committed ones, with the floor's share taken off."""
    folder = zoo()["electron-gun-vae"]
    truth = coarsen(read(shared_data / "electron_gun" / "e800_test.h5", stop=2 * N), 2)
    sample = concatenate(list(blocks(load_bundle(folder), N, seed=1)))
    card = evaluate(sample, truth, recipe="observables")
    committed = {(r.observable, r.distance): r for r in rows_from(read_manifest(folder)["scorecard"]["rows"])}
    for key in COMPARED:
        now, then = card.find(*key), committed[key]
        error = np.hypot(np.hypot(now.error, now.floor_error), np.hypot(then.error, then.floor_error))
        assert abs((now.value - now.floor) - (then.value - then.floor)) < 4 * error, key
