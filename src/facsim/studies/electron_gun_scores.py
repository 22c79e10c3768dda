"""What the electron-gun study measures of a surrogate, beside the same of truth against truth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from facsim.core import Events, stream
from facsim.core.events import Array
from facsim.evaluation.classifier import area_in_bin, two_sample_test
from facsim.evaluation.cross_sections import cross_section_rows
from facsim.evaluation.evaluate import evaluate
from facsim.evaluation.observables import features
from facsim.evaluation.rounding import is_rounded, round_significant
from facsim.evaluation.scorecard import Row
from facsim.evaluation.structure import image_divergence, image_kl
from facsim.studies.calorimeter import SPEED_EVENTS, SPEED_SECONDS, mean_ratio
from facsim.studies.electron_gun_data import GEANT4_MS, Sample, at
from facsim.studies.run import replace_file

if TYPE_CHECKING:
    from facsim.surrogate import Surrogate

KL_EVENTS, KL_ESTIMATES = 20_000, 5
SECTIONS = ("conditions", "observables", "structure", "diversity")
FEWEST_IN_BIN = 50
Areas = dict[str, tuple[float, float]]  # area under the curve and its error, by bin
KEPT = {
    *("diversity", "memorisation"),
    *("mean_image", "occupancy", "cell_spectrum", "neighbour_correlation", "radial_profile"),
    *("total_energy", "sparsity", "maximum_cell", "centre_x", "centre_y", "width_x", "width_y", "radius"),
}
QUICK_EVENTS, QUICK_SECONDS = 500, 0.2


@dataclass(frozen=True, kw_only=True)
class Judging:
    """How closely to look: classifiers and observables see `events`; classifiers train on `splits` of these (None: as many as the recipe wants).

    The classifiers' floors, equal for all models, are kept in the file `store`; `quick` measures the speed in a moment.
    """

    events: int
    splits: int | None = None
    store: Path | None = None
    quick: bool = False


def score(surrogate: Surrogate, candidate: Events, sample: Sample, judging: Judging, seed: int) -> list[Row]:
    """All scores of the candidate's events, made for the conditions of the events to score on."""
    judged, enough = candidate[: judging.events], 5 * judging.events
    card = evaluate(judged, sample.test[:enough], train=sample.other[:enough], recipe=SECTIONS, seed=seed)
    rows = [*classifier_rows(judged, sample, judging, seed), *(row for row in card.rows if row.observable in KEPT)]
    rows += [*average_image_rows(candidate, sample, seed), *cross_section_rows(sample.test, candidate, sample.other, seed)]
    rows += [_deposit_row(candidate, sample, energy) for energy in np.unique(sample.test.condition[:, 0])]
    speed = speed_row(surrogate, QUICK_EVENTS, QUICK_SECONDS) if judging.quick else speed_row(surrogate)
    return [*rows, speed, *(reconstruction_rows(surrogate, sample, seed) if rebuilds(surrogate) else ())]


def classifier_rows(candidate: Events, sample: Sample, judging: Judging, seed: int) -> list[Row]:
    """The fast classifier on cells and on observables, pooled and at each energy; the floor is that of other truth events."""
    rows, other, splits = [], sample.other[: len(candidate)], judging.splits
    for on in ("cells", "observables"):
        found = areas(sample.test, candidate, on, seed, splits)
        name = f"{on}, {len(other)} events, {splits} splits, seed {seed}, {sample.source}"
        floor = remembered(judging.store, name, partial(areas, sample.test, other, on, seed, splits))
        rows += [Row(on, "auc", value, error, *floor[bin], bin=bin) for bin, (value, error) in found.items() if bin in floor]
    return rows


def areas(truth: Events, other: Events, on: str, seed: int, splits: int | None) -> Areas:
    """Area under the curve and its error of the fast classifier of truth against other events, by bin; truth is cut to the number of the others."""
    truth = truth[: len(other)]
    x, y = ((_over_energy(e) if on == "cells" else features(e)[0]) for e in _rounded_alike(truth, other))
    conditions = np.log10(truth.condition.astype(np.float64)), np.log10(other.condition.astype(np.float64))
    result = two_sample_test(x, y, condition=conditions, recipe="fast", repeats=splits, seed=seed)
    energy = np.concatenate([truth.condition[:, 0], other.condition[:, 0]])
    scored, counts = np.unique(energy[result.index], return_counts=True)
    bins = [e for e, count in zip(scored, counts, strict=True) if FEWEST_IN_BIN < count < len(result.index)]
    return {"all": (result.auc, result.auc_error)} | {f"{e:g} MeV": area_in_bin(result, energy == e) for e in bins}


def remembered(store: Path | None, name: str, make: Callable[[], Areas]) -> Areas:
    """What the file has under the name, else what is made now and added to it."""
    known: dict[str, Areas] = json.loads(store.read_text()) if store is not None and store.is_file() else {}
    if name not in known:
        known[name] = make()
        if store is not None:
            replace_file(store, (json.dumps(known, indent=1) + "\n").encode())
    return {bin: (value, error) for bin, (value, error) in known[name].items()}


def _over_energy(events: Events) -> Array:
    return np.asarray(events.response / events.condition[:, 0].reshape(-1, 1, 1))


def _rounded_alike(truth: Events, other: Events) -> tuple[Events, Events]:
    """Both rounded where the truth was, before its cells were summed: a classifier would find that."""
    return (round_significant(truth), round_significant(other)) if is_rounded(truth) else (truth, other)


def average_image_rows(candidate: Events, sample: Sample, seed: int) -> list[Row]:
    """Divergence of the average images as the source takes it, and how far it lies above that of two samples of truth."""
    (kl, error), (floor, floor_error) = (
        image_kl(events, sample.test, events=KL_EVENTS, estimates=KL_ESTIMATES, seed=seed) for events in (candidate, sample.other)
    )
    above = Row("average_image", "kl_above_floor", kl - floor, float(np.hypot(error, floor_error)), 0.0, 0.0, signed=True)
    return [Row("average_image", "kl", kl, error, floor, floor_error), above]


def _deposit_row(candidate: Events, sample: Sample, energy: float) -> Row:
    """Mean deposit at one energy, relative to the truth's."""
    truth, found, other = (events[at(events, energy)].cells.sum(1, dtype=np.float64) for events in (sample.test, candidate, sample.other))
    return Row("deposit", "mean_difference", *mean_ratio(found, truth), *mean_ratio(other, truth), bin=f"{energy:g} MeV", signed=True)


def speed_row(surrogate: Surrogate, events: int = SPEED_EVENTS, seconds: float = SPEED_SECONDS) -> Row:
    """Milliseconds of one core for an image, all of the chain included, beside Geant4's; processor time, so that a busy machine does not matter."""
    threads, rng = torch.get_num_threads(), stream(0, "speed")
    spent: list[float] = []
    condition = surrogate.draw_condition(events, rng)
    torch.set_num_threads(1)
    try:
        surrogate.simulate(condition[: events // 10], rng)
        while sum(spent) < seconds:
            start = time.process_time()
            surrogate.simulate(condition, rng)
            spent.append(time.process_time() - start)
    finally:
        torch.set_num_threads(threads)
    each = 1e3 * np.array(spent) / events
    error = float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else 0.0
    return Row("time", "ms_per_image", float(np.median(each)), error, GEANT4_MS, 0.0, "ms")


def rebuilds(surrogate: Surrogate) -> bool:
    """Whether it is an auto-encoder that draws the mean: then a reconstruction means something."""
    return bool(surrogate.about["model"]["settings"].get("likelihood") == "mse")


def rebuilt(surrogate: Surrogate, events: Events, seed: int) -> Events:
    """The events encoded, drawn in the space of codes as in training, and decoded."""
    batch, rng = surrogate.prepare(events), torch.Generator().manual_seed(seed)
    with torch.inference_mode():
        mean, log_variance = surrogate.model.encode(batch.condition, batch.response)  # type: ignore[operator]
        code = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=rng)
        response = surrogate.respond(torch.from_numpy(np.array(events.condition)), code)
    return Events(events.condition, response.numpy(), events.detector, events.variables)


def reconstruction_rows(surrogate: Surrogate, sample: Sample, seed: int) -> list[Row]:
    """Squared error of reconstructed test events, summed over the cells of each; an error of zero is the floor."""
    events = sample.test[:5000]
    squared = np.square(rebuilt(surrogate, events, seed).cells - events.cells, dtype=np.float64).sum(1)
    return [Row("reconstruction", "squared_error", float(squared.mean()), float(squared.std() / np.sqrt(len(squared))), 0.0, 0.0, "MeV^2")]


def divergence(image: Array, truth: Array) -> float:
    """Divergence of one average image from another."""
    return float(image_divergence(image.reshape(1, -1), truth.reshape(1, -1))[0])
