"""From events to a trained surrogate: the one path that studies and the command line share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facsim.core import Events, FacsimError, look_up, stream
from facsim.core.contracts import Batch, Batches
from facsim.core.events import Array
from facsim.core.variables import places, width
from facsim.data import ArrayBatches, FileBatches, Source
from facsim.models import MODELS, Family, build
from facsim.surrogate import Surrogate
from facsim.training import History, Progress, Settings, fit
from facsim.transforms import Calibrate, Chain, Recipe, encoding

FIT_EVENTS = 50_000  # the transforms are fitted to no more events than this
CALIBRATION_EVENTS = 100_000  # generated to set the energy scale
PRIOR_EVENTS = 10_000  # conditions of the training data that a bundle keeps
PRIOR_NUMBERS = 1_000_000  # in all of them together: 4 MB of a bundle
IN_MEMORY = 4e9  # bytes of responses above which training streams from the file

TABULAR: Recipe = (("Standardise", {}),)
TABULAR_SETTINGS = {"likelihood": "normal", "last": "identity"}  # of families that have them: a signed response must not be cut at zero


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to train and how: a family with its settings, transforms (None: the family's own), batch size, training settings.

    `condition` are transforms of the conditions after their encoding.
    """

    model: str = "vae"
    settings: Mapping[str, Any] = field(default_factory=dict)
    response: Recipe | None = None
    condition: Recipe = ()
    batch_size: int = 128
    training: Settings


def train(
    source: Source,
    plan: Plan,
    *,
    folder: Path | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    watch: Callable[[Surrogate], dict[str, float]] | None = None,
    start: Surrogate | None = None,
) -> tuple[Surrogate, History]:
    """A surrogate trained on all events of the source, and the history of its training; `watch` sees it after every epoch.

    Transforms and ranges come from the source alone, the first weights from the seed, unless there is a surrogate to `start` from: then the model
    is its, transforms and weights too. With `resume` the same call goes on from the folder's checkpoint.

    Raises:
        FacsimError: for a bad plan, too few events, or a training that fails.
    """
    torch.manual_seed(plan.training.seed)
    first = source.read(0, FIT_EVENTS)
    if not len(first):
        raise FacsimError("there is nothing to train on", expected="one or more events", got=0)
    about = {"fingerprint": source.fingerprint, "events": source.n, "seed": plan.training.seed}
    surrogate = untrained(first, plan, about) if start is None else started(start, first, plan, about)
    batches = _batches(source, surrogate, first, plan)
    objectives = surrogate.model.objectives()
    validate = None if watch is None else lambda model: watch(surrogate)
    history = fit(surrogate.model, objectives, batches, plan.training, folder=folder, resume=resume, validate=validate, on_progress=on_progress)
    calibrate(surrogate, first, plan.training.seed)
    return surrogate, history


def calibrate(surrogate: Surrogate, events: Events, seed: int) -> None:
    """Set the energy scale so that the mean energy generated at the events' conditions is theirs; nothing where the chain has no Calibrate."""
    scales = [part for part in surrogate.response_transform.parts if isinstance(part, Calibrate)]
    if not scales:
        return
    rng, true = stream(seed, "calibrate"), np.average(events.cells.sum(1), weights=events.weights)
    passes = max(1, CALIBRATION_EVENTS // len(events))
    generated = np.mean([np.average(surrogate.simulate(events.condition, rng).cells.sum(1), weights=events.weights) for _ in range(passes)])
    scales[0].correct(float(true / generated) if generated > 0 else 1.0)


def untrained(events: Events, plan: Plan, about: Mapping[str, Any]) -> Surrogate:
    """A surrogate with transforms fitted to the events and a model with its first weights."""
    family = look_up(MODELS, plan.model, "model")
    variables = tuple(v.covering(events.condition[:, place]) for v, place in zip(events.variables, places(events.variables), strict=True))
    recipe = plan.response if plan.response is not None else suited(family, events)
    condition, response = torch.tensor(events.condition), torch.tensor(events.response)
    encode = Chain((width(variables),), [("Encode", {"columns": encoding(variables, events.condition)}), *plan.condition])
    chain = Chain(events.detector.shape, recipe)
    chain.fit(response, condition)
    signed = TABULAR_SETTINGS if recipe is TABULAR else {}
    settings = {**{key: value for key, value in signed.items() if key in family.settings}, **plan.settings}
    model = build(plan.model, encode.shape[0], chain.shape, **settings)
    told = {"model": {"name": plan.model, "settings": settings}, "training": dict(about)}
    surrogate = Surrogate(model, encode, chain, events.detector, variables, _prior(events, plan.training.seed), told)
    model.see(surrogate.prepare(events))
    return surrogate


def started(start: Surrogate, events: Events, plan: Plan, about: Mapping[str, Any]) -> Surrogate:
    """A trained surrogate as the beginning of a training on other events.

    Raises:
        FacsimError: if the events are of another detector or other conditions, or the plan wants another model.
    """
    model = start.about["model"]
    asked = {"name": plan.model, "settings": {**model["settings"], **plan.settings}}
    known, found = ([(v.name, v.unit, v.shape) for v in variables] for variables in (start.variables, events.variables))
    for what, expected, got in (
        ("detector", start.detector, events.detector),
        ("conditions", known, found),
        ("model", model, json.loads(json.dumps(asked))),
    ):
        if expected != got:
            raise FacsimError(f"a training cannot start from a surrogate with another {what}", expected=expected, got=got)
    numbers = zip(start.variables, places(start.variables), strict=True)
    variables = tuple(v.covering(np.concatenate([start.prior[:, place], events.condition[:, place]])) for v, place in numbers)
    told = {**start.about, "training": {**about, "started_from": start.about["training"]}}
    return replace(start, model=start.model.train(), variables=variables, prior=_prior(events, plan.training.seed), about=told)


def suited(family: Family, events: Events) -> Recipe:
    """The family's own transforms, as far as they apply: signed responses are standardised, fractions of an energy need one."""
    if events.detector.signed and not family.signed:
        raise FacsimError("this family makes energies >= 0 only", got=f"a signed {type(events.detector).__name__}", remedy="choose another model")
    if events.detector.signed:
        return TABULAR
    names = [v.name for v in events.variables]
    energy = names.index("energy") if "energy" in names else None
    return [(name, {**settings, "energy_column": energy} if name.endswith("Fractions") else settings) for name, settings in family.response]


def _batches(source: Source, surrogate: Surrogate, first: Events, plan: Plan) -> Batches:
    """The source's events as batches of network tensors: all in memory where they fit, else streamed from the file. Weights get mean 1."""
    mean_weight = float(first.weights.mean())
    if mean_weight <= 0:
        raise FacsimError("the weights have no positive mean", expected="more signal than background", got=f"{mean_weight:g}")

    def prepare(events: Events) -> Batch:
        batch = surrogate.prepare(events)
        return batch._replace(weight=batch.weight / mean_weight)

    batch_size = plan.batch_size * plan.training.devices
    if source.n * first.detector.n_cells * 4 > IN_MEMORY:
        return FileBatches(source, batch_size, plan.training.seed, prepare=prepare)
    events = first if len(first) == source.n else source.read()
    return ArrayBatches.from_events(events, prepare, batch_size=batch_size, seed=plan.training.seed)


def _prior(events: Events, seed: int) -> Array:
    """A random part of the conditions, for the bundle to draw from."""
    most = min(PRIOR_EVENTS, max(1, PRIOR_NUMBERS // max(1, events.condition.shape[1])))
    order = stream(seed, "prior").permutation(len(events))[:most]
    return events.condition[order]
