"""Curves: losses against the epoch; response and resolution against the conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facsim.core import Events, Vector
from facsim.core.events import Array
from facsim.report.ratio import Bars
from facsim.report.style import TRUTH_LINE, look, points, styled, with_unit

FEWEST = 20  # events in a bin of the condition
MOST_BINS = 12


@styled
def training_curves(history: Mapping[str, Sequence[float]]) -> Figure:
    """Every recorded number against the epoch, a panel for each."""
    columns = min(3, len(history))
    rows = -(-len(history) // columns)
    figure = Figure(figsize=(5 * columns, 3.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for ax, (name, values) in zip(grid.flat, history.items(), strict=False):
        ax.plot(np.arange(1, len(values) + 1), values, **look(0), marker="." if len(values) < 20 else "")
        ax.set(xlabel="epoch", title=name)
        if len(values) and min(values) > 0 and max(values) > 50 * min(values):
            ax.set_yscale("log")
    for ax in grid.flat[len(history) :]:
        ax.set_axis_off()
    return figure


def signal(events: Events, column: int = 0) -> tuple[str, str, Array]:
    """Name, unit and values [n] of what answers to a condition: the sum over all cells, or one column of a table."""
    if isinstance(events.detector, Vector):
        return events.detector.names[column], events.detector.units[column], events.response[:, column]
    return "total energy", "MeV", events.cells.sum(1, dtype=np.float64)


@styled
def response_and_resolution(truth: Events, candidates: Mapping[str, Events], *, condition: int, column: int = 0) -> Figure:
    """Mean and relative width of the signal against one condition: truth as points, candidates as points beside, ratio of both below."""
    name, unit, _ = signal(truth, column)
    edges = condition_edges(truth.condition[:, condition])
    relative = not isinstance(truth.detector, Vector)
    figure = Figure(figsize=(13, 5.4), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, height_ratios=(3, 1.3))
    samples = {"truth": truth, **candidates}
    moments = {label: binned(signal(e, column)[2], e.condition[:, condition], e.weights, edges) for label, e in samples.items()}
    means = {label: m[0] for label, m in moments.items()}
    widths = {label: m[1] for label, m in moments.items()}
    if relative:
        widths = {label: _relative(widths[label], means[label]) for label in samples}
    x = centres(truth.condition[:, condition], edges)
    _points(grid[:, 0], x, means, with_unit(f"mean {name}", unit))
    _points(grid[:, 1], x, widths, f"σ / mean of {name}" if relative else with_unit(f"σ of {name}", unit))
    variable = truth.variables[condition]
    for ax in grid[1]:
        ax.set(xlabel=with_unit(variable.name, variable.unit), ylabel="ratio")
    if x.min() > 0 and x.max() > 20 * x.min():
        grid[1, 0].set_xscale("log")
    return figure


def varies(values: Array) -> bool:
    """Whether a condition takes more than one value in the sample."""
    return len(values) > 0 and bool(values.min() < values.max())


def condition_edges(values: Array) -> Array:
    """Edges of bins with equal numbers of truth events; a condition of few values gets a bin for each."""
    distinct = np.unique(values).astype(np.float64)
    if len(distinct) <= MOST_BINS:
        between = (distinct[1:] + distinct[:-1]) / 2
        return np.concatenate([[-np.inf], between, [np.inf]])
    bins = int(np.clip(len(values) // FEWEST, 1, MOST_BINS))
    return np.unique(np.quantile(values.astype(np.float64), np.linspace(0, 1, bins + 1)))


def centres(values: Array, edges: Array) -> Array:
    """Mean condition of the truth's events in each bin."""
    index = _bin(values, edges)
    count = np.bincount(index, minlength=len(edges) - 1)
    return np.bincount(index, values, len(edges) - 1) / np.maximum(count, 1)


def binned(values: Array, condition: Array, weights: Array, edges: Array) -> tuple[Bars, Bars]:
    """Mean and standard deviation of the values in bins of the condition, with errors; NaN where a bin has fewer than 2 events.

    Events outside the edges are left out.
    """
    inside = (condition >= edges[0]) & (condition <= edges[-1])
    index = _bin(condition[inside], edges)
    parts = [(values[inside][index == i], weights[inside][index == i]) for i in range(len(edges) - 1)]
    mean, std, n = np.array([_moments(*part) for part in parts]).T
    return Bars(mean, std / np.sqrt(n)), Bars(std, std / np.sqrt(2 * np.maximum(n - 1, 1)))


def _moments(values: Array, weights: Array) -> tuple[float, float, float]:
    """Mean, standard deviation and effective number of events."""
    if len(values) < 2 or not weights.sum():
        return np.nan, np.nan, np.nan
    mean = np.average(values, weights=weights)
    effective = weights.sum(dtype=np.float64) ** 2 / np.square(weights, dtype=np.float64).sum()
    return float(mean), float(np.sqrt(np.average((values - mean) ** 2, weights=weights))), float(effective)


def _relative(width: Bars, mean: Bars) -> Bars:
    """The width over the mean; the mean's error is small beside the width's."""
    scale = np.where(mean.height != 0, mean.height, np.nan)
    return Bars(width.height / scale, width.error / np.abs(scale))


def _bin(values: Array, edges: Array) -> Array:
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def _points(panels: Sequence[Axes], x: Array, samples: Mapping[str, Bars], label: str) -> None:
    """Points of every sample above, ratio to the truth below."""
    upper, lower = panels
    truth = samples["truth"]
    upper.errorbar(x, truth.height, truth.error, label="truth", color=TRUTH_LINE, marker="s", markerfacecolor="none", linestyle="none", markersize=9)
    scale = np.abs(truth.height)
    lower.fill_between(x, 1 - truth.error / scale, 1 + truth.error / scale, color=TRUTH_LINE, alpha=0.2, linewidth=0)
    lower.axhline(1, color=TRUTH_LINE, linewidth=1)
    for i, (name, bars) in enumerate(list(samples.items())[1:]):
        upper.errorbar(x, bars.height, bars.error, label=name, **points(i))
        lower.errorbar(x, bars.height / truth.height, bars.error / scale, **points(i))
    upper.set_ylabel(label)
    upper.legend()
