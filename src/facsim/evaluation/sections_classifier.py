"""Sections of the scorecard made by classifiers of truth against candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from facsim.core import Events
from facsim.core.units import UNITS
from facsim.evaluation.classifier import ClassifierResult, Recipe, area_in_bin, two_sample_test
from facsim.evaluation.comparison import Comparison, Sample
from facsim.evaluation.condition_bins import condition_bins
from facsim.evaluation.observables.geometry import has_cells
from facsim.evaluation.pair import Array
from facsim.evaluation.scorecard import Output, Row

FEWEST_IN_BIN = 20  # scored events of each sample for an area in a bin of a condition
BINS = 40  # of a classifier's output

Test = Callable[[Sample, Sample, str | Recipe, int], ClassifierResult]  # of truth, the other sample, recipe, seed


def cell_classifier_rows(compared: Comparison) -> Iterator[Row]:
    """Fast classifier on the cells, pooled and in bins of each condition; for detectors with cells."""
    if has_cells(compared.reference.events.detector):
        yield from _rows(compared, "cells", on_cells, "fast")


def observable_classifier_rows(compared: Comparison) -> Iterator[Row]:
    """Fast classifier on the observables, pooled and in bins of each condition."""
    yield from _rows(compared, "observables", on_observables, "fast")


def official_classifier_rows(compared: Comparison) -> Iterator[Row]:
    """The published perceptron of the CaloChallenge on cells and on observables; minutes to hours."""
    if has_cells(compared.reference.events.detector):
        yield from _rows(compared, "cells (official)", on_cells, "official")
    yield from _rows(compared, "observables (official)", on_observables, "official")


def _rows(compared: Comparison, name: str, test: Test, recipe: str) -> Iterator[Row]:
    candidate, floor = (test(compared.reference, s, recipe, compared.seed) for s in (compared.candidate, compared.floor))
    compared.outputs[name] = output(candidate)
    yield Row(name, "auc", candidate.auc, candidate.auc_error, floor.auc, floor.auc_error, bin=compared.bin)
    yield Row(name, "jsd", candidate.jsd, candidate.jsd_error, floor.jsd, floor.jsd_error, bin=compared.bin)
    for part in condition_bins(compared.reference.events):
        masks = [np.concatenate([part.mask(compared.reference.events), part.mask(other.events)]) for other in (compared.candidate, compared.floor)]
        if all(_scored(r, m) >= FEWEST_IN_BIN for r, m in zip((candidate, floor), masks, strict=True)):
            yield Row(name, "auc", *area_in_bin(candidate, masks[0]), *area_in_bin(floor, masks[1]), bin=part.label)


def _scored(result: ClassifierResult, mask: Array) -> int:
    """Scored events under the mask, of the rarer class."""
    first = np.unique(result.index, return_index=True)[1]
    return min(int(np.count_nonzero(mask[result.index[first]] & (result.label[first] == value))) for value in (0, 1))


def output(result: ClassifierResult) -> Output:
    """The shares of truth and candidate in equal bins of the held-out probability to be truth."""

    def shares(label: int) -> tuple[float, ...]:
        chosen = result.label == label
        held = np.histogram(result.scores[chosen], BINS, (0, 1), weights=None if result.weight is None else result.weight[chosen])[0]
        return tuple((held / held.sum()).round(6).tolist())

    return Output(shares(1), shares(0))


def on_cells(truth: Sample, other: Sample, recipe: str | Recipe, seed: int) -> ClassifierResult:
    """The test of a recipe on the cells, conditions given."""
    x, y = (_cells(s.events) for s in (truth, other))
    if recipe == "official":
        x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    return two_sample_test(x, y, condition=_conditions(truth.events, other.events), weight=(truth.weight, other.weight), recipe=recipe, seed=seed)


def on_observables(truth: Sample, other: Sample, recipe: str | Recipe, seed: int) -> ClassifierResult:
    """The test of a recipe on the observables, conditions given."""
    condition = _conditions(truth.events, other.events)
    return two_sample_test(truth.features, other.features, condition=condition, weight=(truth.weight, other.weight), recipe=recipe, seed=seed)


def _cells(events: Events) -> Array:
    """The response, over the incident energy where that is known and positive."""
    energy = events.column("energy") if "energy" in [v.name for v in events.variables] else np.zeros(0)
    if not len(energy) or energy.min() <= 0:
        return events.response
    return events.response / energy.reshape(-1, *(1,) * (events.response.ndim - 1))


def _conditions(x: Events, y: Events) -> tuple[Array, Array]:
    """The conditions of both, positive energies as logarithms to base 10."""
    first, second = x.condition.astype(np.float64), y.condition.astype(np.float64)
    for i, variable in enumerate(x.numbers):
        if UNITS[variable.unit].dimension == "energy" and min(first[:, i].min(), second[:, i].min()) > 0:
            first[:, i], second[:, i] = np.log10(first[:, i]), np.log10(second[:, i])
    return first, second
