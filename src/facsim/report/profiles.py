"""Where the energy goes on average: cross-sections of images, profiles along the layers and the radius."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facsim.core import Events
from facsim.core.events import Array
from facsim.report.moments import effective_number, mean_and_std
from facsim.report.ratio import Bars, ratio_figure
from facsim.report.style import TRUTH_FILL, look, styled

CENTRAL_ROWS = 12
COLUMNS = 4  # of panels
RADIAL_BINS = 25
STATISTICS = {"mean": 0, "standard deviation": 1}  # place in what mean_and_std returns


@styled
def cross_sections(truth: Events, candidates: Mapping[str, Events], statistic: str = "mean") -> Figure:
    """The mean or standard deviation of each cell along x, a panel for each of the 12 central rows of a grid [y, x], the lowest y last."""
    chosen = central(truth.detector.shape[0])
    lines = -(-len(chosen) // COLUMNS)
    figure = Figure(figsize=(15, 2.6 * lines + 0.8))
    margins = {"left": 0.07, "right": 0.99, "top": 0.98, "bottom": 0.75 / (2.6 * lines + 0.8), "wspace": 0.04, "hspace": 0.05}
    grid = figure.subplots(lines, COLUMNS, sharex=True, sharey=True, squeeze=False, gridspec_kw=margins)
    expected, found = section_heights(truth, chosen, statistic), {name: section_heights(e, chosen, statistic) for name, e in candidates.items()}
    edges, y = x_edges(truth), truth.detector.centres[:, 1].reshape(truth.detector.shape)[chosen, 0]
    for ax, position in zip(grid.flat, reversed(range(len(chosen))), strict=False):
        _cross_section(ax, edges, expected[position], {name: f[position] for name, f in found.items()})
        ax.text(0.97, 0.93, f"y = {y[position]:.4g} mm".replace("-", "−"), transform=ax.transAxes, ha="right", va="top", fontsize=13)
    for ax in grid.flat[len(chosen) :]:
        ax.set_axis_off()
    _log_range(grid[0, 0], expected)
    grid[0, 0].legend(fontsize=12, loc="upper left")
    figure.supxlabel("x [mm]", fontsize=16)
    figure.supylabel(f"{statistic} of the cell energy [MeV]", fontsize=16)
    return figure


def section_heights(events: Events, rows: Array, statistic: str) -> Array:
    """The mean or standard deviation of each cell of the rows, [rows, columns]."""
    return mean_and_std(events.response[:, rows], events.weights)[STATISTICS[statistic]]


def central(rows: int) -> Array:
    """Indices of the (at most) 12 rows in the middle.

    Examples:
        >>> central(32)[[0, -1]]
        array([10, 21])
    """
    shown = min(rows, CENTRAL_ROWS)
    return np.arange(shown) + (rows - shown) // 2


def x_edges(events: Events) -> Array:
    """Edges of the columns of a grid [y, x] in mm."""
    x = events.detector.centres[: events.detector.shape[1], 0]
    half = (x[1] - x[0]) / 2 if len(x) > 1 else 0.5
    return np.append(x - half, x[-1] + half)


def _cross_section(ax: Axes, edges: Array, truth: Array, candidates: Mapping[str, Array]) -> None:
    ax.minorticks_off()
    ax.stairs(truth, edges, fill=True, color=TRUTH_FILL, label="truth")
    for i, (name, height) in enumerate(candidates.items()):
        ax.stairs(height, edges, baseline=None, label=name, **look(i))


def _log_range(ax: Axes, heights: Array) -> None:
    """A logarithmic scale over at most 5 decades."""
    positive = heights[heights > 0]
    if len(positive):
        ax.set(yscale="log", ylim=(max(positive.min(), positive.max() * 1e-5) / 2, positive.max() * 30))


@styled
def layer_profile(truth: tuple[Array, Array], candidates: Mapping[str, tuple[Array, Array]], *, label: str) -> Figure:
    """Mean of a number that each layer has, with ratio panel; each sample is (values [n, layers], weights [n])."""
    edges = np.arange(truth[0].shape[1] + 1) - 0.5
    bars = {name: mean_bars(*sample) for name, sample in candidates.items()}
    return ratio_figure(edges, mean_bars(*truth), bars, xlabel="layer", ylabel=label)


@styled
def radial(truth: Events, candidates: Mapping[str, Events]) -> Figure:
    """Mean energy density against the distance from the detector's axis, with ratio panel."""
    edges = radial_edges(radii(truth))
    bars = {name: density(events, edges) for name, events in candidates.items()}
    return ratio_figure(edges, density(truth, edges), bars, xlabel="r [mm]", ylabel="mean energy / area [MeV/mm²]")


def radii(events: Events) -> Array:
    """Distance of each cell's centre from the axis in mm, [cells]."""
    x, y, _ = events.detector.centres.T
    return np.asarray(np.hypot(x, y))


def radial_edges(radius: Array) -> Array:
    """Edges between the distinct radii of the cells, at most 25 bins.

    Examples:
        >>> radial_edges(np.array([2.0, 6.0, 10.0]))
        array([ 0.,  4.,  8., 12.])
    """
    distinct = np.unique(radius.round(6))
    if len(distinct) > RADIAL_BINS:
        return np.linspace(0, distinct[-1] * (1 + 1e-6), RADIAL_BINS + 1)
    between = (distinct[1:] + distinct[:-1]) / 2
    last = distinct[-1] + (distinct[-1] - between[-1] if len(between) else 1.0)
    return np.concatenate([[0.0], between, [last]])


def density(events: Events, edges: Array) -> Bars:
    """Mean energy of the cells in each ring over their area in all layers."""
    ring = np.digitize(radii(events), edges) - 1
    area = np.bincount(ring, events.detector.areas, len(edges) - 1)
    energy = np.stack([events.cells[:, ring == i].sum(1, dtype=np.float64) for i in range(len(area))], axis=1)
    return mean_bars(energy / np.where(area > 0, area, 1.0), events.weights)


def mean_bars(values: Array, weights: Array) -> Bars:
    """Means [bins] of values [n, bins] and their errors."""
    mean, std = mean_and_std(values, weights)
    return Bars(mean, std / np.sqrt(max(effective_number(weights), 1.0)))
