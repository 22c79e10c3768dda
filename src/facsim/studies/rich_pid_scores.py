"""Scores of particle identification: separation, efficiency and log-likelihood differences in bins of momentum and pseudorapidity, and speed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from facsim.core import Events
from facsim.core.events import Array
from facsim.evaluation.distances import distance
from facsim.evaluation.scorecard import Row

P_EDGES = (3e3, 9.3e3, 18e3, 30e3, 50e3, 100e3)  # MeV; kaons shine in C4F10 from 9.3 GeV on, protons from 17.7
ETA_EDGES = (2.0, 2.6, 3.2, 3.8, 4.3)
SEPARATIONS = {"K/pi": (321, "dllK"), "p/pi": (2212, "dllP")}
PION = 211
SIGMAS = 2.0  # a bin departs whose areas differ by more errors than this
TIMES = 5  # repetitions of a measurement of speed, of which the fastest counts: what else the machine does only adds


class Area(NamedTuple):
    """Area under a ROC curve, and its error."""

    value: float
    error: float


class Bin(NamedTuple):
    """A bin of momentum and pseudorapidity: its name and which tracks are in it."""

    name: str
    inside: Array


def roc_area(signal: Array, background: Array, *, weights: tuple[Array, Array] | None = None) -> Area:
    """The probability that a signal's number is the larger, half of it where they are equal, and its error; `weights` are those of both, of any sign.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837; with weights each event counts as often as its weight says.

    Examples:
        >>> roc_area(np.array([1.0, 3.0]), np.array([0.0, 2.0])).value
        0.75
    """
    w, v = (np.ones(len(x)) for x in (signal, background)) if weights is None else (x.astype(np.float64) for x in weights)
    above, below = _share_below(signal, background, v), 1 - _share_below(background, signal, w)
    area = float(np.average(above, weights=w))
    variance = np.sum((w * (above - area)) ** 2) / w.sum() ** 2 + np.sum((v * (below - area)) ** 2) / v.sum() ** 2
    return Area(area, math.sqrt(variance))


def _share_below(x: Array, others: Array, weight: Array) -> Array:
    """The share of the weighted others that each x exceeds, with half of those that it equals."""
    order = np.argsort(others)
    sums = np.concatenate([[0.0], np.cumsum(weight[order])])
    below, not_above = (sums[np.searchsorted(others[order], x, side)] for side in ("left", "right"))
    return np.asarray((below + not_above) / (2 * sums[-1]))


def bins(condition: Events) -> Iterator[Bin]:
    """All bins of momentum and pseudorapidity."""
    p, eta = condition.column("p"), condition.column("eta")
    for (low, high), (first, last) in product(pairwise(P_EDGES), pairwise(ETA_EDGES)):
        name = f"{low / 1e3:g}-{high / 1e3:g} GeV, eta {first:g}-{last:g}"
        yield Bin(name, (p >= low) & (p < high) & (eta >= first) & (eta < last))


def areas(events: Events, separation: str) -> list[Area]:
    """Area under the ROC curve of a separation in each bin."""
    species, column = SEPARATIONS[separation]
    pdg, dll, weight = events.column("pdg"), number(events, column), events.weights
    kinds = [(b.inside & (pdg == species), b.inside & (pdg == PION)) for b in bins(events)]
    return [roc_area(dll[one], dll[other], weights=(weight[one], weight[other])) for one, other in kinds]


def pulls(one: list[Area], other: list[Area]) -> Array:
    """Differences of areas in units of their common error."""
    found = [(a.value - b.value) / (math.hypot(a.error, b.error) or 1.0) for a, b in zip(one, other, strict=True)]
    return np.array(found)


def separation_rows(candidate: Events, truth: Events, other: Events) -> list[Row]:
    """Pulls of the ROC areas in all bins, the share of bins that depart and the mean difference; the floor is that of other truth."""
    rows: list[Row] = []
    for name in SEPARATIONS:
        own, true, second = (areas(events, name) for events in (candidate, truth, other))
        rows += area_rows(f"ROC area {name}", own, true, second, truth)
    return rows


def area_rows(observable: str, candidate: list[Area], truth: list[Area], other: list[Area], events: Events) -> list[Row]:
    """Rows of one separation from areas in all bins; beside an area itself stands the truth's in place of a floor."""
    own, floor = pulls(candidate, truth), pulls(other, truth)
    single = [
        Row(observable, "pull", float(o), 1.0, float(f), 1.0, bin=b.name, signed=True) for b, o, f in zip(bins(events), own, floor, strict=True)
    ]
    held = [
        Row(observable, "area", a.value, a.error, t.value, t.error, bin=b.name, signed=True)
        for b, a, t in zip(bins(events), candidate, truth, strict=True)
    ]
    away, floor_away = (float(np.mean(np.abs(x) > SIGMAS)) for x in (own, floor))
    apart, floor_apart = (np.abs([a.value - b.value for a, b in zip(x, truth, strict=True)]) for x in (candidate, other))
    return [
        *single,
        *held,
        Row(observable, "beyond_2_sigma", away, _share_error(away, len(own)), floor_away, _share_error(floor_away, len(own))),
        Row(observable, "mean_difference", float(apart.mean()), _error(apart), float(floor_apart.mean()), _error(floor_apart)),
    ]


def efficiency_rows(candidate: Events, truth: Events, other: Events) -> list[Row]:
    """Differences of efficiency and misidentification at a difference of log-likelihoods above 0 in bins of momentum."""
    return [row for name in SEPARATIONS for species in (SEPARATIONS[name][0], PION) for row in _efficiencies(name, species, candidate, truth, other)]


def efficiency(events: Events, separation: str, species: int) -> tuple[Array, Array]:
    """Share of a species' tracks whose log-likelihood difference is above 0, and its error, in each bin of momentum."""
    passed, p, mine = number(events, SEPARATIONS[separation][1]) > 0, events.column("p"), events.column("pdg") == species
    chosen = [passed[mine & (p >= low) & (p < high)] for low, high in pairwise(P_EDGES)]
    shares = np.array([c.mean() for c in chosen])
    return shares, np.array([_share_error(share, len(c)) for share, c in zip(shares, chosen, strict=True)])


def distribution_rows(candidate: Events, truth: Events, other: Events) -> list[Row]:
    """Wasserstein distance of each log-likelihood difference in standard deviations, averaged over species and bins."""
    return [_distribution(name, candidate, truth, other) for name in truth.detector.names]  # type: ignore[attr-defined]


def number(events: Events, name: str) -> Array:
    """One column of the response, by name."""
    column: int = events.detector.names.index(name)  # type: ignore[attr-defined]
    return np.asarray(events.response[:, column])


def microseconds(simulate: Callable[[], Events]) -> float:
    """Time of one core for one event, in microseconds: that which the process has computed, so that waiting for others does not count."""
    spent = []
    for _ in range(TIMES):
        start = time.process_time()
        n = len(simulate())
        spent.append((time.process_time() - start) / n)
    return 1e6 * min(spent)


def _efficiencies(separation: str, species: int, candidate: Events, truth: Events, other: Events) -> list[Row]:
    (own, error), (true, true_error), (second, second_error) = (efficiency(e, separation, species) for e in (candidate, truth, other))
    names = [f"{low / 1e3:g}-{high / 1e3:g} GeV" for low, high in pairwise(P_EDGES)]
    what = f"{SEPARATIONS[separation][1]} > 0 of {species}"
    columns = zip(names, own - true, np.hypot(error, true_error), second - true, np.hypot(second_error, true_error), strict=True)
    return [Row(what, "difference", float(d), float(e), float(f), float(g), bin=name, signed=True) for name, d, e, f, g in columns]


def _distribution(name: str, candidate: Events, truth: Events, other: Events) -> Row:
    pdg, columns = truth.column("pdg"), [number(e, name) for e in (candidate, truth, other)]
    chosen = [b.inside & (pdg == species) for b in bins(truth) for species in np.unique(pdg)]
    found = [(distance("wasserstein", columns[0][c], columns[1][c]), distance("wasserstein", columns[2][c], columns[1][c])) for c in chosen]
    own, floor = np.array(found).T
    return Row(name, "wasserstein", float(own.mean()), _error(own), float(floor.mean()), _error(floor))


def _share_error(share: float, n: int) -> float:
    """Binomial error; that of half a count where all or none are."""
    edge = 0.5 / n
    inside = min(max(share, edge), 1 - edge)
    return math.sqrt(inside * (1 - inside) / n)


def _error(values: Array) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))
