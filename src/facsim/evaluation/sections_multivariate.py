"""Sections of the scorecard that look at many columns at once: classifiers, distances of features, diversity, the CaloChallenge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from facsim.core import Events, PolarLayers, stream
from facsim.core.units import UNITS
from facsim.evaluation.calochallenge import CHALLENGES, auc_high, auc_low, auc_resnet, contest, fpd, kpd, manifold, separations
from facsim.evaluation.classifier import ClassifierResult, area_in_bin, two_sample_test
from facsim.evaluation.comparison import Comparison
from facsim.evaluation.condition_bins import condition_bins
from facsim.evaluation.diversity import birthday_ratio, copied_fraction, memorisation, modes, variety
from facsim.evaluation.multivariate import (
    Estimate,
    energy_distance,
    frechet_physics_distance,
    gaussian_mmd,
    kernel_physics_distance,
    prd_curve,
    precision_recall_density_coverage,
    sliced_wasserstein,
)
from facsim.evaluation.multivariate.samples import jackknife_each, parts, varying
from facsim.evaluation.observables import features
from facsim.evaluation.observables.geometry import is_calorimeter
from facsim.evaluation.pair import Array
from facsim.evaluation.scorecard import Row

MOST = 10_000  # events of each sample in distances whose cost grows with the square of their number
MANY_COLUMNS = 100  # beyond it half of the events are used, and the Frechet distance draws 5 pairs of samples at each size, not 20
FEWEST_IN_BIN = 20  # scored events of each sample for an area in a bin of a condition


# --- classifiers ------------------------------------------------------------------------------------------------------


def cell_classifier_rows(compared: Comparison) -> Iterator[Row]:
    """Fast classifier on the cells, pooled and in bins of each condition; for calorimeters."""
    if is_calorimeter(compared.reference.events.detector):
        yield from _classifier_rows(compared, "cells", lambda other: _on_cells(compared, other, "fast"))


def observable_classifier_rows(compared: Comparison) -> Iterator[Row]:
    """Fast classifier on the observables, pooled and in bins of each condition."""
    yield from _classifier_rows(compared, "observables", lambda other: _on_observables(compared, other, "fast"))


def official_classifier_rows(compared: Comparison) -> Iterator[Row]:
    """The published perceptron of the CaloChallenge on cells and on observables; minutes to hours."""
    if is_calorimeter(compared.reference.events.detector):
        yield from _classifier_rows(compared, "cells (official)", lambda other: _on_cells(compared, other, "official"))
    yield from _classifier_rows(compared, "observables (official)", lambda other: _on_observables(compared, other, "official"))


def _classifier_rows(compared: Comparison, name: str, test: Callable[[str], ClassifierResult]) -> Iterator[Row]:
    candidate, floor = test("candidate"), test("floor")
    yield Row(name, "auc", candidate.auc, candidate.auc_error, floor.auc, floor.auc_error, bin=compared.bin)
    yield Row(name, "jsd", candidate.jsd, candidate.jsd_error, floor.jsd, floor.jsd_error, bin=compared.bin)
    for part in condition_bins(compared.reference.events):
        masks = [np.concatenate([part.mask(compared.reference.events), part.mask(other.events)]) for other in (compared.candidate, compared.floor)]
        if all(_scored(r, m) >= FEWEST_IN_BIN for r, m in zip((candidate, floor), masks, strict=True)):
            yield Row(name, "auc", *area_in_bin(candidate, masks[0]), *area_in_bin(floor, masks[1]), bin=part.label)


def _scored(result: ClassifierResult, mask: Array) -> int:
    """Scored events under the mask, of the rarer class."""
    return min(int(np.count_nonzero(mask[result.index] & (result.label == value))) for value in (0, 1))


def _on_cells(compared: Comparison, who: str, recipe: str) -> ClassifierResult:
    pair = compared.reference.events, getattr(compared, who).events
    x, y = (_cells(events) for events in pair)
    if recipe == "official":
        x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    return two_sample_test(x, y, condition=_conditions(*pair), recipe=recipe, seed=compared.seed)


def _on_observables(compared: Comparison, who: str, recipe: str) -> ClassifierResult:
    other = getattr(compared, who)
    condition = _conditions(compared.reference.events, other.events)
    return two_sample_test(compared.reference.features, other.features, condition=condition, recipe=recipe, seed=compared.seed)


def _cells(events: Events) -> Array:
    """The response, over the incident energy where that is known and positive."""
    energy = events.column("energy") if "energy" in [v.name for v in events.variables] else np.zeros(0)
    if not len(energy) or energy.min() <= 0:
        return events.response
    return events.response / energy.reshape(-1, *(1,) * (events.response.ndim - 1))


def _conditions(x: Events, y: Events) -> tuple[Array, Array]:
    """The conditions of both, positive energies as logarithms to base 10."""
    first, second = x.condition.astype(np.float64), y.condition.astype(np.float64)
    for i, variable in enumerate(x.variables):
        if UNITS[variable.unit].dimension == "energy" and min(first[:, i].min(), second[:, i].min()) > 0:
            first[:, i], second[:, i] = np.log10(first[:, i]), np.log10(second[:, i])
    return first, second


# --- distances of features --------------------------------------------------------------------------------------------

Distances = Mapping[str, Estimate]


def distance_rows(compared: Comparison) -> Iterator[Row]:
    """Multivariate distances of the observables that vary in the reference; at most MOST events of each sample, half of it for many columns."""
    keep = varying(compared.reference.features)
    if not keep.any():
        return
    x, y, f = _chosen_features(compared, keep)
    value, floor = feature_distances(x, y, compared.seed), feature_distances(x, f, compared.seed)
    for name, found in value.items():
        yield Row("features", name, *found, *floor[name], bin=compared.bin, signed=name in SIGNED)


def _chosen_features(compared: Comparison, keep: Array) -> list[Array]:
    """The columns `keep` of reference, candidate and floor sample, at most MOST random events of each, half of it for many columns."""
    most = MOST if keep.sum() <= MANY_COLUMNS else MOST // 2
    samples = (compared.reference, compared.candidate, compared.floor)
    chosen = [np.sort(stream(compared.seed, "chosen", i).permutation(len(s.features))[:most]) for i, s in enumerate(samples)]
    return [s.features[index][:, keep] for s, index in zip(samples, chosen, strict=True)]


SIGNED = ("kpd", "energy", "mmd", "precision", "recall", "density", "coverage", "prd_f8", "prd_f1/8")


def feature_distances(x: Array, y: Array, seed: int) -> Distances:
    """Every multivariate distance of candidate y [m, d] and truth x [n, d], by name."""
    largest = min(len(x), len(y))
    return {
        "fpd": frechet_physics_distance(x, y, smallest=max(2, largest // 5), largest=largest, draws=20 if x.shape[1] <= MANY_COLUMNS else 5),
        "kpd": kernel_physics_distance(x, y, batch_size=max(2, largest // 2)),
        "energy": energy_distance(x, y, seed=seed),
        "mmd": gaussian_mmd(x, y, seed=seed),
        "sliced_wasserstein": sliced_wasserstein(x, y, seed=seed),
        **precision_recall_density_coverage(x, y),
        **_prd(x, y, seed),
    }


def _prd(x: Array, y: Array, seed: int) -> Distances:
    """The two F-measures of the precision-recall curve."""

    def best(a: Array, b: Array) -> list[float]:
        curve = prd_curve(a, b, runs=2, seed=seed)
        return [curve.best_f(8), curve.best_f(1 / 8)]

    return dict(zip(("prd_f8", "prd_f1/8"), jackknife_each(best, x, y, blocks=5, seed=seed), strict=True))


# --- diversity --------------------------------------------------------------------------------------------------------


def diversity_rows(compared: Comparison) -> Iterator[Row]:
    """Variety at each fixed condition, near coincidences, modes, and memory of the training events where they are given."""
    yield from _variety_rows(compared)
    keep = varying(compared.reference.features)
    if keep.any():
        spread = compared.reference.features[:, keep].std(0)
        x, y, f = (a / spread for a in _chosen_features(compared, keep))
        if len(x) > 2 * np.sqrt(2 * 200):
            yield Row("diversity", "birthday_ratio", *birthday_ratio(x, y), *birthday_ratio(x, f), bin=compared.bin, signed=True)
        yield Row("diversity", "lost_modes", *_lost(x, y, compared.seed), *_lost(x, f, compared.seed), bin=compared.bin)
    if compared.train is not None:
        yield from _memory_rows(compared, compared.train)


def _variety_rows(compared: Comparison) -> Iterator[Row]:
    """Total variance over that of truth, where all events of a bin have one condition."""
    events = [s.events for s in (compared.reference, compared.candidate, compared.floor)]
    bins = [(compared.bin, [np.ones(len(e), dtype=bool) for e in events])]
    bins += [(part.label, [part.mask(e) for e in events]) for part in condition_bins(events[0])]
    for label, masks in bins:
        fixed = all(len(e) and not np.ptp(e.condition[m], axis=0).any() for e, m in zip(events, masks, strict=True) if m.any())
        if fixed and min(int(m.sum()) for m in masks) >= 20:
            x, y, f = (e.cells[m] for e, m in zip(events, masks, strict=True))
            if np.ptp(x, axis=0).any():
                yield Row("diversity", "variety", *variety(x, y), *variety(x, f), bin=label, signed=True)


def _lost(x: Array, y: Array, seed: int) -> Estimate:
    lost = modes(x, y, seed=seed).lost
    return Estimate(lost, float(np.sqrt(lost * (1 - lost) / len(x))))


def _memory_rows(compared: Comparison, train: Events) -> Iterator[Row]:
    """Nearness to the training events: of the candidate against the reference, and of one half of the reference against the other."""
    keep = varying(compared.reference.features)
    spread = compared.reference.features[:, keep].std(0)
    seen, truth, candidate = (f[:, keep] / spread for f in (features(train)[0], compared.reference.features, compared.candidate.features))
    found, floor = memorisation(seen, truth, candidate), memorisation(seen, *parts(truth, 2, compared.seed))
    yield Row("memorisation", "auc", *found.auc, *floor.auc, bin=compared.bin)
    copied = [copied_fraction(train.cells, s.events.cells) for s in (compared.candidate, compared.reference)]
    errors = [float(np.sqrt(c * (1 - c) / len(s.events))) for c, s in zip(copied, (compared.candidate, compared.reference), strict=True)]
    yield Row("memorisation", "copied", copied[0], errors[0], copied[1], errors[1], bin=compared.bin)


# --- the CaloChallenge ------------------------------------------------------------------------------------------------


def calochallenge_rows(compared: Comparison) -> Iterator[Row]:
    """The published scores, for detectors with the voxels of one of the challenge's data sets; hours on a CPU for the classifiers."""
    detector = compared.reference.events.detector
    names = [c.name for c in CHALLENGES.values() if c.voxels == detector.n_cells]
    if not isinstance(detector, PolarLayers) or not names:
        return
    value, floor = (contest(compared.reference.events, s.events, names[0]) for s in (compared.candidate, compared.floor))
    tests = {"low": auc_low, "high": auc_high} | ({"resnet": auc_resnet} if len(detector.shape) == 3 else {})
    for name, test in tests.items():
        a, b = test(value, seed=compared.seed), test(floor, seed=compared.seed)
        yield Row("calochallenge", f"auc_{name}", a.auc, a.auc_error, b.auc, b.auc_error)
        yield Row("calochallenge", f"jsd_{name}", a.jsd, a.jsd_error, b.jsd, b.jsd_error)
    yield Row("calochallenge", "fpd", *fpd(value), *fpd(floor))
    yield Row("calochallenge", "kpd", *kpd(value), *kpd(floor), signed=True)
    first, second = manifold(value), manifold(floor)
    yield from (Row("calochallenge", name, *first[name], *second[name], signed=True) for name in first)
    powers = separations(value), separations(floor)
    yield from (Row(name, "published_separation", found, 0.0, powers[1][name], 0.0) for name, found in powers[0].items())


SECTIONS_MULTIVARIATE: dict[str, Callable[[Comparison], Iterable[Row]]] = {
    "classifier_cells": cell_classifier_rows,
    "classifier_observables": observable_classifier_rows,
    "classifier_official": official_classifier_rows,
    "distances": distance_rows,
    "diversity": diversity_rows,
    "calochallenge": calochallenge_rows,
}
