"""Figures of particle identification: differences of log-likelihoods, efficiency against momentum, and where separation departs from the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from facsim.core.events import Array
from facsim.report.style import DIVERGING, TRUTH_FILL, TRUTH_LINE, look, points, styled

HISTOGRAM = 50  # bins
CENTRAL = (0.5, 99.5)  # per cent of the truth that a histogram shows
PULL = 4.0  # errors at which the colours end

Curve = tuple[Array, Array]  # values and errors


@styled
def differences(panels: Mapping[str, Mapping[str, tuple[Array, Array]]], model: str, label: str) -> Figure:
    """A panel for each bin: a number of several species, truth filled and generated as a line; (truth, generated) by bin and species."""
    columns = max(1, (len(panels) + 1) // 2)
    figure = Figure(figsize=(4.2 * columns, 6.4), layout="constrained")
    for ax, (title, species) in zip(figure.subplots(2, columns, squeeze=False).flat, panels.items(), strict=False):
        ends = np.percentile(np.concatenate([truth for truth, _ in species.values()]), CENTRAL)
        for i, (name, (truth, own)) in enumerate(species.items()):
            ax.hist(truth, HISTOGRAM, range=tuple(ends), density=True, color=TRUTH_FILL, alpha=0.8, label=f"{name}, truth" if not i else None)
            ax.hist(own, HISTOGRAM, range=tuple(ends), density=True, histtype="step", label=f"{name}, {model}", **look(i))
        ax.set(xlabel=label, yscale="log")
        ax.set_title(title, fontsize=11)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@styled
def efficiencies(edges: Sequence[float], curves: Mapping[str, tuple[Curve, Curve]], model: str) -> Figure:
    """Efficiency and misidentification against momentum (edges in MeV), truth as bands and generated as points; (truth, generated) by name."""
    figure = Figure(figsize=(6, 4.4), layout="constrained")
    ax, place = figure.subplots(), np.sqrt(np.array(edges[:-1]) * np.array(edges[1:])) / 1e3
    for i, (name, ((truth, error), (own, own_error))) in enumerate(curves.items()):
        ax.fill_between(place, truth - error, truth + error, color=TRUTH_LINE, alpha=0.4)
        ax.errorbar(place, own, own_error, label=f"{name}, {model}", **points(i))
    ax.set(xlabel="p [GeV]", ylabel="share above 0", xscale="log", ylim=(0, 1.05))
    ax.legend(fontsize=10)
    return figure


@styled
def pull_maps(edges: tuple[Sequence[float], Sequence[float]], pulls: Mapping[str, Array]) -> Figure:
    """Pulls of the ROC areas [p bins x eta bins, in this order] as a picture for each separation; edges of momentum in MeV and of pseudorapidity."""
    figure = Figure(figsize=(4.6 * len(pulls), 3.8), layout="constrained")
    momenta, etas = np.array(edges[0]) / 1e3, np.array(edges[1])
    for ax, (name, values) in zip(figure.subplots(1, len(pulls), squeeze=False)[0], pulls.items(), strict=True):
        picture = ax.pcolormesh(momenta, etas, values.reshape(len(momenta) - 1, -1).T, cmap=DIVERGING, vmin=-PULL, vmax=PULL)
        ax.set(title=name, xlabel="p [GeV]", ylabel="pseudorapidity", xscale="log")
    figure.colorbar(picture, ax=figure.axes, label="(generated - truth) / error")
    return figure
