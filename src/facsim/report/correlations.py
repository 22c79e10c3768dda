"""Correlation matrices: of the observables, and of the layers' energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facsim.core.events import Array
from facsim.report.style import DIVERGING, styled

MOST_NAMES = 26  # beyond it the axis carries numbers


def correlation(values: Array) -> Array:
    """Pearson correlation [k, k] of the columns of values [n, k]; 0 for a column that does not vary.

    Examples:
        >>> correlation(np.array([[0.0, 0.0, 5.0], [1.0, -2.0, 5.0]]))
        array([[ 1., -1.,  0.],
               [-1.,  1.,  0.],
               [ 0.,  0.,  0.]])
    """
    if not len(values):
        return np.zeros((values.shape[1], values.shape[1]))
    centred = values.astype(np.float64) - values.mean(0, dtype=np.float64)
    norm = np.sqrt(np.square(centred).sum(0))
    unit = centred / np.where(norm > 1e-9 * np.abs(values).max(initial=1e-300) * np.sqrt(len(values)), norm, np.inf)
    return np.asarray((unit.T @ unit).round(12) + 0.0)


@styled
def correlation_matrices(truth: Array, candidates: Mapping[str, Array], names: Sequence[str], axis: str = "") -> Figure:
    """The truth's correlation matrix, and for each candidate truth minus candidate; samples are [n, observables]."""
    expected = correlation(truth)
    panels = {"truth": expected, **{f"truth − {name}": expected - correlation(v) for name, v in candidates.items()}}
    side = 6.2
    figure = Figure(figsize=(side * len(panels) + 1.0, side + 0.4), layout="constrained")
    for i, (ax, (title, matrix)) in enumerate(zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True)):
        _draw(ax, matrix, title, names if len(names) <= MOST_NAMES else (), axis, first=i == 0)
        if i in (0, len(panels) - 1):
            figure.colorbar(ax.images[0], ax=ax, label="correlation" if i == 0 else "difference", shrink=0.8)
    return figure


def _draw(ax: Axes, matrix: Array, title: str, names: Sequence[str], axis: str, *, first: bool) -> None:
    limit = 1.0 if first else DIFFERENCE
    ax.imshow(matrix, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set_title(title)
    ax.tick_params(which="minor", length=0)
    if names:
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize=10)
        ax.set_yticks(range(len(names)), names if first else [""] * len(names), fontsize=10)
    else:
        ax.set(xlabel=axis, ylabel=axis)


DIFFERENCE = 0.3  # full colour of the difference of two correlations
