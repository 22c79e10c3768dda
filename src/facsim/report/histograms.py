"""Histograms of observables, binned from the truth alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from facsim.core import Events
from facsim.core.events import Array
from facsim.report.ratio import Bars, ratio_figure
from facsim.report.style import styled, with_unit

BINS = 40
TAIL = 5e-4  # fraction of the truth that each end of the axis may leave out
MARGIN = 0.05  # of the axis, added at both ends


def edges_from(truth: Array, bins: int = BINS) -> Array:
    """Bin edges [<= bins + 1] for the values of the truth: whole numbers are centred on bins, far tails are left out.

    Examples:
        >>> edges_from(np.array([0.0, 1.0, 3.0]))
        array([-0.5,  0.5,  1.5,  2.5,  3.5])
    """
    low, high = np.quantile(truth, [TAIL, 1 - TAIL]) if len(truth) else (0.0, 1.0)
    if bool(np.all(truth == np.round(truth))) and high > low:
        return _whole(float(np.floor(low)), float(np.ceil(high)), bins)
    margin = MARGIN * (high - low) or max(abs(low), 1.0) * 0.5
    start = max(low - margin, 0.0) if low >= 0 else low - margin
    return np.linspace(start, high + margin, bins + 1)


def _whole(low: float, high: float, bins: int) -> Array:
    """Edges halfway between whole numbers, a whole number of them to a bin."""
    step = int(np.ceil((high - low + 1) / bins))
    count = int(np.ceil((high - low + 1) / step))
    return low - 0.5 + step * np.arange(count + 1.0)


def fractions(values: Array, weights: Array, edges: Array) -> Bars:
    """The fraction of the sample in each bin with its error, sqrt(sum of squared weights); the legend tells what lies outside."""
    total = float(weights.sum()) or 1.0
    height = np.histogram(values, edges, weights=weights)[0] / total
    error = np.sqrt(np.histogram(values, edges, weights=weights.astype(np.float64) ** 2)[0]) / abs(total)
    outside = 1 - height.sum() if len(values) else 0.0
    return Bars(height, error, f" ({outside:.1%} outside)" if outside > 0.005 else "")


@styled
def histogram(truth: tuple[Array, Array], candidates: Mapping[str, tuple[Array, Array]], *, label: str, unit: str = "1") -> Figure:
    """Histogram with ratio panel of one observable; each sample is (values [n], weights [n])."""
    edges = edges_from(truth[0])
    bars = {name: fractions(*sample, edges) for name, sample in candidates.items()}
    return ratio_figure(edges, fractions(*truth, edges), bars, xlabel=with_unit(label, unit), ylabel="fraction of events / bin")


@styled
def cell_spectrum(truth: Events, candidates: Mapping[str, Events]) -> Figure:
    """How many cells of an event have an energy in each logarithmic bin, with ratio panel."""
    edges = spectrum_edges(truth)
    bars = {name: _cells_per_event(events, edges) for name, events in candidates.items()}
    return ratio_figure(edges, _cells_per_event(truth, edges), bars, xlabel="energy of a cell [MeV]", ylabel="cells per event / bin", log_x=True)


def spectrum_edges(truth: Events, decades: float = 6.0) -> Array:
    """40 logarithmic bins up to the truth's largest cell, over at most 6 decades."""
    largest = float(truth.response.max(initial=0.0)) or 1.0
    positive = truth.response[truth.response > 0]
    smallest = max(float(positive.min(initial=largest)), largest / 10**decades)
    return np.geomspace(min(smallest, largest / 10), largest * 1.2, BINS + 1)


def _cells_per_event(events: Events, edges: Array) -> Bars:
    weights = np.broadcast_to(events.weights[:, None], events.cells.shape)
    total = float(events.weights.sum()) or 1.0
    height = np.histogram(events.cells, edges, weights=weights)[0]
    squared = np.histogram(events.cells, edges, weights=weights.astype(np.float64) ** 2)[0]
    return Bars(height / total, np.sqrt(squared) / total)
