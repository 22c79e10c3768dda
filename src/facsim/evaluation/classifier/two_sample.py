"""The classifier two-sample test: can a classifier tell the candidate from the truth on events that it has not seen?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facsim.core import FacsimError, look_up, stream
from facsim.core.events import Array
from facsim.evaluation.classifier.fast import Fit, fit_fast
from facsim.evaluation.classifier.official import Official, OfficialResNet
from facsim.evaluation.classifier.result import ClassifierResult, area, combine, divergence
from facsim.evaluation.classifier.sample import Sample, fold_numbers, labelled

FOLDS = 5  # 60% to train, 20% to stop and calibrate, 20% to score


@dataclass(frozen=True)
class Recipe:
    """A classifier, and how many of the five disjoint splits it scores on cells and on columns unless told."""

    fit: Fit
    repeats: int
    repeats_on_columns: int


RECIPES: Mapping[str, Recipe] = {
    "fast": Recipe(fit_fast, 2, 5),
    "official": Recipe(Official(), 1, 1),
    "official-resnet": Recipe(OfficialResNet(), 1, 1),
}


def two_sample_test(
    x: Array,
    y: Array,
    *,
    condition: tuple[Array, Array] | None = None,
    recipe: str | Recipe = "fast",
    repeats: int | None = None,
    seed: int = 0,
) -> ClassifierResult:
    """Train a classifier of truth x [n, ...] against candidate y [m, ...] and score it on held-out events.

    x and y are columns [n, d] or cells [n, *shape]; `condition` holds the conditions [n, c] and [m, c], appended as inputs. Every repeat
    trains on three fifths, stops and calibrates on one, and scores another; the scored fifths are disjoint, and copies of an event never
    part, so no event is scored by a classifier that has seen it. The longer sample is cut to the length of the shorter. All results are
    functions of the seed.

    Source: D. Lopez-Paz, M. Oquab, Revisiting classifier two-sample tests, 2017, arXiv:1610.06545.

    Raises:
        FacsimError: for samples of different form, fewer than 50 events, values that are not finite, or an unknown recipe.
    """
    chosen = look_up(RECIPES, recipe, "classifier recipe") if isinstance(recipe, str) else recipe
    repeats = (chosen.repeats_on_columns if x.ndim == 2 else chosen.repeats) if repeats is None else repeats
    if not 1 <= repeats <= FOLDS:
        raise FacsimError("wrong number of repeats", expected=f"1 to {FOLDS}", got=repeats)
    sample = labelled(x, y, condition)
    kept = balanced(sample.label, stream(seed, "classifier balance"))
    sample = sample[kept]
    fold = fold_numbers(sample, FOLDS, stream(seed, "classifier folds"))
    parts = [_score(sample, fold, number, chosen.fit, seed=seed) for number in range(repeats)]
    return _result(sample.label, fold, parts, kept)


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
    scored, validation = fold == number, fold == (number + 1) % FOLDS
    score = fit(sample[~scored & ~validation], sample[validation], int(stream(seed, "classifier", number).integers(2**31)))
    rows = np.flatnonzero(scored)
    return _Part(rows, score(sample[rows]))


def _result(label: Array, fold: Array, parts: list[_Part], kept: Array) -> ClassifierResult:
    auc = combine([area(p.score, label[p.rows]) for p in parts])
    jsd = combine([divergence(p.score, label[p.rows]) for p in parts])
    index = np.concatenate([p.rows for p in parts])
    return ClassifierResult(*auc, *jsd, np.concatenate([p.score for p in parts]), label[index], kept[index], fold[index])


def area_in_bin(result: ClassifierResult, selected: Array) -> tuple[float, float]:
    """AUC and its error for some of the scored events, from the pooled classifier's scores; `selected` [n + m] marks rows of truth, then candidate.

    Scores are compared within one fold only, since each fold has its own classifier.

    Raises:
        FacsimError: if no fold holds two selected events of each class.
    """
    chosen = selected[result.index]
    parts = [chosen & (result.fold == number) for number in np.unique(result.fold)]
    enough = [p for p in parts if min(np.count_nonzero(result.label[p] == v) for v in (0, 1)) > 1]
    if not enough:
        raise FacsimError("too few scored events in the bin", expected="two or more of each class", got=int(chosen.sum()), remedy="use wider bins")
    return combine([area(result.scores[p], result.label[p]) for p in enough])
