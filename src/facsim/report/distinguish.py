"""How well candidate and truth can be told apart: classifier output, precision against recall, distance to the training events."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from facsim.core import stream
from facsim.core.events import Array
from facsim.evaluation.diversity import nearest
from facsim.evaluation.multivariate import PrdCurve, prd_curve
from facsim.evaluation.scorecard import Output
from facsim.report.style import TRUTH_FILL, TRUTH_LINE, look, styled

MOST = 5000  # events of each sample
FEWEST = 100  # events of each sample below which nothing is said
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


@styled
def classifier_output(outputs: Mapping[str, Mapping[str, Output]], areas: Mapping[str, Mapping[str, str]]) -> Figure:
    """The classifiers' held-out probability to be truth, for truth and candidate: a row for each candidate, a panel for each of its classifiers.

    `areas`: what is written of each beside its name.
    """
    columns = max(map(len, outputs.values()))
    figure = Figure(figsize=(5.8 * columns, 4.8 * len(outputs)), layout="constrained")
    for i, (row, (name, told)) in enumerate(zip(figure.subplots(len(outputs), columns, squeeze=False), outputs.items(), strict=True)):
        for ax, (kind, output) in zip(row, told.items(), strict=False):
            truth, candidate = np.array(output.truth), np.array(output.candidate)
            edges = np.linspace(0, 1, len(truth) + 1)
            ax.stairs(truth, edges, fill=True, color=TRUTH_FILL, label="truth")
            ax.stairs(candidate, edges, baseline=None, label=name, **look(i))
            top = 1.35 * max(truth.max(), candidate.max())
            ax.set(xlabel=f"probability to be truth ({kind})", ylabel="fraction of events / bin", xlim=(0, 1), ylim=(min(0, candidate.min()), top))
            ax.legend(title=areas.get(name, {}).get(kind, ""), title_fontsize=13)
    return figure


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
