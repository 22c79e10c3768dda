"""Study `electron-gun`: images of 800 MeV electrons in lead and scintillator at 32x32 and 64x64, and at three energies.

Every model of the source is built with its layers as printed (`facsim.studies.electron_gun_models` says what is not printed, or cannot be right),
beside ours. With `--set data=FOLDER` the Geant4 files are read from a folder; without it the packaged sample serves, which has 800 MeV at 32x32
only, and the other models are left out. Each model is scored on events that it has not seen. Each trial is written when it is done, so that a run
which was cut off goes on where it was; `--bundle MODEL=RUN` scores a trained surrogate in place of a training.

Our Geant4 sample is not the source's, which does not print its window: 200 mm here, and a mean deposit of 110.5 MeV against 200.78 MeV printed. The
divergence of average images does not depend on that scale; squared errors of reconstruction do, and are told as they come.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facsim.core import Events, FacsimError, stream
from facsim.evaluation.scorecard import Row
from facsim.studies.electron_gun_data import ENERGIES, GEANT4_MS, Sample, samples
from facsim.studies.electron_gun_models import BETAS, HELD_FOR_LOSS, RECIPES, SIZES, Recipe, note_for, plan_for, trained_for
from facsim.studies.study import Expected, Outcome, Request, Study, Trial

if TYPE_CHECKING:
    from facsim.studies.electron_gun_scores import Judging
    from facsim.surrogate import Surrogate

EPOCHS_SHOWN = 4
WATCHED = 2000  # events of an average image after each epoch
JUDGED = {True: 30_000, False: 2000}  # events that classifiers see of our models, of the source's
SPLITS = {True: 2, False: 1}  # that classifiers are trained on in a full and in a quick run; for our models in a full run as many as the recipe wants
AUC_BAR, KL_BAR, DEPOSIT_BAR, MEMORY_BAR = 0.60, 0.001, 0.01, 0.52
FAST_MS = 0.02  # 50,000 images a second
PUBLISHED_KL = {"dcgan-dp": (0.019, 1.46), "dcwgan-gp": (0.113, 0.586), "vae": (0.0042, 0.0089)}
PUBLISHED_MS = {"dcgan-dp": (23.3, 49.7), "dcwgan-gp": (23.3, 49.7), "fcgan-dp": (10.8, 32.2), "fcwgan-gp": (10.8, 32.2), "vae": (12.2, 30.5)}
PUBLISHED_MSE = (40.2, 46.3)  # MeV^2


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

    recipe, started = RECIPES[name], time.process_time()
    sample: Sample = data[recipe.sample]() if request.full else data[recipe.sample]().short()
    request.say(f"electron-gun: {name}, seed {seed}, {sample.source}")
    watch = Watch(sample, seed)
    surrogate, losses, note = _loaded(request.bundles[name], sample) if name in request.bundles else _trained(name, seed, sample, request, watch)
    trained = time.process_time() - started
    candidate = surrogate.simulate(sample.test.condition, stream(seed, "candidate"), extrapolate=True)
    rows = [*score(surrogate, candidate, sample, _judging(recipe, request), seed), *watch.rows()]
    request.say(f"{name}: " + ", ".join(f"{r.observable} {r.distance} {r.value:.4g}" for r in rows if r.distance in ("auc", "kl", "ms_per_image")))
    about = {
        "note": note,
        "data": sample.source,
        "training": surrogate.about["training"],
        "true deposit": _deposits(sample.test),
        "cpu_seconds": {"training": round(trained, 1), "scoring": round(time.process_time() - started - trained, 1)},
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


class Watch:
    """What is seen after every epoch: the average image, its divergence from the truth's, and from that of the epoch before."""

    def __init__(self, sample: Sample, seed: int) -> None:
        self.sample, self.seed = sample, seed
        self.before = 0  # epochs of a training that was cut off
        self.images: list[Any] = []
        self.curves: dict[str, list[float]] = {"KL": [], "hopping": []}

    def __call__(self, surrogate: Surrogate) -> dict[str, float]:
        """The divergences after one more epoch."""
        from facsim.studies.electron_gun_scores import divergence

        rng = stream(self.seed, "watched", len(self.images))
        condition = self.sample.other.condition[:WATCHED]
        image = surrogate.simulate(condition, rng, extrapolate=True).response.mean(0, dtype=np.float64)
        found = {"KL": divergence(image, self.sample.test.response.mean(0, dtype=np.float64))}
        if self.images:
            found["hopping"] = divergence(image, self.images[-1])
        self.images.append(image)
        for key, value in found.items():
            self.curves[key].append(value)
        return found

    def shown(self) -> dict[int, Any]:
        """The average images of the last few epochs."""
        numbered = {self.before + i + 1: image for i, image in enumerate(self.images)}
        return {epoch: numbered[epoch] for epoch in list(numbered)[-EPOCHS_SHOWN:]}

    def rows(self) -> list[Row]:
        """Mean divergence between the average images of successive epochs, over the later half of the training; the floor is that of truth events."""
        from facsim.studies.electron_gun_scores import divergence

        hops = self.curves["hopping"][len(self.curves["hopping"]) // 2 :]
        if not hops:
            return []
        halves = [part.response[:WATCHED].mean(0, dtype=np.float64) for part in (self.sample.other, self.sample.test)]
        error = float(np.std(hops, ddof=1) / np.sqrt(len(hops))) if len(hops) > 1 else 0.0
        return [Row("mode_hopping", "kl", float(np.mean(hops)), error, divergence(*halves), 0.0)]


def _trained(name: str, seed: int, sample: Sample, request: Request, watch: Watch) -> tuple[Surrogate, dict[str, list[float]], str]:
    """A surrogate trained by its recipe, its losses epoch by epoch, and what is to be said of the training."""
    from facsim.studies.sources import InMemory
    from facsim.studies.workflow import train
    from facsim.surrogate import save_bundle

    recipe = RECIPES[name]
    events, held = _split(recipe, sample.train)
    plan = plan_for(recipe, events, seed=seed, full=request.full, changes=request.settings)
    folder = None if request.out is None else request.out / "runs" / f"{name}-{seed}"
    if folder is not None and request.fresh:
        shutil.rmtree(folder, ignore_errors=True)

    def watched(surrogate: Surrogate) -> dict[str, float]:
        return watch(surrogate) | _test_loss(surrogate, held, seed)

    source = InMemory(events, sample.source)
    surrogate, history = train(source, plan, folder=folder and folder / "training", resume=folder is not None, watch=watched)
    if folder is not None:
        save_bundle(surrogate, folder / "bundle")
    watch.before = len(history.rows) - len(watch.images)
    losses = {key: values for key, values in history.columns().items() if "/" in key and key != "validation/hopping"}
    return surrogate, losses, note_for(recipe, plan, len(events))


def _split(recipe: Recipe, train: Events) -> tuple[Events, Events]:
    """Events to train on, and those held back to watch the loss; nearly none for models that have no such loss."""
    held = round(HELD_FOR_LOSS * len(train)) if recipe.settings.get("likelihood") == "mse" else 0
    return train[: len(train) - held], train[len(train) - held :]


def _test_loss(surrogate: Surrogate, held: Events, seed: int) -> dict[str, float]:
    """The terms of the loss on events that are not trained on, none without such events."""
    if not len(held):
        return {}
    import torch

    (objective,) = surrogate.model.objectives()
    terms = objective.loss(surrogate.prepare(held), torch.Generator().manual_seed(seed))
    return {f"test {term}": float(value) for term, value in terms.items()}


def _loaded(folder: Path, sample: Sample) -> tuple[Surrogate, dict[str, list[float]], str]:
    """A trained surrogate, the losses of its training where its run has a log, and what is to be said of it."""
    from facsim.surrogate import load_bundle
    from facsim.training.history import LOG, read_history

    surrogate = load_bundle(folder)
    if surrogate.detector != sample.test.detector:
        raise FacsimError(f"{folder} is a surrogate of another detector", expected=sample.test.detector, got=surrogate.detector)
    log = next((f / "training" for f in (folder, folder.parent) if (f / "training" / LOG).is_file()), None)
    losses = {} if log is None else read_history(log)
    told = trained_for(len(losses["epoch"]) if losses else None, surrogate.about["training"]["events"])
    return surrogate, {key: values for key, values in losses.items() if "/" in key}, told


def _expected_printed() -> list[Expected]:
    """The source's numbers, and the bars that its fully connected models must meet."""
    rows = [Expected(f"{m}-{s}", "kl", "average_image", "all", p) for m, kl in PUBLISHED_KL.items() for s, p in zip(SIZES, kl, strict=True)]
    rows += [
        Expected(f"{m}-{s}", "ms_per_image", "time", "all", p, FAST_MS if s == SIZES[0] and m[:2] != "dc" else None)
        for m, ms in PUBLISHED_MS.items()
        for s, p in zip(SIZES, ms, strict=True)
    ]
    rows += [Expected(f"vae-{s}", "squared_error", "reconstruction", "all", p) for s, p in zip(SIZES, PUBLISHED_MSE, strict=True)]
    rows += [Expected(f"{m}-{s}", "kl", "average_image", "all") for m in ("fcgan-dp", "fcwgan-gp") for s in SIZES]
    rows += [Expected(f"{m}-{s}", "auc", o, "all") for m in PUBLISHED_MS for s in SIZES for o in ("cells", "observables")]
    return rows + [Expected(f"{m}-{s}", "mean_difference", "deposit", "800 MeV") for m in PUBLISHED_MS for s in SIZES]


def _expected_conditional() -> list[Expected]:
    """Mean deposits at the three energies: a bar for ours, told for the source's."""
    bars: dict[str, float | None] = {**{f"cvae-{beta:g}": None for beta in BETAS}, "tree-conditional": DEPOSIT_BAR, "tree-interpolation": DEPOSIT_BAR}
    rows = [Expected(m, "mean_difference", "deposit", f"{e:g} MeV", None, bar) for m, bar in bars.items() for e in ENERGIES]
    rows += [Expected(m, "auc", o, "all") for m in bars for o in ("cells", "observables")]
    return rows + [Expected(f"cvae-{b:g}", "ms_per_image", "time", "all", PUBLISHED_MS["vae"][0], FAST_MS) for b in BETAS]


def _expected_ours() -> list[Expected]:
    """The bars of our best model at both resolutions, and of the fast one."""
    rows = [Expected(f"tree-{s}", "auc", o, "all", None, AUC_BAR) for s in SIZES for o in ("cells", "observables")]
    rows += [Expected(f"tree-{s}", "kl_above_floor", "average_image", "all", None, KL_BAR) for s in SIZES]
    rows += [Expected(f"tree-{s}", "mean_difference", "deposit", "800 MeV", None, DEPOSIT_BAR) for s in SIZES]
    rows += [Expected(f"tree-{s}", "auc", "memorisation", "all", None, MEMORY_BAR) for s in SIZES]
    rows += [Expected(f"tree-{s}", "ms_per_image", "time", "all", None, GEANT4_MS) for s in SIZES]
    rows += [Expected("fast-32", "ms_per_image", "time", "all", None, FAST_MS)]
    return rows + [Expected("fast-32", "auc", o, "all") for o in ("cells", "observables")]


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
    (*_expected_printed(), *_expected_conditional(), *_expected_ours()),
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
