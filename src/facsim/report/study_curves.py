"""Curves per epoch of several trainings, beside the truth's value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from facsim.report.encode import IMAGE_COLOURS, LINE_COLOURS, few_colours
from facsim.report.style import STYLE, TRUTH_LINE, look, styled

DOTS_PER_INCH = 80
TRUTH = "truth "  # a curve of this name and a quantity's is the truth's value of that quantity


@styled
def epoch_curves(trainings: Sequence[tuple[str, Mapping[str, Sequence[float]]]]) -> Figure:
    """A panel for each quantity, a line for each training (model, {quantity: value per epoch}); trainings of one model look alike.

    A quantity "truth q" is drawn once as a grey line in the panel of q. Quantities that span much are on a logarithmic axis.
    """
    models = list(dict.fromkeys(model for model, _ in trainings))
    quantities = list(dict.fromkeys(q for _, curves in trainings for q in curves if not q.startswith(TRUTH)))
    figure = Figure(figsize=(4.2 * len(quantities), 3.6), layout="constrained")
    for ax, quantity in zip(figure.subplots(1, len(quantities), squeeze=False)[0], quantities, strict=True):
        for model, curves in trainings:
            values = np.asarray(curves[quantity])
            place = np.linspace(0, 1, len(values) + 1)[1:]
            ax.plot(place, values, **look(models.index(model)), alpha=0.8)
        truth = trainings[0][1].get(TRUTH + quantity)
        if truth is not None:
            ax.axhline(truth[-1], color=TRUTH_LINE, linewidth=1)
        ax.set(xlabel="share of the training", title=quantity, yscale="log" if quantity == "KL" else "linear")
    figure.legend([ax.plot([], [], **look(i))[0] for i in range(len(models))], models, loc="outside lower center", ncols=len(models))
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a small PNG; equal figures give equal bytes."""
    stream = BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(stream, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return few_colours(stream, IMAGE_COLOURS if figure.findobj(AxesImage) else LINE_COLOURS)
