"""The three samples of a fair comparison: candidate and floor have equal size and meet the same reference."""

from __future__ import annotations

import numpy as np

from facsim.core import Events, FacsimError, stream
from facsim.core.events import Array

FEWEST = 50  # events in a sample below which no classifier can be trained, and no distance tells much


def three_samples(candidate: Events, truth: Events, train: Events | None, seed: int) -> tuple[Events, Events, Events]:
    """Reference R, candidate C and floor sample F: C is scored against R, and the floor is the score of F against R.

    With other truth events (`train`) R is the whole truth, and F and C are cut to the shorter of `train` and candidate. Without, R and F
    are disjoint random parts of the truth, |F| = min(candidates, half the truth), and the candidate is cut to |F|. So value and floor always
    share reference and sizes. Events are chosen by `seed` alone. A candidate as long as the truth, made for its conditions one by one,
    is cut to the events of F, so that C and F share their conditions.

    Raises:
        FacsimError: if a sample would have fewer than FEWEST events, or weights that leave it no more than the statistics of so many.
    """
    for events, name in ((candidate, "candidate"), (truth, "truth"), *([(train, "train")] if train is not None else [])):
        _require_weight(events, name)
    if train is not None:
        size = _enough(min(len(train), len(candidate)))
        _enough(len(truth))
        return truth, _part(candidate, size, seed, "candidate"), _part(train, size, seed, "floor")
    size = _enough(min(len(candidate), len(truth) // 2))
    order = stream(seed, "floor").permutation(len(truth))
    floor, reference = truth[order[:size]], truth[order[size:]]
    same = len(candidate) == len(truth)
    return reference, candidate[order[:size]] if same else _part(candidate, size, seed, "candidate"), floor


def effective_number(weight: Array) -> float:
    """How many events of equal weight have the statistics of these weights [n]: (sum w)^2 / sum w^2; 0 if the sum is not positive.

    Source: L. Kish, Survey sampling, Wiley, 1965.

    Examples:
        >>> effective_number(np.full(10, 0.5)), effective_number(np.array([1.0, 1.0, -1.0]))
        (10.0, 0.3333333333333333)
    """
    total = weight.sum(dtype=np.float64)
    return float(total**2 / np.square(weight, dtype=np.float64).sum()) if total > 0 else 0.0


def _require_weight(events: Events, name: str) -> None:
    found = effective_number(events.weights)
    if events.weight is not None and found < FEWEST:
        raise FacsimError(f"the weights of the {name} leave too few events", expected=f"(sum w)^2 / sum w^2 of {FEWEST} or more", got=f"{found:.3g}")


def _enough(size: int) -> int:
    if size < FEWEST:
        raise FacsimError("too few events to compare", expected=f"{FEWEST} or more in each sample (the truth is halved)", got=size)
    return size


def _part(events: Events, size: int, seed: int, name: str) -> Events:
    """A random part of the events, in their order."""
    if size == len(events):
        return events
    chosen = stream(seed, "floor", name).permutation(len(events))[:size]
    chosen.sort()
    return events[chosen]
