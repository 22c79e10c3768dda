"""Figures of arrays of stations: patterns as hexagons, traces, reconstructed against true energies, bias and resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from facsim.core import Events, StationArray
from facsim.core.events import Array
from facsim.report.images import extent
from facsim.report.style import SEQUENTIAL, look, styled

EEV = 1e12  # MeV
FAINTEST = 1e2  # particles at the lower end of the colours


@styled
def patterns(rows: Mapping[str, Events], titles: Sequence[str]) -> Figure:
    """A row of pictures for each sample of an array's events, one for each event; one logarithmic scale of colours."""
    figure = Figure(figsize=(2.9 * len(titles) + 1, 2.6 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    norm = LogNorm(FAINTEST, max(10 * FAINTEST, *(float(signal_picture(e, r).max()) for e in rows.values() for r in e.response)))
    for line, (name, events) in zip(axes, rows.items(), strict=True):
        for ax, response, title in zip(line, events.response, titles, strict=True):
            picture = signal_picture(events, response)
            shown = np.where(picture > 0, picture, np.nan)
            ax.imshow(shown, origin="lower", extent=extent(events.detector), cmap=SEQUENTIAL, norm=norm)
            ax.set(xticks=[], yticks=[], title=title if line is axes[0] else "")
        line[0].set_ylabel(name)
    figure.colorbar(axes[0, 0].images[0], ax=axes, label="signal [particles]")
    return figure


def signal_picture(events: Events, response: Array) -> Array:
    """The picture of a response with each station's whole signal in every pixel of its hexagon."""
    array = events.detector
    if not isinstance(array, StationArray):
        raise TypeError(f"{type(array).__name__} is no StationArray")
    picture = array.image(response)
    pixel = 4 * array.half_sides[0] * array.half_sides[1] / picture.size
    return np.asarray(picture * array.areas[0] / pixel)


@styled
def trace_panels(panels: Mapping[str, Mapping[str, Array]], bin_width: float) -> Figure:
    """A panel for each station, in it a line for each sample's trace [bins]."""
    figure = Figure(figsize=(4.6 * len(panels), 3.6), layout="constrained")
    for ax, (title, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for i, (name, trace) in enumerate(lines.items()):
            ax.stairs(trace, bin_width * np.arange(len(trace) + 1), label=name, **look(i))
        ax.set(xlabel="time [ns]", ylabel="signal [particles]", title=title)
        ax.legend()
    return figure


@styled
def reconstructed(panels: Mapping[str, tuple[Array, Array]], most: int = 5000) -> Figure:
    """A panel for each setting: found energies against true ones, both [n] in MeV, at most so many events."""
    figure = Figure(figsize=(3.9 * len(panels), 3.9), layout="constrained")
    for ax, (title, (true, found)) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        top = float(true.max()) / EEV
        ax.hist2d(
            true[:most] / EEV, np.clip(found[:most] / EEV, 0, 1.5 * top), bins=60, range=[(0, top), (0, 1.5 * top)], norm=LogNorm(), cmap=SEQUENTIAL
        )
        ax.plot([0, top], [0, top], color="black", linewidth=0.8)
        ax.set(xlabel="true energy [EeV]", ylabel="reconstructed energy [EeV]", title=title)
    return figure


class Line(NamedTuple):
    """Bias and resolution in bins, [bins], with their errors."""

    bias: Array
    bias_error: Array
    resolution: Array
    resolution_error: Array


@styled
def bias_and_resolution(lines: Mapping[str, Line], edges: Array, label: str) -> Figure:
    """Relative bias and resolution against the true value in bins between the edges [bins + 1]; a line for each setting."""
    figure = Figure(figsize=(9.2, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    middle = (edges[1:] + edges[:-1]) / 2
    for i, (name, line) in enumerate(lines.items()):
        for ax, value, error in ((left, line.bias, line.bias_error), (right, line.resolution, line.resolution_error)):
            ax.errorbar(middle, value, error, label=name, **look(i))
    left.set(xlabel=label, ylabel="bias", title="mean of found / true - 1")
    right.set(xlabel=label, ylabel="resolution", title="standard deviation of found / true", yscale="log")
    left.axhline(0, color="black", linewidth=0.8)
    right.legend()
    return figure


@styled
def loss_curves(panels: Mapping[str, Mapping[str, Sequence[float]]], xlabel: str) -> Figure:
    """A panel for each group of losses, a line for each loss; losses that stay positive are on a logarithmic axis."""
    figure = Figure(figsize=(4.2 * len(panels), 3.4), layout="constrained")
    for ax, (title, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for i, (name, values) in enumerate(lines.items()):
            ax.plot(np.arange(1, len(values) + 1), values, label=name, **look(i))
        positive = min(min(values) for values in lines.values()) > 0
        ax.set(xlabel=xlabel, title=title, yscale="log" if positive else "linear")
        ax.legend()
    return figure
