"""Labelled events for a classifier, and their partition into folds that no copied event straddles."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from facsim.core import FacsimError
from facsim.core.events import Array

FEWEST = 50  # events of each class below which no classifier is trained
COLLAPSE = 0.02  # fraction of all events: what recurs more often is a collapse, which a classifier should see


@dataclass(frozen=True, eq=False)
class Sample:
    """Responses [n, ...], conditions [n, c] and labels [n] (1 truth, 0 candidate), all float32; weights [n], of mean 1 for each label, if any."""

    response: Array
    condition: Array
    label: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, index: Array) -> Sample:
        return Sample(self.response[index], self.condition[index], self.label[index], None if self.weight is None else self.weight[index])

    @property
    def flat(self) -> Array:
        """Responses with one axis of cells, [n, cells]."""
        return self.response.reshape(len(self), -1)


Weights = tuple[Array | None, Array | None]  # of truth [n] and candidate [m]


def labelled(x: Array, y: Array, condition: tuple[Array, Array] | None = None, weight: Weights | None = None) -> Sample:
    """Truth x [n, ...] and candidate y [m, ...] in one sample, with their conditions [n, c] and [m, c] and weights [n] and [m] if given.

    Raises:
        FacsimError: if shapes differ, events are too few, a value is not finite, or weights do not add up to more than 0.
    """
    check_pair(x, y, FEWEST)
    given = condition or (np.empty((len(x), 0)), np.empty((len(y), 0)))
    if [len(c) for c in given] != [len(x), len(y)]:
        raise FacsimError("conditions do not match the events", expected=[len(x), len(y)], got=[len(c) for c in given])
    label = np.repeat([1.0, 0.0], [len(x), len(y)])
    response, told, label = (np.asarray(a, dtype=np.float32) for a in (np.concatenate([x, y]), np.concatenate(given), label))
    return Sample(response, told, label, _joined_weights(weight or (None, None), (len(x), len(y))))


def _joined_weights(weights: Weights, sizes: tuple[int, int]) -> Array | None:
    """The weights of both labels, each of mean 1; None if all are equal."""
    full = [np.ones(n) if w is None else np.asarray(w, dtype=np.float64) for w, n in zip(weights, sizes, strict=True)]
    if [len(w) for w in full] != list(sizes) or min(w.sum() for w in full) <= 0:
        raise FacsimError("the weights do not fit the events", expected="one for each, of positive sum", got=[len(w) for w in full])
    return np.concatenate([w / w.mean() for w in full]) if any(np.ptp(w) for w in full) else None


def evened(sample: Sample) -> Sample:
    """The sample with the weights of each label brought to mean 1."""
    if sample.weight is None:
        return sample
    weight = sample.weight.copy()
    for value in (0, 1):
        chosen = sample.label == value
        mean = weight[chosen].mean()
        weight[chosen] /= mean if mean > 0 else 1.0
    return replace(sample, weight=weight)


def check_pair(x: Array, y: Array, fewest: int) -> None:
    """Raise unless both samples have the same form, `fewest` events or more, and only finite values."""
    if x.shape[1:] != y.shape[1:]:
        raise FacsimError("the two samples have different forms", expected=list(x.shape[1:]), got=list(y.shape[1:]))
    if min(len(x), len(y)) < fewest:
        raise FacsimError("too few events", expected=f"{fewest} or more in each sample", got=f"{len(x)} and {len(y)}", remedy="pass more events")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise FacsimError("a sample has values that are not finite", expected="finite numbers", got="NaN or infinity", remedy="remove these events")


def fold_numbers(sample: Sample, folds: int, rng: np.random.Generator) -> Array:
    """A fold for every event, [n]: classes spread evenly, and all copies of one event in the same fold.

    Without that a classifier recognises an event that it was trained on. Responses that repeat within the truth (empty events, integers)
    are atoms of the data, not copies, and are dealt out like all others; so is what a collapsed candidate repeats without end.
    """
    family, first = families(sample)
    fold = np.empty(len(sample), dtype=np.int64)
    for value in (0, 1):
        heads = rng.permutation(first[sample.label[first] == value])
        fold[heads] = np.arange(len(heads)) % folds
    return np.asarray(fold[family])


def families(sample: Sample) -> tuple[Array, Array]:
    """For each event the first event of which it is a copy (itself, mostly), [n]; and the list of these first events."""
    keys = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in sample.flat]
    _, first, inverse, counts = np.unique(np.array(keys), return_index=True, return_inverse=True, return_counts=True)
    in_truth = np.bincount(inverse, weights=sample.label, minlength=len(first))
    atom = ((in_truth > 1) | (counts > COLLAPSE * len(sample)))[inverse]
    family = np.where(atom, np.arange(len(sample)), first[inverse])
    return family, np.unique(family)
