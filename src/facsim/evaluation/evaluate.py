"""Judge a candidate: Events against Events, every score beside its floor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from facsim.core import Events, FacsimError, look_up
from facsim.core.coarsen import coarsen, coarsening_factor
from facsim.evaluation.comparison import Comparison, comparison
from facsim.evaluation.conditioning import curve_rows
from facsim.evaluation.floor import effective_number, three_samples
from facsim.evaluation.images import sums_of_images
from facsim.evaluation.physics import physics_rows
from facsim.evaluation.rounding import ROUNDED_BITS, is_rounded, round_significant
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.evaluation.sections import bin_rows, condition_rows, observable_rows, structure_rows
from facsim.evaluation.sections_challenge import calochallenge_resnet_rows, calochallenge_rows, challenge_of
from facsim.evaluation.sections_classifier import cell_classifier_rows, observable_classifier_rows, official_classifier_rows
from facsim.evaluation.sections_multivariate import distance_rows, diversity_rows

Section = Callable[[Comparison], Iterable[Row]]

SECTIONS: dict[str, Section] = {
    "conditions": condition_rows,
    "observables": observable_rows,
    "structure": structure_rows,
    "bins": bin_rows,
    "curves": curve_rows,
    "physics": physics_rows,
    "classifier_cells": cell_classifier_rows,
    "classifier_observables": observable_classifier_rows,
    "classifier_official": official_classifier_rows,
    "distances": distance_rows,
    "diversity": diversity_rows,
    "calochallenge": calochallenge_rows,
    "calochallenge_resnet": calochallenge_resnet_rows,
}
OBSERVED = ("conditions", "observables", "structure", "bins", "curves")
FAST = ("classifier_cells", "classifier_observables", *OBSERVED, "physics", "distances", "diversity")
CHALLENGE = ("calochallenge", "calochallenge_resnet")
UNWEIGHTED = {  # sections without weights, and why
    "physics": "its fits and rates count events",
    **dict.fromkeys(CHALLENGE, "the published scores know none"),
}
IN_BLOCKS = frozenset({"classifier_cells", "classifier_observables", "classifier_official", "distances", "diversity"})
FEWEST_WEIGHTED = 200  # effective events of each sample below which blocks of weighted ones tell nothing
RECIPES: dict[str, tuple[str, ...]] = {
    "observables": OBSERVED,  # seconds: one observable at a time, no classifier
    "fast": FAST,
    "official-perceptron": (*FAST, "calochallenge"),  # without the residual network, which takes most of the time
    "official": (*FAST, *CHALLENGE),
}
CONDITIONS_DIFFER = 5.0  # errors above the floor at which a condition is said to follow another distribution


def evaluate(
    candidate: Events,
    truth: Events,
    *,
    train: Events | None = None,
    recipe: str | Sequence[str] = "fast",
    seed: int = 0,
    data_set: str | None = None,
) -> Scorecard:
    """The scorecard of a candidate against the truth, by a recipe or by the named sections alone.

    `train`: other events of the truth, by preference those a model was trained on: the floor is then their score against the whole truth,
    and copies of them among the candidate can be found. Without it the truth is halved (see `facsim.evaluation.floor`). A truth on a finer
    grid is coarsened to the candidate's; if the truth is rounded to 11 bits all samples are. Each such step is told in `about["note"]`.
    `data_set`: of the CaloChallenge, for the recipe `official`, where the detector does not tell it.

    Raises:
        FacsimError: if detectors or condition variables differ, there are too few events, or the official recipe is asked for a detector or
            energies that are not the challenge's.
    """
    names = look_up(RECIPES, recipe, "recipe") if isinstance(recipe, str) else recipe
    sections = {name: look_up(SECTIONS, name, "section") for name in names}
    notes: list[str] = []
    candidate, truth, train = alike(candidate, truth, train, notes)
    about: dict[str, Any] = {
        "recipe": recipe if isinstance(recipe, str) else ", ".join(recipe),
        "seed": seed,
        "detector": type(truth.detector).__name__,
    }
    compared = comparison(*three_samples(candidate, truth, train, seed), seed=seed, train=train, data_set=data_set)
    if set(CHALLENGE) & set(names):
        about["data_set"] = challenge_of(compared).name  # refuses now what would else be refused after hours
    sizes = {name: len(getattr(compared, name).events) for name in ("reference", "candidate", "floor")}
    chosen = _for_weights(list(sections), (compared.reference.events, compared.candidate.events, compared.floor.events), notes)
    rows = tuple(row for name in chosen for row in sections[name](compared))
    notes += _condition_notes(rows)
    about |= {"sizes": sizes, "floor": "train" if train is not None else "half of the truth", "note": "; ".join(notes)}
    return Scorecard(rows, about, compared.outputs)


def _for_weights(names: Sequence[str], samples: Sequence[Events], notes: list[str]) -> list[str]:
    """The sections that are right for these samples: with unequal weights, those that use them; with negative ones, enough of them."""
    if not any(s.weight is not None and np.ptp(s.weight) for s in samples):
        return list(names)
    reasons = {name: UNWEIGHTED[name] for name in names if name in UNWEIGHTED}
    if min(s.weights.min() for s in samples) < 0 and min(effective_number(s.weights) for s in samples) < FEWEST_WEIGHTED:
        reasons |= dict.fromkeys(set(names) & IN_BLOCKS, f"negative weights leave fewer than {FEWEST_WEIGHTED} events")
    told = [f"{name} ({reasons[name]})" for name in names if name in reasons]
    told += ["recall and coverage (they ask for the nearest event, whatever its weight)"] * ("distances" in names and "distances" not in reasons)
    if told:
        notes.append(f"events have unequal weights, left out: {', '.join(told)}")
    return [name for name in names if name not in reasons]


def alike(candidate: Events, truth: Events, train: Events | None, notes: list[str]) -> tuple[Events, Events, Events | None]:
    """The samples on one detector, rounded alike, of conditions that are images the sums."""
    rounded = is_rounded(truth)
    for other, name in ((truth, "truth"), *(((train, "train"),) if train is not None else ())):
        _require_same_conditions(candidate, other, name)
    images = [v.name for v in truth.variables if v.shape]
    if images:
        notes.append(f"of the condition {', '.join(images)} the sum is looked at")
        candidate, truth = sums_of_images(candidate), sums_of_images(truth)
        train = None if train is None else sums_of_images(train)
    truth = _on_grid_of(candidate, truth, "truth", notes)
    train = None if train is None else _on_grid_of(candidate, train, "train", notes)
    if rounded:
        notes.append(f"all responses rounded to {ROUNDED_BITS} significant bits, as the truth is")
        candidate, truth = round_significant(candidate), round_significant(truth)
        train = None if train is None else round_significant(train)
    return candidate, truth, train


def _require_same_conditions(candidate: Events, other: Events, name: str) -> None:
    expected, got = ([f"{v.name} [{v.unit}]" for v in e.variables] for e in (other, candidate))
    if expected != got:
        what = f"candidate and {name} have different condition variables"
        names = ",".join(v.name for v in candidate.variables)
        remedy = f"facsim convert FILE OUT --condition {names} leaves out the others" if set(got) < set(expected) else ""
        raise FacsimError(what, expected=", ".join(expected), got=", ".join(got), remedy=remedy)


def _on_grid_of(candidate: Events, other: Events, name: str, notes: list[str]) -> Events:
    """Truth events as the candidate's detector reads them out."""
    if other.detector == candidate.detector:
        return other
    factor = coarsening_factor(other.detector, candidate.detector)
    if factor is None:
        raise FacsimError(
            f"candidate and {name} were read out by different detectors",
            expected=_short(other.detector),
            got=_short(candidate.detector),
            remedy="evaluate events of one detector, or a candidate on a coarser grid of the same cells",
        )
    notes.append(f"{name} coarsened by {factor} to the candidate's grid")
    return coarsen(other, factor)


def _short(detector: object) -> str:
    text = str(detector)
    return text if len(text) < 120 else text[:117] + "..."


def _condition_notes(rows: Iterable[Row]) -> list[str]:
    names = [r.observable.removeprefix("condition:") for r in rows if r.observable.startswith("condition:") and r.excess > CONDITIONS_DIFFER]
    return [f"conditions of candidate and truth differ in {', '.join(names)}: scores mix this with the response"] if names else []
