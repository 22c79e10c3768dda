"""Study `electron-gun`: images of 800 MeV electrons in lead and scintillator at 32x32 and 64x64, and at three energies.

Every model of the source is built with its layers as printed (`facsim.studies.electron_gun_models` says what is not printed, or cannot be right),
beside ours. With `--set data=FOLDER` the Geant4 files are read from a folder; without it the packaged sample serves, which has 800 MeV at 32x32
only, and the other models are left out. Each model is scored on events that it has not seen. Each trial is written when it is done, so that a run
which was cut off goes on where it was; `--bundle MODEL=RUN` scores a trained surrogate in place of a training.

Our Geant4 sample is not the source's, which does not print its window: 200 mm here, and a mean deposit of 110.5 MeV against 200.78 MeV printed. The
divergence of average images does not depend on that scale; squared errors of reconstruction do, and are told as they come.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facsim.core import Events, FacsimError, stream
from facsim.studies.electron_gun_bars import AUC_BAR, DEPOSIT_BAR, EXPECTED, FAST_MS, KL_BAR
from facsim.studies.electron_gun_data import GEANT4_MS, Sample, samples
from facsim.studies.electron_gun_models import RECIPES, Recipe
from facsim.studies.study import Outcome, Request, Study, Trial

if TYPE_CHECKING:
    from facsim.studies.electron_gun_scores import Judging

JUDGED = {True: 30_000, False: 2000}  # events that classifiers see of our models, of the source's
SPLITS = {True: 2, False: 1}  # that classifiers are trained on in a full and in a quick run; for our models in a full run as many as the recipe wants


def run(request: Request) -> Outcome:
    """Train or load every model that the data allow, score each, and show all that are finished in the folder together."""
    from facsim.studies.electron_gun_figures import study_figures
    from facsim.studies.keep import finished, kept

    folder = request.settings.get("data")
    data = samples(None if folder is None else Path(folder))
    chosen = _possible(request, data)
    key = {"full": request.full, "files": folder is not None}
    made = [
        kept(request, name, seed, key | _key(name, request), partial(_trial, name, seed, data, request)) for name in chosen for seed in request.seeds
    ]
    trials = sorted([*made, *finished(request, set(RECIPES) - set(chosen), key)], key=lambda trial: list(RECIPES).index(trial.model))
    truth = {"data": list(dict.fromkeys(trial.about["data"] for trial in trials))}
    notes = {trial.model: trial.about["note"] for trial in trials}
    return Outcome(tuple(trials), truth, notes, study_figures(trials, {name: r.sample for name, r in RECIPES.items()}))


def _possible(request: Request, data: Mapping[str, Any]) -> list[str]:
    """The models whose sample is there."""
    chosen = [name for name in request.models if RECIPES[name].sample in data]
    missing = [name for name in request.models if name not in chosen]
    if not chosen:
        raise FacsimError(f"no events for {', '.join(missing)}", expected="the Geant4 files", remedy="add --set data=FOLDER")
    if missing:
        request.say(f"left out without --set data=FOLDER: {', '.join(missing)}")
    return chosen


def _key(name: str, request: Request) -> dict[str, Any]:
    """What the trial of one model depends on: its settings, and how long it is trained or which bundle stands for it."""
    settings = {key: value for key, value in request.settings.items() if key != "data"}
    if name not in request.bundles:
        return {"settings": settings, "epochs": RECIPES[name].full if request.full else RECIPES[name].quick}
    from facsim.surrogate import read_manifest

    return {"settings": settings, "bundle": read_manifest(request.bundles[name])["weights"]["sha256"]}


def _trial(name: str, seed: int, data: Mapping[str, Any], request: Request) -> Trial:
    from facsim.studies.electron_gun_figures import average_figure, model_figures
    from facsim.studies.electron_gun_scores import score
    from facsim.studies.electron_gun_training import Watch, loaded, trained

    recipe, started = RECIPES[name], time.process_time()
    sample: Sample = data[recipe.sample]() if request.full else data[recipe.sample]().short()
    request.say(f"electron-gun: {name}, seed {seed}, {sample.source}")
    watch = Watch(sample, seed)
    surrogate, losses, note = loaded(request.bundles[name], sample) if name in request.bundles else trained(name, seed, sample, request, watch)
    at_rest = time.process_time()
    candidate = surrogate.simulate(sample.test.condition, stream(seed, "candidate"), extrapolate=True)
    rows = [*score(surrogate, candidate, sample, _judging(recipe, request), seed), *watch.rows()]
    request.say(f"{name}: " + ", ".join(f"{r.observable} {r.distance} {r.value:.4g}" for r in rows if r.distance in ("auc", "kl", "ms_per_image")))
    about = {
        "note": note,
        "data": sample.source,
        "training": surrogate.about["training"],
        "true deposit": _deposits(sample.test),
        "cpu_seconds": {"training": round(at_rest - started, 1), "scoring": round(time.process_time() - at_rest, 1)},
    }
    shown = model_figures(name, surrogate, candidate, sample, watch.shown(), losses) if request.full else average_figure(name, candidate, sample)
    return Trial(name, seed, tuple(rows), {recipe.sample: watch.curves} if watch.images else {}, about, shown)


def _judging(recipe: Recipe, request: Request) -> Judging:
    """Our models are looked at more closely than the source's."""
    from facsim.studies.electron_gun_scores import Judging

    return Judging(
        events=int(request.settings.get("judged", JUDGED[recipe.ours])),
        splits=None if request.full and recipe.ours else SPLITS[request.full],
        store=None if request.out is None else request.out / "floors.json",
        quick=not request.full,
    )


def _deposits(events: Events) -> dict[str, float]:
    """Mean deposit in MeV at each energy."""
    energy = events.condition[:, 0]
    return {f"{e:g}": float(events.cells[energy == e].sum(1, dtype=np.float64).mean()) for e in np.unique(energy)}


DESCRIPTIONS = {
    "dcgan-dp": "as printed: deep convolutions, zero-centred penalty",
    "dcwgan-gp": "as printed: the same without the sigmoid, Wasserstein loss with gradient penalty",
    "fcgan-dp": "as described: fully connected, zero-centred penalty",
    "fcwgan-gp": "as described: fully connected, Wasserstein loss with gradient penalty",
    "vae": "as described: fully connected, squared error",
    "cvae": "as described: the VAE at 100, 800 and 1800 MeV, its divergence weighed by beta",
    "tree": "ours: the energy cut in halves of the detector down to single cells",
    "fast": "ours: a VAE whose cells are a censored Gaussian field",
}

STUDY = Study(
    "electron-gun",
    "Albergo (2018), chapters 4 and 5",
    "Geant4 images of 800 MeV electrons in 9 mm of lead and 75 mm of polystyrene, at 32x32 and 64x64, and at three energies",
    {name: f"{DESCRIPTIONS[name.rpartition('-')[0]]} ({name.rpartition('-')[2]})" for name in RECIPES},
    EXPECTED,
    f"tree: AUC of cells and observables at most {AUC_BAR}, average image at most {KL_BAR} above its floor, mean deposits within {DEPOSIT_BAR:.0%}, "
    f"not slower than Geant4 ({GEANT4_MS} ms); fully connected models at 32x32 at most {FAST_MS} ms",
    run,
    settings={
        "data": "folder of e800_train.h5, e800_test.h5 and e100_800_1800.h5; the packaged sample (800 MeV at 32x32) unless given",
        "epochs": "of every model that is trained, in place of its own number",
        "channels": "of the DCGANs' first convolution",
        "judged": f"events that classifiers and observables see: {JUDGED[True]} of our models, {JUDGED[False]} of the source's unless given",
    },
    seeds=1,
    bundles=True,
)
