"""The figure of a collaboration meeting: truth in grey, candidates as lines, their ratio to the truth below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facsim.core.events import Array
from facsim.report.style import TRUTH_FILL, TRUTH_LINE, look, points

RATIO_RANGE = (0.4, 1.6)
MARGINS = {"left": 0.175, "right": 0.965, "top": 0.98, "bottom": 0.14, "hspace": 0.05}
LOG_ABOVE = 25.0  # a logarithmic scale from this ratio of the largest to the median filled bin


class Bars(NamedTuple):
    """Heights of bins and their statistical errors, [bins]; `note` is added to the legend."""

    height: Array
    error: Array
    note: str = ""


def ratio_figure(edges: Array, truth: Bars, candidates: Mapping[str, Bars], *, xlabel: str, ylabel: str, log_x: bool = False) -> Figure:
    """Truth with its statistical band, candidates as steps, and below the ratio of each to the truth."""
    figure = Figure(figsize=(5.8, 4.8))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.1), gridspec_kw=MARGINS)
    draw_bars(upper, edges, truth, candidates)
    below = draw_difference if truth.height.min() < 0 else draw_ratio
    below(lower, edges, truth, candidates)
    upper.set_ylabel(ylabel)
    figure.align_ylabels()
    upper.legend()
    lower.set(xlabel=xlabel, xlim=(edges[0], edges[-1]), xscale="log" if log_x else "linear")
    return figure


def draw_bars(ax: Axes, edges: Array, truth: Bars, candidates: Mapping[str, Bars]) -> None:
    """The upper panel: heights."""
    ax.stairs(truth.height, edges, fill=True, color=TRUTH_FILL, label="truth" + truth.note)
    _band(ax, edges, truth.height, truth.error)
    for i, (name, bars) in enumerate(candidates.items()):
        ax.stairs(bars.height, edges, label=name + bars.note, baseline=None, **look(i))
    _vertical_range(ax, [truth.height, *(b.height for b in candidates.values())], headroom=len(candidates) + 1)


def draw_ratio(ax: Axes, edges: Array, truth: Bars, candidates: Mapping[str, Bars]) -> None:
    """The lower panel: candidate over truth where the truth is not zero; the band is the truth's own relative error."""
    _band(ax, edges, np.ones_like(truth.height), _over(truth.error, truth.height, empty=0.0))
    ax.axhline(1.0, color=TRUTH_LINE, linewidth=1)
    centres = (edges[1:] + edges[:-1]) / 2
    for i, bars in enumerate(candidates.values()):
        ratio = _over(bars.height, truth.height)
        ax.errorbar(centres, ratio, _over(bars.error, truth.height), **points(i))
        _arrows(ax, centres, ratio, i)
    ax.set_ylabel("ratio", loc="center")
    ax.set_ylim(RATIO_RANGE)


def draw_difference(ax: Axes, edges: Array, truth: Bars, candidates: Mapping[str, Bars]) -> None:
    """The lower panel of a number of either sign, whose ratio has no meaning: candidate minus truth."""
    _band(ax, edges, np.zeros_like(truth.height), truth.error)
    ax.axhline(0.0, color=TRUTH_LINE, linewidth=1)
    for i, bars in enumerate(candidates.values()):
        ax.errorbar((edges[1:] + edges[:-1]) / 2, bars.height - truth.height, bars.error, **points(i))
    ax.set_ylabel("difference", loc="center")


def _arrows(ax: Axes, x: Array, ratio: Array, position: int) -> None:
    """Small triangles at the rim for ratios outside the panel."""
    low, high = RATIO_RANGE
    style: dict[str, Any] = {"color": points(position)["color"], "linestyle": "none", "markersize": 6}
    above, below = ratio > high, ratio < low
    ax.plot(x[above], np.full(above.sum(), high - 0.05), marker="^", **style)
    ax.plot(x[below], np.full(below.sum(), low + 0.05), marker="v", **style)


def _over(a: Array, b: Array, empty: float = np.nan) -> Array:
    """a / b, and `empty` where b is 0."""
    return np.asarray(np.divide(a, b, out=np.full(np.shape(b), empty, dtype=float), where=np.asarray(b) != 0))


def _band(ax: Axes, edges: Array, middle: Array, half: Array) -> None:
    ax.stairs(middle + half, edges, baseline=middle - half, fill=True, facecolor="none", edgecolor=TRUTH_LINE, hatch="//////", linewidth=0, alpha=0.6)


def _vertical_range(ax: Axes, heights: list[Array], headroom: int) -> None:
    """A scale that shows all filled bins, with room for the legend above."""
    filled = np.concatenate(heights)
    filled = filled[filled > 0]
    if not len(filled):
        ax.set_ylim(0, 1)
    elif spans_decades(heights[0]) and not any((h < 0).any() for h in heights):
        ax.set(yscale="log", ylim=(filled.min() / 2, filled.max() * (filled.max() / filled.min()) ** (0.12 * headroom)))
    else:
        low = min(float(h.min()) for h in heights)
        ax.set_ylim(1.2 * min(low, 0.0), filled.max() * (1 + 0.16 * headroom))


def spans_decades(height: Array) -> bool:
    """Whether most of the bins would be invisible on a linear scale: the median of the filled ones lies far below the largest."""
    filled = height[height > 0]
    return bool(len(filled)) and bool(filled.max() > LOG_ABOVE * np.median(filled))
