"""Sections of the scorecard with the published scores of the Fast Calorimeter Simulation Challenge."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from facsim.evaluation.calochallenge import (
    Challenge,
    Contest,
    auc_high,
    auc_low,
    auc_resnet,
    data_set_of,
    fpd,
    kpd,
    manifold,
    require_scale,
    separations,
)
from facsim.evaluation.classifier import ClassifierResult
from facsim.evaluation.comparison import Comparison
from facsim.evaluation.scorecard import Row

Test = Callable[..., ClassifierResult]


def challenge_of(compared: Comparison) -> Challenge:
    """The data set that is compared; its truth must have the challenge's scale.

    Raises:
        FacsimError: if detector or energies are those of no data set.
    """
    challenge = data_set_of(compared.reference.events.detector, compared.data_set)
    require_scale(compared.reference.events, challenge)
    return challenge


def calochallenge_rows(compared: Comparison) -> Iterator[Row]:
    """The published scores but for the residual network; minutes to hours on a CPU for the perceptrons."""
    value, floor = _contests(compared)
    for name, test in (("low", auc_low), ("high", auc_high)):
        yield from _classifier_rows(compared, name, test)
    yield Row("calochallenge", "fpd", *fpd(value), *fpd(floor))
    yield Row("calochallenge", "kpd", *kpd(value), *kpd(floor), signed=True)
    first, second = manifold(value), manifold(floor)
    yield from (Row("calochallenge", name, *first[name], *second[name], signed=True) for name in first)
    powers = separations(value, seed=compared.seed), separations(floor, seed=compared.seed + 1)
    yield from (Row(name, "published_separation", *found, *powers[1][name]) for name, found in powers[0].items())


def calochallenge_resnet_rows(compared: Comparison) -> Iterator[Row]:
    """The published residual network, where all layers are alike; hours on a CPU."""
    if len(compared.reference.events.detector.shape) == 3:
        yield from _classifier_rows(compared, "resnet", auc_resnet)


def _contests(compared: Comparison) -> tuple[Contest, Contest]:
    challenge = challenge_of(compared)
    value, floor = (Contest(compared.reference.events, s.events, challenge) for s in (compared.candidate, compared.floor))
    return value, floor


def _classifier_rows(compared: Comparison, name: str, test: Test) -> Iterator[Row]:
    a, b = (test(c, seed=compared.seed) for c in _contests(compared))
    yield Row("calochallenge", f"auc_{name}", a.auc, a.auc_error, b.auc, b.auc_error)
    yield Row("calochallenge", f"jsd_{name}", a.jsd, a.jsd_error, b.jsd, b.jsd_error)
