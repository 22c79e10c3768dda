"""Measures that need a classifier of known classes (particle kinds, energy ranges): scores of its answers, and what it learns from candidates."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from facsim.core import FacsimError, stream
from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import Estimate, checked

SMALLEST = 1e-12


def inception_score(probability: Array) -> float:
    """exp E KL(p(class | event) || p(class)) of a classifier's answers [n, classes]: 1 if useless or collapsed, the number of classes at best.

    Source: T. Salimans et al., Improved techniques for training GANs, 2016, arXiv:1606.03498.

    Examples:
        >>> inception_score(np.eye(3)), inception_score(np.full((3, 3), 1 / 3))
        (3.0, 1.0)
    """
    return round(math.exp(_relative_entropy(probability, probability.mean(0)).mean()), 12)


def mode_score(probability: Array, truth: Array) -> float:
    """As the inception score, for class fractions `truth` [classes] of the real data, lowered where the candidate's fractions differ.

    Source: T. Che et al., Mode regularized generative adversarial networks, 2016, arXiv:1612.02136.
    """
    return math.exp(float(_relative_entropy(probability, truth).mean() - _relative_entropy(probability.mean(0), truth)))


def am_score(probability: Array, truth: Array) -> float:
    """KL(class fractions of truth || of candidate) + mean entropy of the answers, in nats: 0 at best.

    Source: Z. Zhou et al., Activation maximization generative adversarial nets, 2017, arXiv:1703.02000.
    """
    entropy = -(probability * np.log(np.maximum(probability, SMALLEST))).sum(-1)
    return float(_relative_entropy(truth, probability.mean(0)) + entropy.mean())


class Transfer(NamedTuple):
    """Accuracy on unseen truth of a classifier trained on truth, and of one trained on the candidate."""

    truth: Estimate
    candidate: Estimate

    @property
    def distortion(self) -> float:
        """How much accuracy the candidate's training data cost."""
        return self.truth.value - self.candidate.value


def train_on_candidate(x: Array, x_class: Array, y: Array, y_class: Array, *, seed: int = 0) -> Transfer:
    """Classes learnt from truth x [n, d] and from candidate y [m, d], both tested on the same third of the truth, never trained on.

    Source: C. Esteban et al., Real-valued (medical) time series generation with recurrent conditional GANs, 2017, arXiv:1706.02633 (train on
    synthetic, test on real); S. Santurkar et al., A classification-based study of covariate shift in GANs, 2018, arXiv:1711.00970 (boundary
    distortion: the accuracy lost).

    Raises:
        FacsimError: for bad samples, or fewer than two classes.
    """
    x, y = checked(x, y, 60)
    if len(np.unique(x_class)) < 2 or len(np.unique(y_class)) < 2:
        raise FacsimError("there is nothing to classify", expected="two classes or more in each sample", got="one")
    order, of_y = stream(seed, "truth").permutation(len(x)), stream(seed, "candidate").permutation(len(y))
    test, train = np.split(order, [len(x) // 3])
    size = min(len(train), len(y))
    samples = [(x[train[:size]], x_class[train[:size]]), (y[of_y[:size]], y_class[of_y[:size]])]
    return Transfer(*(_accuracy(*sample, x[test], x_class[test], seed) for sample in samples))


def boundary_distortion(x: Array, x_class: Array, y: Array, y_class: Array, *, seed: int = 0) -> Estimate:
    """Accuracy on truth that a classifier loses when trained on the candidate instead of truth (see `train_on_candidate`)."""
    found = train_on_candidate(x, x_class, y, y_class, seed=seed)
    return Estimate(found.distortion, math.hypot(found.truth.error, found.candidate.error))


def _accuracy(x: Array, x_class: Array, test: Array, test_class: Array, seed: int) -> Estimate:
    model = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=16, early_stopping=False, random_state=seed).fit(x, x_class)
    right = float(np.mean(model.predict(test) == test_class))
    return Estimate(right, math.sqrt(right * (1 - right) / len(test)))


def _relative_entropy(p: Array, q: Array) -> Array:
    return np.asarray((p * (np.log(np.maximum(p, SMALLEST)) - np.log(np.maximum(q, SMALLEST)))).sum(-1))
