"""Curves: losses against the epoch; response and resolution against the conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from facsim.core import Variable
from facsim.core.events import Array
from facsim.report.moments import effective_number, mean_and_std
from facsim.report.ratio import Bars
from facsim.report.style import TRUTH_LINE, look, points, styled, with_unit

FEWEST = 20  # events in a bin of the condition
MOST_BINS = 12
DECADES = 20.0  # a logarithmic axis from this ratio of the largest to the smallest condition


class Signal(NamedTuple):
    """What answers to a condition: values, condition and weights of a sample, each [n]."""

    values: Array
    condition: Array
    weights: Array


@styled
def training_curves(history: Mapping[str, Sequence[float]]) -> Figure:
    """Every recorded number against the epoch, a panel for each."""
    columns = min(3, len(history))
    rows = -(-len(history) // columns)
    figure = Figure(figsize=(5 * columns, 3.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for ax, (name, values) in zip(grid.flat, history.items(), strict=False):
        ax.plot(np.arange(1, len(values) + 1), values, **look(0), marker="." if len(values) < 20 else "")
        ax.set(xlabel="epoch", title=name.replace("$", r"\$"))
        if len(values) and min(values) > 0 and max(values) > 50 * min(values):
            ax.set_yscale("log")
    for ax in grid.flat[len(history) :]:
        ax.set_axis_off()
    return figure


@styled
def response_and_resolution(truth: Signal, candidates: Mapping[str, Signal], *, variable: Variable, label: str, unit: str, relative: bool) -> Figure:
    """Mean and width of a signal in bins of a condition, each with its ratio to the truth below; `relative`: the width over the mean."""
    edges = condition_edges(truth.condition)
    moments = {name: binned(signal, edges) for name, signal in {"truth": truth, **candidates}.items()}
    means = {name: mean for name, (mean, _) in moments.items()}
    widths = {name: over(width, mean) if relative else width for name, (mean, width) in moments.items()}
    figure = Figure(figsize=(13.5, 5.6))
    margins = {"left": 0.085, "right": 0.985, "top": 0.98, "bottom": 0.12, "wspace": 0.22, "hspace": 0.05}
    grid = figure.subplots(2, 2, sharex=True, height_ratios=(3, 1.4), gridspec_kw=margins)
    x = centres(truth.condition, edges)
    _points(grid[:, 0], x, means, with_unit(f"mean of {label}", unit))
    _points(grid[:, 1], x, widths, f"σ / mean of {label}" if relative else with_unit(f"σ of {label}", unit))
    if x.min() > 0 and x.max() > DECADES * x.min():
        grid[1, 0].set_xscale("log")
        for ax in grid.flat:
            ax.xaxis.set_minor_formatter(NullFormatter())
    for ax in grid[1]:
        ax.set_xlabel(with_unit(variable.name, variable.unit))
    return figure


def varies(values: Array) -> bool:
    """Whether a condition takes more than one value in the sample."""
    return len(values) > 0 and bool(values.min() < values.max())


def condition_edges(values: Array) -> Array:
    """Edges of bins with equal numbers of truth events; a condition of few values gets a bin for each.

    Examples:
        >>> condition_edges(np.array([11.0, 22.0, 11.0]))
        array([-inf, 16.5,  inf])
    """
    distinct = np.unique(values).astype(np.float64)
    if len(distinct) <= MOST_BINS:
        return np.concatenate([[-np.inf], (distinct[1:] + distinct[:-1]) / 2, [np.inf]])
    bins = int(np.clip(len(values) // FEWEST, 1, MOST_BINS))
    return np.unique(np.quantile(values.astype(np.float64), np.linspace(0, 1, bins + 1)))


def centres(values: Array, edges: Array) -> Array:
    """Mean condition of the truth's events in each bin."""
    index = _bin(values, edges)
    count = np.bincount(index, minlength=len(edges) - 1)
    return np.bincount(index, values, len(edges) - 1) / np.maximum(count, 1)


def binned(signal: Signal, edges: Array) -> tuple[Bars, Bars]:
    """Mean and standard deviation of the signal in bins of the condition, with errors; NaN where a bin has fewer than 2 events.

    Events outside the edges are left out.
    """
    inside = (signal.condition >= edges[0]) & (signal.condition <= edges[-1])
    values, weights, index = signal.values[inside], signal.weights[inside], _bin(signal.condition[inside], edges)
    mean, std, n = np.array([_moments(values[index == i], weights[index == i]) for i in range(len(edges) - 1)]).T
    return Bars(mean, std / np.sqrt(n)), Bars(std, std / np.sqrt(2 * np.maximum(n - 1, 1)))


def over(width: Bars, mean: Bars) -> Bars:
    """The width over the mean; the mean's error is small beside the width's."""
    scale = np.abs(np.where(mean.height != 0, mean.height, np.nan))
    return Bars(width.height / scale, width.error / scale)


def _moments(values: Array, weights: Array) -> tuple[float, float, float]:
    """Mean, standard deviation and effective number of events."""
    if len(values) < 2 or not weights.sum():
        return np.nan, np.nan, np.nan
    mean, std = mean_and_std(values, weights)
    return float(mean), float(std), effective_number(weights)


def _bin(values: Array, edges: Array) -> Array:
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def _points(panels: Sequence[Axes], x: Array, samples: Mapping[str, Bars], label: str) -> None:
    """Points of every sample above, ratio to the truth below."""
    upper, lower = panels
    truth = samples["truth"]
    scale = np.abs(np.where(truth.height != 0, truth.height, np.nan))
    upper.errorbar(x, truth.height, truth.error, label="truth", color=TRUTH_LINE, marker="s", markerfacecolor="none", linestyle="none", markersize=10)
    lower.fill_between(x, 1 - truth.error / scale, 1 + truth.error / scale, color=TRUTH_LINE, alpha=0.2, linewidth=0)
    lower.axhline(1, color=TRUTH_LINE, linewidth=1)
    for i, (name, bars) in enumerate(list(samples.items())[1:]):
        upper.errorbar(x, bars.height, bars.error, label=name, **points(i))
        lower.errorbar(x, bars.height / np.copysign(scale, truth.height), bars.error / scale, **points(i))
    upper.set_ylabel(label)
    upper.margins(y=0.25)
    upper.legend()
    lower.set_ylabel("ratio", loc="center")
