"""Sections of the scorecard that look at many columns at once: distances of features, diversity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from facsim.core import Events, stream
from facsim.evaluation.comparison import Comparison
from facsim.evaluation.condition_bins import condition_bins
from facsim.evaluation.diversity import birthday_ratio, copies, memorisation, modes, variety
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
from facsim.evaluation.multivariate.frechet import sampling_error
from facsim.evaluation.multivariate.samples import Weighted, Weights, jackknife_each, mean_with_error, parts, varying, weighted
from facsim.evaluation.observables import features
from facsim.evaluation.pair import Array
from facsim.evaluation.scorecard import Row

MOST = 10_000  # events of each sample in distances whose cost grows with the square of their number
MANY_COLUMNS = 100  # beyond it half of the events are used, and the Frechet distance draws 5 pairs of samples at each size, not 20


# --- distances of features --------------------------------------------------------------------------------------------

Distances = Mapping[str, Estimate]


class Features(NamedTuple):
    """Columns of the events, [n, d], and their weights [n] if there are any."""

    values: Array
    weight: Array | None


def distance_rows(compared: Comparison) -> Iterator[Row]:
    """Multivariate distances of the observables that vary in the reference; at most MOST events of each sample, half of it for many columns."""
    keep = varying(compared.reference.features)
    if not keep.any():
        return
    x, y, f = _chosen_features(compared, keep)
    value, floor = feature_distances(x, y, compared.seed), feature_distances(x, f, compared.seed)
    for name, found in value.items():
        if name in floor:
            yield Row("features", name, *found, *floor[name], bin=compared.bin, signed=name in SIGNED)


def _chosen_features(compared: Comparison, keep: Array) -> list[Features]:
    """The columns `keep` of reference, candidate and floor sample, at most MOST random events of each, half of it for many columns."""
    most = MOST if keep.sum() <= MANY_COLUMNS else MOST // 2
    samples = (compared.reference, compared.candidate, compared.floor)
    chosen = [np.sort(stream(compared.seed, "chosen", i).permutation(len(s.features))[:most]) for i, s in enumerate(samples)]
    return [Features(s.features[rows][:, keep], None if s.weight is None else s.weight[rows]) for s, rows in zip(samples, chosen, strict=True)]


SIGNED = ("kpd", "energy", "mmd", "precision", "recall", "density", "coverage", "prd_f8", "prd_f1/8")


def feature_distances(x: Features, y: Features, seed: int) -> Distances:
    """Every multivariate distance of candidate y [m, d] and truth x [n, d], by name; with weights those that know them."""
    pair, weight, largest = (x.values, y.values), (x.weight, y.weight), min(len(x.values), len(y.values))
    draws = 20 if x.values.shape[1] <= MANY_COLUMNS else 5
    return {
        "fpd": _frechet(*pair, weight, smallest=max(2, largest // 5), largest=largest, draws=draws, seed=seed),
        "kpd": kernel_physics_distance(*pair, weight=weight, batch_size=max(2, largest // 2)),
        "energy": energy_distance(*pair, weight=weight, seed=seed),
        "mmd": gaussian_mmd(*pair, weight=weight, seed=seed),
        "sliced_wasserstein": sliced_wasserstein(*pair, weight=weight, seed=seed),
        **(precision_recall_density_coverage(*pair, weight=y.weight) if x.weight is None else {}),
        **_prd(x, y, seed),
    }


def _frechet(x: Array, y: Array, weight: Weights, *, smallest: int, largest: int, draws: int, seed: int) -> Estimate:
    """The Frechet physics distance, with the error of its fit and that of the samples."""
    found = frechet_physics_distance(x, y, weight=weight, smallest=smallest, largest=largest, draws=draws)
    return Estimate(found.value, float(np.hypot(found.error, sampling_error(x, y, weight=weight, seed=seed))))


def _prd(x: Features, y: Features, seed: int) -> Distances:
    """The two F-measures of the precision-recall curve."""

    def best(a: Weighted, b: Weighted) -> list[float]:
        curve = prd_curve(a.x, b.x, weight=(a.weight, b.weight), runs=2, seed=seed)
        return [curve.best_f(8), curve.best_f(1 / 8)]

    return dict(zip(("prd_f8", "prd_f1/8"), jackknife_each(best, weighted(*x), weighted(*y), blocks=5, seed=seed), strict=True))


# --- diversity --------------------------------------------------------------------------------------------------------


def diversity_rows(compared: Comparison) -> Iterator[Row]:
    """Variety at each fixed condition, near coincidences, modes, and memory of the training events where they are given."""
    yield from _variety_rows(compared)
    keep = varying(compared.reference.features)
    if keep.any():
        spread = compared.reference.features[:, keep].std(0)
        x, y, f = (s._replace(values=s.values / spread) for s in _chosen_features(compared, keep))
        if len(x.values) > 2 * np.sqrt(2 * 200):
            yield Row("diversity", "birthday_ratio", *_birthday(x, y), *_birthday(x, f), bin=compared.bin, signed=True)
        yield Row("diversity", "lost_modes", *_lost(x, y, compared.seed), *_lost(x, f, compared.seed), bin=compared.bin)
    if compared.train is not None:
        yield from _memory_rows(compared, compared.train)


def _variety_rows(compared: Comparison) -> Iterator[Row]:
    """Total variance over that of truth, where all events of a bin have one condition."""
    samples = (compared.reference, compared.candidate, compared.floor)
    bins = [(compared.bin, [np.ones(len(s.events), dtype=bool) for s in samples])]
    bins += [(part.label, [part.mask(s.events) for s in samples]) for part in condition_bins(samples[0].events)]
    for label, masks in bins:
        x, y, f = (s.events[m] for s, m in zip(samples, masks, strict=True))
        if min(map(len, (x, y, f))) >= 20 and not any(np.ptp(e.condition, axis=0).any() for e in (x, y, f)) and np.ptp(x.cells, axis=0).any():
            yield Row("diversity", "variety", *_variety(x, y), *_variety(x, f), bin=label, signed=True)


def _variety(x: Events, y: Events) -> Estimate:
    return variety(x.cells, y.cells, weight=(x.weight, y.weight))


def _birthday(x: Features, y: Features) -> Estimate:
    return birthday_ratio(x.values, y.values, weight=(x.weight, y.weight))


def _lost(x: Features, y: Features, seed: int) -> Estimate:
    lost = modes(x.values, y.values, weight=(x.weight, y.weight), seed=seed).lost
    return Estimate(lost, float(np.sqrt(max(lost * (1 - lost), 0) / len(x.values))))


def _memory_rows(compared: Comparison, train: Events) -> Iterator[Row]:
    """Nearness to the training events: of the candidate against the reference, and of one half of the reference against the other."""
    keep = varying(compared.reference.features)
    spread = compared.reference.features[:, keep].std(0)
    seen, truth, candidate = (f[:, keep] / spread for f in (features(train)[0], compared.reference.features, compared.candidate.features))
    found = memorisation(seen, truth, candidate, weight=(compared.reference.weight, compared.candidate.weight))
    halves = parts(weighted(truth, compared.reference.weight), 2, compared.seed)
    floor = memorisation(seen, halves[0].x, halves[1].x, weight=(halves[0].weight, halves[1].weight))
    yield Row("memorisation", "auc", *found.auc, *floor.auc, bin=compared.bin)
    copied = [mean_with_error(copies(train.cells, s.events.cells), s.weight) for s in (compared.candidate, compared.reference)]
    yield Row("memorisation", "copied", *copied[0], *copied[1], bin=compared.bin)
