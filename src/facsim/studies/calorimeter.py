"""What studies of a calorimeter share: events from files, a table of models, scores beside truth against truth, figures, trials kept on disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facsim.core import Events, FacsimError, stream
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.studies.study import Outcome, Request, Trial
from facsim.studies.variety import Repeated

if TYPE_CHECKING:
    from facsim.surrogate import Surrogate

SECTIONS = ("conditions", "observables", "structure", "curves", "diversity", "physics", "classifier_cells", "classifier_observables")
QUICK = 400  # events of a quick run
SPEED_EVENTS, SPEED_SECONDS = 10_000, 5.0
PER_CONDITION = 2  # events generated for each condition of the events to score on: part of a distance is the fluctuation of the candidate
SETTINGS = {
    "data": "folder of train.h5 and test.h5",
    "epochs": "of every model that is trained, in place of its own number",
    "learning_rate": "of every model that is trained, in place of its own; the largest, where its objectives have several, whose ratio stays",
    "train_events": "how many of the events to train on a full run takes, the first ones; all without it",
}


@dataclass(frozen=True)
class Sample:
    """Events to train on and to score on, none in both, and where they come from; `prepare` makes of the former what models are trained on.

    `sees` leaves of an event what a model may see of its condition, `judged` what the common sections of the evaluation look at. `repeats` are events
    that can be made many times, `before_ms` what steps before the surrogate cost for one image. `views` are the same events with something else seen.
    """

    train: Events
    test: Events
    source: str
    prepare: Callable[[Events], Events] = lambda events: events
    sees: Callable[[Events], Events] = lambda events: events
    judged: Callable[[Events], Events] = lambda events: events
    repeats: Sequence[Repeated] = ()
    before_ms: float = 0.0
    views: Mapping[str, Sample] = field(default_factory=dict)

    def short(self) -> Sample:
        """The first few events of both."""
        views = {name: view.short() for name, view in self.views.items()}
        return replace(self, train=self.train[:QUICK], test=self.test[:QUICK], source=f"{self.source}, first {QUICK}", views=views)

    def condition(self, events: Events) -> Array:
        """What a model is given for the events' conditions, [n, c]."""
        return self.sees(events).condition


@dataclass(frozen=True, kw_only=True)
class Model:
    """How one model is made: its family, settings, transforms (None: the family's own), and for how many epochs in a full and in a quick run.

    `condition` are transforms of the conditions after their encoding. `build` makes it of the training events where there is nothing to train.
    In a quick run it is trained on the first `quick_events`, if there are that many. `view` is one of the sample's views, if it sees that.
    `sections` of the evaluation has a full run, where they are fewer than those of the study.
    """

    what: str
    family: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    response: Sequence[tuple[str, dict[str, Any]]] | None = None
    condition: Sequence[tuple[str, dict[str, Any]]] = ()
    batch: int = 128
    training: Mapping[str, Any] = field(default_factory=dict)
    full: int
    quick: int = 1
    quick_events: int | None = None
    build: Callable[[Events], Surrogate] | None = None
    view: str = ""
    sections: Sequence[str] | None = None


Scores = Callable[[Events, Sample, Scorecard], list[Row]]
OwnScores = Callable[["Surrogate", Sample, bool], list[Row]]


@dataclass(frozen=True, kw_only=True)
class Calorimeter:
    """A study's own parts: its models, what it measures beside the common sections, and Geant4's milliseconds for one of its events.

    `sample` makes its events where they are in no files; `quick` and `full` are the sections of the evaluation that such runs have. `own` are scores
    that need the surrogate itself (True in a full run). `speed` is how many images are made to take the time, and for how many seconds.
    `per_condition` events for each condition have the study's own `scores`, whose errors they make smaller; the evaluation has PER_CONDITION of them.
    """

    name: str
    models: Mapping[str, Model]
    scores: Scores
    geant4_ms: float
    prepare: Callable[[Events], Events] = lambda events: events
    sample: Callable[[Request], Sample] | None = None
    quick: Sequence[str] = SECTIONS
    full: Sequence[str] = SECTIONS
    own: OwnScores = lambda surrogate, sample, full: []
    speed: tuple[int, float] = (SPEED_EVENTS, SPEED_SECONDS)
    per_condition: int = PER_CONDITION

    def run(self, request: Request) -> Outcome:
        """Train or load every model of the request, score each, and show all that are finished in the folder together."""
        from facsim.studies.keep import finished, kept

        sample = self.sample(request) if self.sample else from_files(request.settings.get("data"), self.prepare)
        sample = sample if request.full else sample.short()
        key = {"full": request.full, "data": sample.source}
        made = [
            kept(
                request,
                name,
                seed,
                key | self._key(name, request),
                partial(self._trial, name, seed, sample.views.get(self.models[name].view, sample), request),
            )
            for name in request.models
            for seed in request.seeds
        ]
        trials = [*made, *finished(request, set(self.models) - set(request.models), key)]
        trials.sort(key=lambda trial: list(self.models).index(trial.model))
        notes = {trial.model: trial.about["note"] for trial in trials}
        return Outcome(tuple(trials), {"data": sample.source}, notes, {"pareto": self._pareto(trials)} if request.full else {})

    def _key(self, name: str, request: Request) -> dict[str, Any]:
        """What a trial depends on: how long its model is trained, or which bundle stands for it."""
        if name not in request.bundles:
            return {"epochs": self._epochs(name, request), **{key: request.settings.get(key) for key in ("learning_rate", "train_events")}}
        from facsim.surrogate import read_manifest

        return {"bundle": read_manifest(request.bundles[name])["weights"]["sha256"]}

    def _epochs(self, name: str, request: Request) -> int:
        model = self.models[name]
        return int(request.settings.get("epochs", model.full if request.full else model.quick))

    def _trial(self, name: str, seed: int, sample: Sample, request: Request) -> Trial:
        from facsim.evaluation.evaluate import evaluate
        from facsim.studies.electron_gun_scores import speed_row

        started = time.process_time()
        request.say(f"{self.name}: {name}, seed {seed}, {sample.source}")
        surrogate, note = loaded(request.bundles[name], sample) if name in request.bundles else self.trained(name, seed, sample, request)
        trained = time.process_time() - started
        times = (max(self.per_condition, PER_CONDITION) if request.full else PER_CONDITION, 1)
        made = surrogate.simulate(np.tile(sample.condition(sample.test), times), stream(seed, "candidate"), extrapolate=True)
        candidate = replace(made, condition=np.tile(sample.test.condition, times), variables=sample.test.variables)
        some = candidate[: PER_CONDITION * len(sample.test)]
        judged, truth, train = (sample.judged(events) for events in (some, sample.test, sample.train))
        card = evaluate(judged, truth, train=train, recipe=(self.models[name].sections or self.full) if request.full else self.quick, seed=seed)
        speed = speed_row(surrogate, *(self.speed if request.full else (50, 0.1)))
        rows = (*card.rows, *self.scores(candidate, sample, card), *self.own(surrogate, sample, request.full), replace(speed, floor=self.geant4_ms))
        about = {
            "note": note,
            "data": sample.source,
            "training": surrogate.about["training"],
            "cpu_seconds": {"training": round(trained, 1), "scoring": round(time.process_time() - started - trained, 1)},
        }
        return Trial(name, seed, rows, {}, about, figures(name, judged, truth) if request.full else {})

    def trained(self, name: str, seed: int, sample: Sample, request: Request) -> tuple[Surrogate, str]:
        """A model of the table trained on the sample, and for how long; its run and bundle are in the request's folder, where a training goes on."""
        from facsim.data.memory import InMemory
        from facsim.studies.workflow import Plan, train
        from facsim.surrogate import save_bundle
        from facsim.training import Settings

        model, epochs, events = self.models[name], self._epochs(name, request), sample.sees(sample.prepare(sample.train))
        events = events[: request.settings.get("train_events") if request.full else model.quick_events]
        if model.build is not None:
            return model.build(events), "nothing to train"
        rate = rates(model.training.get("learning_rate"), request.settings.get("learning_rate"))
        training = Settings(epochs=epochs, seed=seed, device="cpu", **{**model.training, **rate})
        plan = Plan(
            model=model.family,
            settings=model.settings,
            response=model.response,
            condition=model.condition,
            batch_size=model.batch,
            training=training,
        )
        folder = None if request.out is None else request.out / "runs" / f"{name}-{seed}"
        if folder is not None and request.fresh:
            shutil.rmtree(folder, ignore_errors=True)
        surrogate, _ = train(InMemory(events, sample.source), plan, folder=folder and folder / "training", resume=folder is not None)
        if folder is not None:
            save_bundle(surrogate, folder / "bundle")
        return surrogate, ", ".join([f"{epochs} epochs of {len(events)} events", *(f"{key} {value}" for key, value in rate.items())])

    def _pareto(self, trials: Sequence[Trial]) -> bytes:
        from facsim.report.pareto import pareto
        from facsim.report.study_curves import png

        on = "cells" if all("classifier_cells" in (self.models[trial.model].sections or self.full) for trial in trials) else "observables"
        cards = {trial.model: Scorecard(trial.rows) for trial in trials}
        seconds = {name: 1e-3 * card.find("time", "ms_per_image").value for name, card in cards.items()}
        score = {name: card.find(on, "auc").value for name, card in cards.items()}
        geant4 = 1e-3 * self.geant4_ms
        shown = {"seconds": {**seconds, "Geant4": geant4}, "score": {**score, "Geant4": 0.5}}
        return png(pareto(**shown, label=f"AUC, {on}", best=0.5, truth_seconds=geant4))


def rates(own: float | Mapping[str, float] | None, asked: float | None) -> dict[str, Any]:
    """The learning rate asked for in place of a model's own, if one is; of several the largest, and the others in proportion.

    Examples:
        >>> rates({"critic": 1e-6, "generator": 1e-5}, 1e-3), rates(0.1, 0.2), rates(0.1, None)
        ({'learning_rate': {'critic': 0.0001, 'generator': 0.001}}, {'learning_rate': 0.2}, {})
    """
    if asked is None:
        return {}
    if not isinstance(own, Mapping):
        return {"learning_rate": asked}
    return {"learning_rate": {name: asked * rate / max(own.values()) for name, rate in own.items()}}


def from_files(folder: str | None, prepare: Callable[[Events], Events]) -> Sample:
    """The events of a folder's train.h5 and test.h5.

    Raises:
        FacsimError: without a folder, or if a file is not there.
    """
    from facsim.data import open_reader

    if folder is None:
        raise FacsimError(
            "this study needs its Geant4 events", expected="--set data=FOLDER", got="none", remedy="the folder holds train.h5 and test.h5"
        )
    train, test = (open_reader(Path(folder) / f"{part}.h5") for part in ("train", "test"))
    return Sample(train.read(), test.read(), f"train.h5 ({train.fingerprint[:16]}) and test.h5 ({test.fingerprint[:16]})", prepare)


def loaded(folder: Path, sample: Sample) -> tuple[Surrogate, str]:
    """A trained surrogate, and what is to be said of it."""
    from facsim.surrogate import load_bundle

    surrogate = load_bundle(folder)
    if surrogate.detector != sample.test.detector:
        raise FacsimError(f"{folder} is a surrogate of another detector", expected=sample.test.detector, got=surrogate.detector)
    return surrogate, f"trained on {surrogate.about['training']['events']} events"


def figures(name: str, candidate: Events, truth: Events) -> dict[str, bytes]:
    """The gallery of single events at equal conditions, and the average images."""
    from facsim.report.images import average_images, gallery
    from facsim.report.study_curves import png

    own = {name: candidate}
    return {"gallery": png(gallery(truth, own)), "average": png(average_images(truth, own))}


def mean_ratio(candidate: Array, truth: Array) -> tuple[float, float]:
    """Mean over mean less one, and its error."""
    ratio = candidate.mean() / truth.mean()
    of_candidate, of_truth = (values.std() / max(values.mean(), 1e-9) / np.sqrt(len(values)) for values in (candidate, truth))
    return float(ratio - 1), float(ratio * np.hypot(of_candidate, of_truth))


def response_rows(candidate: Events, sample: Sample, edges: Sequence[float]) -> list[Row]:
    """Mean of E / E_in relative to the truth's in bins of the incident energy in MeV; the floor is that of the training events."""
    rows = []
    for low, high in pairwise(edges):
        parts = (candidate, sample.test, sample.train)
        found, truth, other = (e.cells.sum(1, dtype=np.float64)[i] / e.column("energy")[i] for e in parts for i in [within(e, low, high)])
        if min(map(len, (found, truth, other))) > 1:
            values = *mean_ratio(found, truth), *mean_ratio(other, truth)
            rows.append(Row("response", "mean_difference", *values, bin=f"{low / 1e3:g}-{high / 1e3:g} GeV", signed=True))
    return rows


def within(events: Events, low: float, high: float) -> Array:
    """Which events have an incident energy from `low` to `high` MeV, [n]."""
    energy = events.column("energy")
    return np.asarray((energy >= low) & (energy < high))
