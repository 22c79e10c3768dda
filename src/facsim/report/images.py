"""Pictures: average images, their difference, galleries of single events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from facsim.core import Detector, Events, LayeredGrid, PolarLayers, RegularGrid, SplitGranularity, StationArray, Vector
from facsim.core.events import Array
from facsim.report.moments import effective_number, mean_and_std
from facsim.report.style import DIVERGING, SEQUENTIAL, bare, styled
from facsim.report.words import condition_text

DECADES = 5  # of the logarithmic colour scale


def drawable(events: Events) -> bool:
    """Whether a picture of an event means anything: not for a table of numbers."""
    return not isinstance(events.detector, Vector)


def mean_image(events: Events) -> Array:
    """The picture of the mean response, [rows, columns]; 0 without events. Drawing is linear, so it is the mean of the pictures."""
    return events.detector.image(mean_and_std(events.response, events.weights)[0])


def extent(detector: Detector) -> tuple[float, float, float, float] | None:
    """Left, right, bottom and top of the picture in mm; None where the detector has no such frame."""
    half = _half_sides(detector)
    return None if half is None else (-half[0], half[0], -half[1], half[1])


def _half_sides(detector: Detector) -> tuple[float, float] | None:
    if isinstance(detector, RegularGrid):
        return detector.cells[-1] * detector.size[-1] / 2, detector.cells[-2] * detector.size[-2] / 2
    if isinstance(detector, SplitGranularity):
        return detector.pixels[1] * detector.pixel / 2, detector.pixels[0] * detector.pixel / 2
    if isinstance(detector, PolarLayers):
        return detector.drawn_radius, detector.drawn_radius
    if isinstance(detector, StationArray):
        return detector.half_sides
    if isinstance(detector, LayeredGrid):
        finest = max(detector.stack, key=lambda layer: layer.rows * layer.columns)
        return finest.columns * finest.size[1] / 2, finest.rows * finest.size[0] / 2
    return None


def has_errors(events: Events) -> bool:
    """Whether each pixel is one cell, so that the cells' errors are the picture's."""
    return events.detector.n_layers == 1 and isinstance(events.detector, RegularGrid)


@styled
def average_images(truth: Events, candidates: Mapping[str, Events]) -> Figure:
    """A row for each candidate: mean truth and mean candidate (one logarithmic scale), truth minus candidate (symmetric scale).

    Where each pixel is one cell also the difference in units of its statistical error.
    """
    columns = 4 if has_errors(truth) else 3
    figure = Figure(figsize=(4.2 * columns + 2.0, 3.9 * len(candidates) + 0.3), layout="constrained")
    grid = figure.subplots(len(candidates), columns, squeeze=False)
    for row, (name, events) in zip(grid, candidates.items(), strict=True):
        _average_row(row, truth, events, name)
        figure.colorbar(row[1].images[0], ax=row[:2], label="energy per cell [MeV]", pad=0.01)
        figure.colorbar(row[2].images[0], ax=row[2], label="difference [MeV]", pad=0.01)
        for ax in row[3:]:
            figure.colorbar(ax.images[0], ax=ax, label="difference / error", pad=0.01, extend="both")
        for ax in row[1:]:
            ax.set_ylabel("")
    return figure


def _average_row(row: Sequence[Axes], truth: Events, candidate: Events, name: str) -> None:
    expected, found, frame = mean_image(truth), mean_image(candidate), extent(truth.detector)
    norm = log_scale([expected, found])
    show_image(row[0], expected, frame, norm=norm, cmap=SEQUENTIAL, title="truth")
    show_image(row[1], found, frame, norm=norm, cmap=SEQUENTIAL, title=name)
    show_image(row[2], expected - found, frame, norm=symmetric_scale(expected - found), cmap=DIVERGING, title=f"truth − {name}")
    for ax in row[3:]:
        show_image(ax, difference_in_errors(truth, candidate), frame, norm=Normalize(-5, 5), cmap=DIVERGING, title=f"(truth − {name}) / error")


def difference_in_errors(truth: Events, candidate: Events) -> Array:
    """Truth minus candidate of each cell's mean over its statistical error, [rows, columns]; 0 where neither varies."""
    (a, a_error), (b, b_error) = (_mean_and_error(events) for events in (truth, candidate))
    error = np.hypot(a_error, b_error)
    return np.asarray(np.divide(a - b, error, out=np.zeros_like(error), where=error > 0)).reshape(truth.detector.shape[-2:])


def _mean_and_error(events: Events) -> tuple[Array, Array]:
    mean, std = mean_and_std(events.response, events.weights)
    return mean, std / np.sqrt(max(effective_number(events.weights), 1.0))


@styled
def gallery(truth: Events, candidates: Mapping[str, Events], columns: int = 6) -> Figure:
    """Single events at equal conditions, on one logarithmic colour scale: truth in the first row, a row for each candidate."""
    chosen = spread_out(truth, columns)
    rows = {"truth": truth[chosen], **{name: events[nearest(truth.condition[chosen], events.condition)] for name, events in candidates.items()}}
    pictures = {name: [events.detector.image(r) for r in events.response] for name, events in rows.items()}
    figure = Figure(figsize=(2.4 * columns + 1.2, 2.45 * len(rows) + 0.3), layout="constrained")
    grid = figure.subplots(len(rows), len(chosen), squeeze=False)
    norm = log_scale([p for row in pictures.values() for p in row])
    for line, (name, images) in zip(grid, pictures.items(), strict=True):
        for ax, image, condition in zip(line, images, rows[name].condition, strict=False):
            show_image(ax, image, extent(truth.detector), norm=norm, cmap=SEQUENTIAL, title=condition_text(truth.variables, condition))
            ax.title.set_fontsize(12)
        bare(line)
        line[0].set_ylabel(name, loc="center")
    figure.colorbar(grid[0, 0].images[0], ax=grid, label="energy per cell [MeV]", pad=0.01)
    return figure


def spread_out(events: Events, n: int) -> Array:
    """Indices of up to n events whose first condition is spread evenly over the sample's quantiles."""
    order = np.argsort(events.condition[:, 0], kind="stable") if events.condition.shape[1] else np.arange(len(events))
    return np.asarray(order[np.linspace(0, len(events) - 1, min(n, len(events))).round().astype(int)])


def nearest(wanted: Array, condition: Array) -> Array:
    """Index of an own event for each wanted condition: the closest one not taken yet, each column in units of its spread."""
    scale = np.concatenate([wanted, condition]).std(0)
    distance = np.square((wanted[:, None] - condition[None]) / np.where(scale > 0, scale, 1)).sum(-1)
    taken: list[int] = []
    for row in distance:
        row[taken] = np.inf
        taken.append(int(row.argmin()))
    return np.array(taken, dtype=int)


def log_scale(images: Sequence[Array]) -> Normalize:
    """One logarithmic scale for all images, over at most 5 decades below the largest value; empty images get a plain one."""
    positive = np.concatenate([i[i > 0] for i in images])
    if not len(positive):
        return Normalize(0, 1)
    top = float(positive.max())
    return LogNorm(min(max(float(positive.min()), top / 10**DECADES), top / 10), top)


def symmetric_scale(difference: Array) -> Normalize:
    """A scale with 0 in its middle."""
    largest = float(np.abs(difference).max(initial=0.0)) or 1.0
    return Normalize(-largest, largest)


def show_image(ax: Axes, image: Array, frame: tuple[float, float, float, float] | None, *, title: str, **style: Any) -> None:
    """Draw y upwards and x to the right; below the scale counts as its lowest colour."""
    ax.set_facecolor("#440154" if style["cmap"] == SEQUENTIAL else "white")
    ax.imshow(image, origin="lower", extent=frame, interpolation="nearest", aspect="equal", **style)
    ax.set_title(title)
    axis_unit = "" if frame is None else " [mm]"
    ax.set(xlabel=f"x{axis_unit}", ylabel=f"y{axis_unit}")
