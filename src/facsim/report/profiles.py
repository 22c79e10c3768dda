"""Where the energy goes on average: cross-sections of images, profiles along the depth and the radius."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from facsim.core import Events
from facsim.core.events import Array
from facsim.report.ratio import Bars, ratio_figure
from facsim.report.style import TRUTH_FILL, look, styled

CENTRAL_ROWS = 12
RADIAL_BINS = 25


def weighted_mean(values: Array, weights: Array) -> Array:
    """Mean over the first axis; 0 without events."""
    total = float(weights.sum()) or 1.0
    return np.asarray(np.tensordot(weights.astype(np.float64), values.astype(np.float64), 1) / total)


def weighted_std(values: Array, weights: Array) -> Array:
    """Standard deviation over the first axis; 0 without events."""
    return np.sqrt(weighted_mean((values - weighted_mean(values, weights)) ** 2, weights))


STATISTICS: dict[str, Callable[[Array, Array], Array]] = {"mean": weighted_mean, "standard deviation": weighted_std}


@styled
def cross_sections(truth: Events, candidates: Mapping[str, Events], statistic: str = "mean") -> Figure:
    """The mean or standard deviation of each cell along x, a panel for each of the 12 central rows of a grid [y, x], bottom row last."""
    rows, columns = truth.detector.shape
    chosen = central(rows)
    edges, y = _x_edges(truth, columns), truth.detector.centres[:, 1].reshape(rows, columns)[:, 0]
    figure = Figure(figsize=(15, 2.6 * -(-len(chosen) // 4) + 0.8), layout="constrained")
    grid = figure.subplots(-(-len(chosen) // 4), 4, sharex=True, sharey=True, squeeze=False)
    panels = dict(zip(chosen[::-1], grid.flat, strict=False))
    measure = STATISTICS[statistic]
    expected = measure(truth.response[:, chosen], truth.weights)
    found = {name: measure(events.response[:, chosen], events.weights) for name, events in candidates.items()}
    for position, row in enumerate(chosen):
        _cross_section(panels[row], edges, expected[position], {name: f[position] for name, f in found.items()}, f"y = {y[row]:.4g} mm")
    for ax in grid.flat[len(chosen) :]:
        ax.set_axis_off()
    positive = expected[expected > 0]
    if len(positive):
        grid[0, 0].set(yscale="log", ylim=(max(positive.min(), positive.max() * 1e-4) / 2, positive.max() * 8))
    figure.supxlabel("x [mm]")
    figure.supylabel(f"{statistic} of the cell energy [MeV]")
    grid[0, 0].legend(fontsize=11, loc="upper left", ncols=2, columnspacing=1)
    return figure


def central(rows: int) -> Array:
    """Indices of the (at most) 12 rows in the middle.

    Examples:
        >>> central(32)[[0, -1]]
        array([10, 21])
    """
    shown = min(rows, CENTRAL_ROWS)
    return np.arange(shown) + (rows - shown) // 2


def _x_edges(events: Events, columns: int) -> Array:
    x = events.detector.centres[:columns, 0]
    half = (x[1] - x[0]) / 2 if columns > 1 else 0.5
    return np.append(x - half, x[-1] + half)


def _cross_section(ax: Axes, edges: Array, truth: Array, candidates: Mapping[str, Array], title: str) -> None:
    ax.stairs(truth, edges, fill=True, color=TRUTH_FILL, label="truth")
    for i, (name, height) in enumerate(candidates.items()):
        ax.stairs(height, edges, baseline=None, label=name, **look(i))
    ax.text(0.97, 0.9, title, transform=ax.transAxes, ha="right", va="top", fontsize=12)


@styled
def layer_profile(truth: tuple[Array, Array], candidates: Mapping[str, tuple[Array, Array]], *, label: str) -> Figure:
    """Mean of a number that each layer has, with ratio panel; each sample is (values [n, layers], weights [n])."""
    edges = np.arange(truth[0].shape[1] + 1) - 0.5
    bars = {name: mean_bars(*sample) for name, sample in candidates.items()}
    return ratio_figure(edges, mean_bars(*truth), bars, xlabel="layer", ylabel=label)


@styled
def radial(truth: Events, candidates: Mapping[str, Events]) -> Figure:
    """Mean energy density against the distance from the detector's axis, with ratio panel."""
    radius, areas = np.hypot(*truth.detector.centres[:, :2].T), truth.detector.areas
    edges = radial_edges(radius)
    bars = {name: _density(events, radius, areas, edges) for name, events in candidates.items()}
    return ratio_figure(edges, _density(truth, radius, areas, edges), bars, xlabel="r [mm]", ylabel="mean energy / area [MeV/mm²]")


def radial_edges(radius: Array) -> Array:
    """Edges between the distinct radii of the cells, at most 25 bins."""
    distinct = np.unique(radius.round(6))
    if len(distinct) <= RADIAL_BINS:
        between = (distinct[1:] + distinct[:-1]) / 2
        last = distinct[-1] + (distinct[-1] - between[-1] if len(between) else 1.0)
        return np.concatenate([[0.0], between, [last]])
    return np.linspace(0, distinct[-1] * (1 + 1e-6), RADIAL_BINS + 1)


def _density(events: Events, radius: Array, areas: Array, edges: Array) -> Bars:
    """Mean energy in each ring over the ring's area in all layers."""
    ring = np.digitize(radius, edges) - 1
    area = np.bincount(ring, areas, len(edges) - 1)
    energy = np.stack([events.cells[:, ring == i].sum(1) for i in range(len(area))], axis=1)
    return mean_bars(energy / np.where(area > 0, area, 1.0), events.weights)


def mean_bars(values: Array, weights: Array) -> Bars:
    """Means [bins] of values [n, bins] and their errors."""
    effective = float(weights.sum()) ** 2 / (float(np.square(weights, dtype=np.float64).sum()) or 1.0)
    return Bars(weighted_mean(values, weights), weighted_std(values, weights) / np.sqrt(max(effective, 1.0)))
