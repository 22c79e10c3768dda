"""The classifier two-sample test: can a classifier tell the candidate from the truth on events that it has not seen?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facsim.core import FacsimError, look_up, stream
from facsim.core.events import Array
from facsim.evaluation.classifier.fast import Fit, fit_fast
from facsim.evaluation.classifier.official import Official, OfficialResNet
from facsim.evaluation.classifier.result import ClassifierResult, Measure, area_terms, combine, divergence_terms
from facsim.evaluation.classifier.sample import Sample, Weights, evened, fold_numbers, labelled

FOLDS = 5  # 60% to train, 20% to stop and calibrate, 20% to score
ROUNDS = 3  # partitions into folds, at most


@dataclass(frozen=True)
class Recipe:
    """A classifier, and how many splits it scores on cells and on columns unless told: more for small samples, up to ROUNDS partitions, until it
    has scored so many events of each label."""

    fit: Fit
    repeats: int
    repeats_on_columns: int
    scored: int = 0
    scored_on_columns: int = 0

    def splits(self, axes: int, events: int) -> int:
        """How many splits for responses with so many axes (1: columns) and so many events of each label."""
        least, scored = (self.repeats_on_columns, self.scored_on_columns) if axes == 1 else (self.repeats, self.scored)
        return max(least, min(FOLDS * ROUNDS, -(-FOLDS * scored // events)))


RECIPES: dict[str, Recipe] = {
    "fast": Recipe(fit_fast, 2, 5, scored=2000, scored_on_columns=4000),
    "official": Recipe(Official(), 1, 1),
    "official-resnet": Recipe(OfficialResNet(), 1, 1),
}


def two_sample_test(
    x: Array,
    y: Array,
    *,
    condition: tuple[Array, Array] | None = None,
    weight: Weights | None = None,
    recipe: str | Recipe = "fast",
    repeats: int | None = None,
    seed: int = 0,
) -> ClassifierResult:
    """Train a classifier of truth x [n, ...] against candidate y [m, ...] and score it on held-out events.

    x and y are columns [n, d] or cells [n, *shape]; `condition` holds the conditions [n, c] and [m, c], appended as inputs, `weight` the
    weights [n] and [m], of any sign. Every repeat trains on three fifths, stops and calibrates on one, and scores another; after five the
    events are dealt out anew. Copies of an event never part, so no event is scored by a classifier that has seen it. The longer sample is
    cut to the length of the shorter. All results are functions of the seed.

    Source: D. Lopez-Paz, M. Oquab, Revisiting classifier two-sample tests, 2017, arXiv:1610.06545.

    Raises:
        FacsimError: for samples of different form, fewer than 50 events, values that are not finite, or an unknown recipe.
    """
    chosen = look_up(RECIPES, recipe, "classifier recipe") if isinstance(recipe, str) else recipe
    sample = labelled(x, y, condition, weight)
    kept = balanced(sample.label, stream(seed, "classifier balance"))
    sample = sample[kept]
    repeats = chosen.splits(x.ndim - 1, len(sample) // 2) if repeats is None else repeats
    if not 1 <= repeats <= FOLDS * ROUNDS:
        raise FacsimError("wrong number of repeats", expected=f"1 to {FOLDS * ROUNDS}", got=repeats)
    rounds = [fold_numbers(sample, FOLDS, stream(seed, "classifier folds", *((number,) if number else ()))) for number in range(-(-repeats // FOLDS))]
    parts = [_score(sample, rounds[number // FOLDS], number, chosen.fit, seed=seed) for number in range(repeats)]
    return _result(sample, parts, kept)


def balanced(label: Array, rng: np.random.Generator) -> Array:
    """Indices of equally many events of both labels, in order; those of the larger class are chosen at random."""
    rows = [np.flatnonzero(label == value) for value in (1, 0)]
    size = min(len(r) for r in rows)
    return np.sort(np.concatenate([r if len(r) == size else rng.permutation(r)[:size] for r in rows]))


class _Part(NamedTuple):
    rows: Array
    score: Array


def _score(sample: Sample, fold: Array, number: int, fit: Fit, *, seed: int) -> _Part:
    """Held-out scores of one fold; the next fold validates, the rest train."""
    scored, validation = fold == number % FOLDS, fold == (number + 1) % FOLDS
    train, stop = (evened(sample[rows]) for rows in (~scored & ~validation, validation))
    score = fit(train, stop, int(stream(seed, "classifier", number).integers(2**31)))
    rows = np.flatnonzero(scored)
    return _Part(rows, score(sample[rows]))


def _result(sample: Sample, parts: list[_Part], kept: Array) -> ClassifierResult:
    shared = shared_pairs(len(parts))
    auc, jsd = (_combined(measure, sample, parts, shared) for measure in (area_terms, divergence_terms))
    index = np.concatenate([p.rows for p in parts])
    split = np.repeat(np.arange(len(parts)), [len(p.rows) for p in parts])
    scores, told = np.concatenate([p.score for p in parts]), sample[index]
    return ClassifierResult(*auc, *jsd, scores, told.label, kept[index], split, told.weight, shared)


def _combined(measure: Measure, sample: Sample, parts: list[_Part], shared: float) -> tuple[float, float]:
    told = ((p, sample[p.rows]) for p in parts)
    return combine([(p.rows, measure(p.score, s.label, s.weight)) for p, s in told], len(sample), shared)


def shared_pairs(repeats: int) -> float:
    """Sum over pairs of events of how often one scores while the other trains times the reverse, over the sum of the squares of the former.

    Examples:
        >>> [round(shared_pairs(n), 2) for n in (1, 2, 5, 10, 15)]
        [0.0, 0.0, 0.67, 0.79, 0.85]
    """
    full, rest = divmod(repeats, FOLDS)
    trains = [_trains(n) for n in [FOLDS] * full + [rest] * (rest > 0)]
    between = sum(a.mean() * b.mean() for i, a in enumerate(trains) for j, b in enumerate(trains) if i != j)  # partitions are independent
    return float((sum((t * t.T).mean() for t in trains) + between) / (sum(t.mean() for t in trains) + between))


def _trains(scored: int) -> Array:
    """Whether each fold [.., FOLDS] trains while another [FOLDS, ..] is scored, if so many are."""
    after = (np.arange(FOLDS) - np.arange(FOLDS)[:, None]) % FOLDS
    return ((after > 1) & (np.arange(FOLDS)[:, None] < scored)).astype(np.float64)


def area_in_bin(result: ClassifierResult, selected: Array) -> tuple[float, float]:
    """AUC and its error for some of the scored events, from the pooled classifier's scores; `selected` [n + m] marks rows of truth, then candidate.

    Scores are compared within one split only, since each split has its own classifier.

    Raises:
        FacsimError: if no split holds two selected events of each class, of positive weight.
    """
    chosen = selected[result.index]
    parts = [p for number in np.unique(result.split) if _enough(result, p := chosen & (result.split == number))]
    if not parts:
        raise FacsimError("too few scored events in the bin", expected="two or more of each class", got=int(chosen.sum()), remedy="use wider bins")
    weight = result.weight
    found = [(result.index[p], area_terms(result.scores[p], result.label[p], None if weight is None else weight[p])) for p in parts]
    return combine(found, len(selected), result.shared)


def _enough(result: ClassifierResult, part: Array) -> bool:
    """Whether some scored events hold two or more of each class, of positive weight."""
    weight = np.ones(len(part)) if result.weight is None else result.weight
    classes = [part & (result.label == value) for value in (0, 1)]
    return all(np.count_nonzero(c) > 1 and weight[c].sum() > 0 for c in classes)
