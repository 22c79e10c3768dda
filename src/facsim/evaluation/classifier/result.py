"""What a classifier test says: the area under the ROC curve and the Jensen-Shannon divergence, each with its error."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facsim.core.events import Array


@dataclass(frozen=True, eq=False)
class ClassifierResult:
    """The outcome of a classifier two-sample test.

    auc: mean area under the ROC curve of the held-out splits (0.5: indistinguishable; not folded, so noise may take it below 0.5);
    jsd: Jensen-Shannon divergence in bits as bounded by the calibrated cross entropy, (ln 2 - BCE) / ln 2;
    scores: held-out probability to be truth, once for each time an event was scored; index: which row of (truth, then candidate) it is;
    split: the number of the split (and classifier); label: 1 for truth, 0 for candidate; weight: of the event, if there are any;
    shared: how much of what the classifiers learn from one event about another they also learn the other way round (see `combine`).
    """

    auc: float
    auc_error: float
    jsd: float
    jsd_error: float
    scores: Array
    label: Array
    index: Array
    split: Array
    weight: Array | None = None
    shared: float = 0.0


class Terms(NamedTuple):
    """A measured number, and by how much each event [n] takes it off its expectation: the error is the root of their sum of squares."""

    value: float
    events: Array


Measure = Callable[[Array, Array, Array | None], Terms]  # of scores, labels and weights [n]


def area(score: Array, label: Array, weight: Array | None = None) -> tuple[float, float]:
    """Area under the ROC curve of scores [n] for labels 0 and 1, and its standard error; ties count one half.

    Source: E. R. DeLong et al., Comparing the areas under two or more correlated ROC curves, Biometrics 44 (1988) 837; with weights of any
    sign the shares of the events become shares of the weight.

    Examples:
        >>> area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))[0]
        0.75
    """
    return with_error(area_terms(score, label, weight))


def divergence(probability: Array, label: Array, weight: Array | None = None) -> tuple[float, float]:
    """Jensen-Shannon divergence in bits, (ln 2 - BCE) / ln 2, of calibrated probabilities [n] to be of label 1, and its standard error.

    A classifier that knows nothing (0.5 everywhere) gives 0, a perfect one 1, an overconfident one less than 0.

    Source: I. Goodfellow et al., Generative adversarial nets, 2014, arXiv:1406.2661 (section 4.1).

    Examples:
        >>> divergence(np.full(4, 0.5), np.array([0, 1, 0, 1]))
        (0.0, 0.0)
    """
    return with_error(divergence_terms(probability, label, weight))


def area_terms(score: Array, label: Array, weight: Array | None = None) -> Terms:
    """As `area`, by event: each adds how far the other label's share on its wrong side is from the mean."""
    weight = np.ones(len(score)) if weight is None else weight
    high, low = label == 1, label == 0
    below_high = share_below(score[high], score[low], weight[low])
    above_low = 1 - share_below(score[low], score[high], weight[high])
    events = np.zeros(len(score))
    value, events[high] = _mean(below_high, weight[high])
    _, events[low] = _mean(above_low, weight[low])
    return Terms(value, events)


def divergence_terms(probability: Array, label: Array, weight: Array | None = None) -> Terms:
    """As `divergence`, by event; both labels count the same."""
    weight = np.ones(len(label)) if weight is None else weight
    right = np.where(label == 1, probability, 1 - probability)
    bits = 1 + np.log2(np.clip(right, 1e-12, 1))
    events, values = np.zeros(len(label)), []
    for chosen in (label == 0, label == 1):
        value, terms = _mean(bits[chosen], weight[chosen])
        values.append(value)
        events[chosen] = terms / 2
    return Terms(float(np.mean(values)), events)


def share_below(score: Array, others: Array, weight: Array) -> Array:
    """Share of the others' weight that lies below each score [n]; the share at the score counts one half."""
    order = np.argsort(others)
    cumulative = np.concatenate([[0.0], np.cumsum(weight[order])])
    below, up_to = (cumulative[np.searchsorted(others[order], score, side=side)] for side in ("left", "right"))
    return np.asarray((below + up_to) / (2 * cumulative[-1]))


def with_error(terms: Terms) -> tuple[float, float]:
    """Value and standard error."""
    return terms.value, math.sqrt(float(np.square(terms.events).sum()))


def combine(parts: Sequence[tuple[Array, Terms]], events: int, shared: float = 0.0) -> tuple[float, float]:
    """Mean of measurements on splits of the same events, given as (rows, terms), and its error.

    An event that several splits score adds the mean of its terms, so that scoring it again lowers the error only as far as the classifiers
    differ. Events are not independent where one scores what the other trained and the reverse: between equal samples a pair then adds the
    same number twice, and the variance is up to 1 + `shared` times the sum of squares (exactly, for a classifier that is linear in its
    training events; others stay below). The error is the root of that, or what the spread between the splits tells of if it is larger.

    Source: Y. Bengio, Y. Grandvalet, No unbiased estimator of the variance of k-fold cross-validation, JMLR 5 (2004) 1089.
    """
    total = np.zeros(events)
    for rows, terms in parts:
        np.add.at(total, rows, terms.events / len(parts))
    values = np.array([terms.value for _, terms in parts])
    spread = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(values.mean()), max(math.sqrt((1 + shared) * float(np.square(total).sum())), spread)


def _mean(values: Array, weight: Array) -> tuple[float, Array]:
    """Weighted mean, and by how much each event [n] takes it off its expectation."""
    n, total = len(values), weight.sum()
    mean = float(weight @ values / total)
    return mean, weight * (values - mean) / total * math.sqrt(n / max(n - 1, 1))
