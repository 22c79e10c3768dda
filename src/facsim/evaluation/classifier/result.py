"""What a classifier test says: the area under the ROC curve and the Jensen-Shannon divergence, each with its error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from facsim.core.events import Array


@dataclass(frozen=True, eq=False)
class ClassifierResult:
    """The outcome of a classifier two-sample test.

    auc: mean area under the ROC curve of the held-out splits (0.5: indistinguishable; not folded, so noise may take it below 0.5);
    jsd: Jensen-Shannon divergence in bits as bounded by the calibrated cross entropy, (ln 2 - BCE) / ln 2;
    scores: held-out probability to be truth for every scored event; index and fold: which row of (truth, then candidate) it is, and its split;
    label: 1 for truth, 0 for candidate.
    """

    auc: float
    auc_error: float
    jsd: float
    jsd_error: float
    scores: Array
    label: Array
    index: Array
    fold: Array


def area(score: Array, label: Array) -> tuple[float, float]:
    """Area under the ROC curve of scores [n] for labels 0 and 1, and its standard error; ties count one half.

    Source: E. R. DeLong et al., Comparing the areas under two or more correlated ROC curves, Biometrics 44 (1988) 837.

    Examples:
        >>> area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))[0]
        0.75
    """
    high, low = score[label == 1], score[label == 0]
    pooled = rankdata(np.concatenate([high, low]))
    above = (pooled[: len(high)] - rankdata(high)) / len(low)
    below = 1 - (pooled[len(high) :] - rankdata(low)) / len(high)
    return float(above.mean()), math.hypot(_error_of_mean(above), _error_of_mean(below))


def divergence(probability: Array, label: Array) -> tuple[float, float]:
    """Jensen-Shannon divergence in bits, (ln 2 - BCE) / ln 2, of calibrated probabilities [n] to be of label 1, and its standard error.

    A classifier that knows nothing (0.5 everywhere) gives 0, a perfect one 1, an overconfident one less than 0.

    Source: I. Goodfellow et al., Generative adversarial nets, 2014, arXiv:1406.2661 (section 4.1).

    Examples:
        >>> divergence(np.full(4, 0.5), np.array([0, 1, 0, 1]))
        (0.0, 0.0)
    """
    right = np.where(label == 1, probability, 1 - probability)
    bits = 1 + np.log2(np.clip(right, 1e-12, 1))
    balanced = [bits[label == value] for value in (0, 1)]
    return float(np.mean([b.mean() for b in balanced])), 0.5 * math.hypot(*(_error_of_mean(b) for b in balanced))


def combine(values: list[tuple[float, float]]) -> tuple[float, float]:
    """Mean of repeated measurements (value, error) and its error: the propagated one, or the spread between the repeats if that is larger."""
    value, error = np.array(values).T
    propagated = float(np.sqrt(np.square(error).sum()) / len(value))
    return float(value.mean()), max(propagated, _error_of_mean(value))


def _error_of_mean(values: Array) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0
