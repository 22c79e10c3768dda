"""Training and loading the models of the electron-gun study, and what is watched epoch by epoch."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facsim.core import Events, FacsimError, stream
from facsim.data.memory import InMemory
from facsim.evaluation.scorecard import Row
from facsim.studies.electron_gun_data import Sample
from facsim.studies.electron_gun_models import HELD_FOR_LOSS, RECIPES, Recipe, note_for, plan_for, trained_for
from facsim.studies.electron_gun_scores import divergence
from facsim.studies.study import Request
from facsim.studies.workflow import train
from facsim.surrogate import Surrogate, load_bundle, save_bundle
from facsim.training.history import LOG, read_history

EPOCHS_SHOWN = 4
WATCHED = 2000  # events of an average image after each epoch


class Watch:
    """What is seen after every epoch: the average image, its divergence from the truth's, and from that of the epoch before."""

    def __init__(self, sample: Sample, seed: int) -> None:
        self.sample, self.seed = sample, seed
        self.before = 0  # epochs of a training that was cut off
        self.images: list[Any] = []
        self.curves: dict[str, list[float]] = {"KL": [], "hopping": []}

    def __call__(self, surrogate: Surrogate) -> dict[str, float]:
        """The divergences after one more epoch."""

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

        hops = self.curves["hopping"][len(self.curves["hopping"]) // 2 :]
        if not hops:
            return []
        halves = [part.response[:WATCHED].mean(0, dtype=np.float64) for part in (self.sample.other, self.sample.test)]
        error = float(np.std(hops, ddof=1) / np.sqrt(len(hops))) if len(hops) > 1 else 0.0
        return [Row("mode_hopping", "kl", float(np.mean(hops)), error, divergence(*halves), 0.0)]


def trained(name: str, seed: int, sample: Sample, request: Request, watch: Watch) -> tuple[Surrogate, dict[str, list[float]], str]:
    """A surrogate trained by its recipe, its losses epoch by epoch, and what is to be said of the training."""
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
    (objective,) = surrogate.model.objectives()
    terms = objective.loss(surrogate.prepare(held), torch.Generator().manual_seed(seed))
    return {f"test {term}": float(value) for term, value in terms.items()}


def loaded(folder: Path, sample: Sample) -> tuple[Surrogate, dict[str, list[float]], str]:
    """A trained surrogate, the losses of its training where its run has a log, and what is to be said of it."""
    surrogate = load_bundle(folder)
    if surrogate.detector != sample.test.detector:
        raise FacsimError(f"{folder} is a surrogate of another detector", expected=sample.test.detector, got=surrogate.detector)
    log = next((f / "training" for f in (folder, folder.parent) if (f / "training" / LOG).is_file()), None)
    losses = {} if log is None else read_history(log)
    told = trained_for(len(losses["epoch"]) if losses else None, surrogate.about["training"]["events"])
    return surrogate, {key: values for key, values in losses.items() if "/" in key}, told
