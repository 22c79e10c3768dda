"""Events too many for memory: histograms of every observable, filled part by part, added, and compared with the truth's.

The bins are the truth's alone: its quantiles, finer than any bin of a distance, and on either side bins of equal width for what lies beyond. Counts
of parts add up, so it does not matter how the events were cut, nor who filled which part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facsim.core import Events, FacsimError, look_up, stream
from facsim.evaluation.bootstrap import REPLICAS, Score
from facsim.evaluation.distances import DISTANCES, Distance
from facsim.evaluation.evaluate import alike
from facsim.evaluation.images import sums_of_images
from facsim.evaluation.observables import Column, columns, features
from facsim.evaluation.pair import Array, Pair, every_point, merged, redrawn
from facsim.evaluation.rounding import is_rounded, round_significant
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.evaluation.sections import distances_of

FINE = 1000  # parts of the truth between whose quantiles bins lie
BEYOND = 20  # bins on either side, together as wide as the truth


class Counts(NamedTuple):
    """Sums of weights, of squared weights, and of weighted values in all bins of all columns, float64 [bins]; and the number of events."""

    weight: Array
    square: Array
    moment: Array
    events: int

    def plus(self, other: Counts) -> Counts:
        """The counts of both."""
        return Counts(self.weight + other.weight, self.square + other.square, self.moment + other.moment, self.events + other.events)


@dataclass(frozen=True, eq=False)
class Binning:
    """Edges of the bins of each column: conditions, then observables; `rounded` says that responses lose their last bits, as the truth has."""

    names: tuple[str, ...]
    edges: tuple[Array, ...]
    rounded: bool

    @property
    def starts(self) -> Array:
        """Where the bins of each column begin, and the end: int64 [columns + 1]."""
        return np.concatenate([[0], np.cumsum([len(e) + 1 for e in self.edges])])

    def nothing(self) -> Counts:
        """Counts of no event."""
        empty = np.zeros(self.starts[-1])
        return Counts(empty, empty, empty, 0)

    def fill(self, events: Events) -> Counts:
        """The counts of some events."""
        values, weight = observed(round_significant(events) if self.rounded else events), events.weights.astype(np.float64)
        first = self.starts[:-1]
        bins = np.concatenate([first[i] + np.searchsorted(edges, values[:, i], side="right") for i, edges in enumerate(self.edges)])
        repeated, size = np.tile(weight, len(self.edges)), int(self.starts[-1])
        moments = repeated * values.T.ravel()
        weights, squares, sums = (np.bincount(bins, weights=w, minlength=size) for w in (repeated, repeated**2, moments))
        return Counts(weights, squares, sums, len(events))


def observed(events: Events) -> Array:
    """Conditions, of images the sums, and all observables: float64 [n, columns]."""
    return np.concatenate([sums_of_images(events).condition.astype(np.float64), features(events)[0]], axis=1)


def binning(truth: Events, example: Events) -> tuple[Binning, Counts, list[str]]:
    """Bins for candidates such as the example (some of their events), the truth's own counts, and what had to be done to the truth.

    Raises:
        FacsimError: if detectors or condition variables differ.
    """
    notes: list[str] = []
    _, seen, _ = alike(example, truth, None, notes)
    names = (*(f"condition:{v.name}" for v in seen.variables), *(column.name for column in columns(seen)))
    bins = Binning(names, tuple(_edges(column) for column in observed(seen).T), is_rounded(truth))
    return bins, bins.fill(seen), notes


def compare(bins: Binning, candidate: Counts, truth: Counts, kinds: tuple[Column, ...], seed: int = 0) -> Scorecard:
    """Distances of every column between candidate and truth, each beside its floor: the mean over pairs of samples of the truth of their sizes.

    Raises:
        FacsimError: if there are no events.
    """
    if not candidate.events or not truth.events:
        raise FacsimError("there is nothing to compare", expected="events of candidate and truth", got=f"{candidate.events} and {truth.events}")
    negative = min(candidate.weight.min(), truth.weight.min()) < 0
    conditions = len(bins.names) - len(kinds)
    wanted = [("ks",)] * conditions + [distances_of(column, negative) for column in kinds]
    rows = [
        row
        for i, (name, distances) in enumerate(zip(bins.names, wanted, strict=True))
        for row in _rows(name, distances, _pair(bins, i, candidate, truth), seed)
    ]
    sizes = {"candidate": candidate.events, "truth": truth.events}
    return Scorecard(tuple(rows), {"recipe": "histograms", "seed": seed, "sizes": sizes, "floor": "replicas of the truth", "bins": FINE})


def _edges(values: Array) -> Array:
    """Edges from the truth's values [n]: a value that is often there has a bin of its own."""
    quantiles = np.unique(np.quantile(values, np.linspace(0, 1, FINE + 1), method="closest_observation"))
    low, high = float(quantiles[0]), float(quantiles[-1])
    span = high - low or max(abs(low), 1.0)
    steps = np.linspace(0, span, BEYOND + 1)[1:]
    return np.unique(np.concatenate([low - steps, quantiles, np.nextafter(quantiles, np.inf), high + steps]))


def _pair(bins: Binning, column: int, candidate: Counts, truth: Counts) -> Pair:
    """Both on the means of the bins that hold anything."""
    part = slice(bins.starts[column], bins.starts[column + 1])
    p, q, p2, q2 = (a[part] for a in (candidate.weight, truth.weight, candidate.square, truth.square))
    held = (p2 + q2 > 0) & (np.abs(p) + np.abs(q) > 0)
    mass = (np.abs(p) + np.abs(q))[held]
    middle = _middles(bins.edges[column])[held]
    total, signed = (candidate.moment[part] + truth.moment[part])[held], (p + q)[held]
    x = np.where(signed == mass, total / np.where(signed == 0, 1, signed), middle)
    order = np.argsort(x, kind="stable")
    return Pair(x[order], *(a[held][order] for a in (p, q, p2, q2)))


def _middles(edges: Array) -> Array:
    return np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]])


def _rows(name: str, distances: tuple[str, ...], both: Pair, seed: int) -> list[Row]:
    """The distances of one column, with their floors."""
    share, share2 = both.p.sum() / both.q.sum(), both.p2.sum() / both.q2.sum()
    there = both.q2 > 0
    x, q, q2 = (a[there] for a in (both.x, both.q, both.q2))
    same = Pair(x, q * share, q, q2 * share2, q2)
    rows = []
    for measure in (look_up(DISTANCES, distance, "distance") for distance in distances):
        drawn = _replicas(measure, both, seed, name)
        value = Score(float(measure.of(measure.bins(both))), float(measure.of(drawn).std(ddof=1)))
        floor = measure.of(_replicas(measure, same, seed, f"{name} floor"))
        rows.append(Row(name, measure.name, *value, float(floor.mean()), float(floor.std(ddof=1)), signed=measure.signed))
    return rows


def _replicas(measure: Distance, both: Pair, seed: int, name: str) -> Pair:
    binned = measure.bins(both)
    return redrawn(merged(binned) if measure.grid is every_point else binned, REPLICAS, stream(seed, "bootstrap", name))
