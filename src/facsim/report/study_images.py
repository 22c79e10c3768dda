"""Figures of studies that judge average images: cross-sections, images epoch by epoch, reconstructions, deposits at each condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from facsim.core import Events
from facsim.core.events import Array
from facsim.evaluation.cross_sections import central, moments
from facsim.report.images import extent, log_scale, mean_image, show_image
from facsim.report.style import SEQUENTIAL, TRUTH_LINE, bare, look, points, styled

ALONE: dict[str, Any] = {"color": TRUTH_LINE, "linewidth": 1.2}


@styled
def cross_section_moments(truth: Events, candidates: Mapping[str, Events]) -> Figure:
    """Mean and standard deviation in x of the central rows of the average image, row by row."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    pitch = truth.detector.size[-1]  # type: ignore[attr-defined]
    for number, (ax, title) in enumerate(zip(figure.subplots(1, 2), ("mean", "standard deviation"), strict=True)):
        for i, (name, events) in enumerate({"truth": truth, **candidates}.items()):
            values = moments(mean_image(events), pitch)[number]
            style = {"color": TRUTH_LINE, "marker": "_", "linestyle": "none", "markersize": 16} if i == 0 else _marks(i - 1)
            ax.plot(np.arange(len(values)), values, label=name, **style)
        ax.set(xlabel="central row", ylabel=f"{title} in x [mm]")
    ax.legend()
    return figure


@styled
def cross_section_slices(truth: Events, candidates: Mapping[str, Events]) -> Figure:
    """The central rows of the average image one by one, truth against candidates."""
    rows = {name: central(mean_image(events)) for name, events in {"truth": truth, **candidates}.items()}
    figure = Figure(figsize=(16, 9), layout="constrained")
    half = truth.detector.size[-1] * truth.detector.cells[-1] / 2  # type: ignore[attr-defined]
    for number, ax in enumerate(figure.subplots(3, 4, sharex=True).flat):
        for i, (name, lines) in enumerate(rows.items()):
            x = np.linspace(-half, half, lines.shape[1] + 1)
            ax.stairs(lines[number], x, label=name, **(ALONE if i == 0 else look(i - 1)))
        ax.set(title=f"central row {number}", yscale="log")
    ax.legend()
    figure.supxlabel("x [mm]")
    figure.supylabel("mean energy per cell [MeV]")
    return figure


@styled
def epoch_images(truth: Events, images: Mapping[int, Array]) -> Figure:
    """The average image after each of the given epochs beside the truth's, on one logarithmic scale: a collapsed generator hops between modes."""
    pictures = {"truth": mean_image(truth), **{f"epoch {epoch}": image for epoch, image in images.items()}}
    return _pictures([pictures], extent(truth.detector))


@styled
def reconstructions(truth: Events, rebuilt: Events, number: int = 6) -> Figure:
    """Single events above what an auto-encoder makes of them."""
    rows = [{f"{label} {i}": events.response[i] for i in range(number)} for label, events in (("event", truth), ("rebuilt", rebuilt))]
    return _pictures(rows, extent(truth.detector))


def _marks(position: int) -> dict[str, Any]:
    """Points without error bars."""
    return {key: value for key, value in points(position).items() if key in ("color", "marker", "linestyle")}


def _pictures(rows: Sequence[Mapping[str, Array]], frame: tuple[float, float, float, float] | None) -> Figure:
    """Rows of titled images on one logarithmic scale."""
    columns = max(map(len, rows))
    figure = Figure(figsize=(2.6 * columns + 1.2, 2.7 * len(rows) + 0.2), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    norm = log_scale([image for row in rows for image in row.values()])
    for line, row in zip(grid, rows, strict=True):
        for ax, (title, image) in zip(line, row.items(), strict=False):
            show_image(ax, image, frame, norm=norm, cmap=SEQUENTIAL, title=title)
        bare(line)
    figure.colorbar(grid[0, 0].images[0], ax=grid, label="energy per cell [MeV]", pad=0.01)
    return figure


@styled
def deposits(truth: Mapping[float, float], candidates: Mapping[str, Mapping[float, float]]) -> Figure:
    """Mean deposited energy at each condition: truth as lines, candidates as points beside each other."""
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    ax = figure.subplots()
    places = {energy: place for place, energy in enumerate(sorted(truth))}
    ax.hlines(list(truth.values()), [places[e] - 0.4 for e in truth], [places[e] + 0.4 for e in truth], color=TRUTH_LINE, label="truth")
    for i, (name, means) in enumerate(candidates.items()):
        shift = 0.7 * (i / max(1, len(candidates) - 1) - 0.5)
        ax.plot(
            [places[e] + shift for e in means], list(means.values()), label=name, **{k: v for k, v in points(i).items() if k[:2] not in ("ca", "el")}
        )
    ax.set_xticks(list(places.values()), [f"{energy:g}" for energy in places])
    ax.minorticks_off()
    ax.set(xlabel="energy of the electron [MeV]", ylabel="mean deposit [MeV]")
    ax.legend(ncols=2, fontsize=11)
    return figure
