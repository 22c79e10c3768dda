"""How well candidate and truth can be told apart: classifier output, precision against recall, distance to the training events."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from facsim.core import stream
from facsim.core.events import Array
from facsim.evaluation.classifier import ClassifierResult, two_sample_test
from facsim.evaluation.diversity import nearest
from facsim.evaluation.multivariate import PrdCurve, prd_curve
from facsim.report.style import TRUTH_FILL, TRUTH_LINE, look, styled

MOST = 5000  # events of each sample
FEWEST = 100  # events of each sample below which nothing is said
BINS = 40
SMALLEST = 1e-9  # spread over largest value of a column that varies


def standard(truth: Array, *samples: Array) -> list[Array]:
    """The samples [n, d] in the columns that vary in the truth, in units of its standard deviation."""
    spread = truth.std(0)
    keep = spread > SMALLEST * np.abs(truth).max(0)
    return [sample[:, keep] / spread[keep] for sample in samples]


def chosen(sample: Array, place: int = 0) -> Array:
    """At most 5000 random rows, in order."""
    return np.asarray(sample[np.sort(stream(0, "report", place).permutation(len(sample))[:MOST])])


def enough(*samples: Array) -> bool:
    """Whether every sample [n, d] has events enough, and the first one a column that varies."""
    return min(map(len, samples)) >= FEWEST and bool((samples[0].std(0) > SMALLEST * np.abs(samples[0]).max(0)).any())


def classify(truth: Array, candidate: Array) -> ClassifierResult:
    """One split of the fast classifier of truth against candidate, on columns [n, d]."""
    return two_sample_test(*standard(truth, chosen(truth), chosen(candidate, 1)), repeats=1)


@styled
def classifier_output(results: Mapping[str, ClassifierResult]) -> Figure:
    """The classifier's held-out probability to be truth, for truth and candidate: a panel for each candidate."""
    figure = Figure(figsize=(5.8 * len(results), 4.8), layout="constrained")
    for i, (ax, (name, result)) in enumerate(zip(figure.subplots(1, len(results), squeeze=False)[0], results.items(), strict=True)):
        edges = np.linspace(0, 1, BINS + 1)
        truth, candidate = (_shares(result.scores[result.label == label], edges) for label in (1, 0))
        ax.stairs(truth, edges, fill=True, color=TRUTH_FILL, label="truth")
        ax.stairs(candidate, edges, baseline=None, label=name, **look(i))
        ax.set(xlabel="probability to be truth", ylabel="fraction of events / bin", xlim=(0, 1), ylim=(0, 1.35 * max(truth.max(), candidate.max())))
        ax.legend(title=f"AUC {result.auc:.3f} ± {result.auc_error:.3f}", title_fontsize=13)
    return figure


def _shares(scores: Array, edges: Array) -> Array:
    return np.histogram(scores, edges)[0] / max(len(scores), 1)


def precision_and_recall(truth: Array, candidate: Array) -> PrdCurve:
    """The curve of a candidate with respect to the truth, on columns [n, d]."""
    return prd_curve(*standard(truth, chosen(truth), chosen(candidate, 1)))


def floor_of(truth: Array) -> PrdCurve:
    """The curve of one half of the truth with respect to the other."""
    order = stream(0, "report", "halves").permutation(len(truth))
    return precision_and_recall(truth[order[::2]], truth[order[1::2]])


@styled
def prd_figure(floor: PrdCurve, curves: Mapping[str, PrdCurve]) -> Figure:
    """Precision against recall of each candidate, and of truth against truth."""
    figure = Figure(figsize=(5.8, 4.8), layout="constrained")
    ax = figure.subplots()
    ax.plot(floor.recall, floor.precision, color=TRUTH_LINE, linewidth=5, alpha=0.35, label="truth against truth")
    for i, (name, curve) in enumerate(curves.items()):
        ax.plot(curve.recall, curve.precision, label=name, **look(i))
    ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    ax.legend(loc="lower left")
    return figure


def distances(train: Array, truth: Array, *candidates: Array) -> list[Array]:
    """Distance of each event of truth and candidates to the closest training event, in standard deviations of the truth's observables."""
    seen, *samples = standard(truth, train, *(chosen(sample, i) for i, sample in enumerate((truth, *candidates))))
    return [nearest(sample, seen) for sample in samples]
