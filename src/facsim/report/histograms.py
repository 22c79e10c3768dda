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
DIGITS = 12  # of a value's place in the sample's range
ROUNDING = 1e-6  # of differences between such places
SMALLEST_STEP = 1e-4  # of a lattice, as a fraction of the range
MARGIN = 0.05  # of the axis, added at both ends


def edges_from(truth: Array, bins: int = BINS) -> Array:
    """Bin edges [<= bins + 1] for the values of the truth; far tails are left out, values of equal spacing are centred on bins.

    Examples:
        >>> edges_from(np.array([0.0, 1.0, 3.0]))
        array([-0.5,  0.5,  1.5,  2.5,  3.5])
    """
    low, high = np.quantile(truth, [TAIL, 1 - TAIL]) if len(truth) else (0.0, 1.0)
    step = spacing(truth)
    if step and high > low:
        first, last = truth.min() + step * np.floor((low - truth.min()) / step), truth.min() + step * np.ceil((high - truth.min()) / step)
        return _equal(float(first), float(last), step, bins)
    margin = MARGIN * (high - low) or max(abs(low), 1.0) * 0.5
    start = max(low - margin, 0.0) if low >= 0 else low - margin
    return np.linspace(start, high + margin, bins + 1)


def spacing(values: Array) -> float:
    """The step of a lattice on which all values lie (counts, fractions of a number of cells); 0 if there is none.

    Examples:
        >>> spacing(np.array([0.25, 1.0, 0.75])), spacing(np.array([0.0, 1.0, np.pi])), spacing(np.ones(3))
        (0.25, 0.0, 0.0)
    """
    span = float(np.ptp(values)) if len(values) else 0.0
    if span == 0:
        return 0.0
    place = np.unique(((values - values.min()) / span).round(DIGITS))
    step = 0.0
    for difference in np.diff(place):
        step = _common_divisor(float(difference), step)
        if step < SMALLEST_STEP:
            return 0.0
    return span / round(1 / step)


def _common_divisor(a: float, b: float) -> float:
    """Euclid's algorithm for numbers with rounding errors."""
    while b > ROUNDING:
        a, b = b, abs(a - b * round(a / b))
    return a


def _equal(low: float, high: float, step: float, bins: int) -> Array:
    """Edges halfway between places on a lattice, the same number of places to each bin."""
    places = round((high - low) / step) + 1
    merged = -(-places // bins)
    return low - step / 2 + step * merged * np.arange(-(-places // merged) + 1)


def fractions(values: Array, weights: Array, edges: Array) -> Bars:
    """The fraction of the sample in each bin with its error, sqrt(sum of squared weights); the legend tells what lies outside."""
    total = float(weights.sum()) or 1.0
    height = np.histogram(values, edges, weights=weights)[0] / total
    error = np.sqrt(np.histogram(values, edges, weights=weights.astype(np.float64) ** 2)[0]) / abs(total)
    outside = 1 - height.sum() if len(values) else 0.0
    return Bars(height, error, f" ({outside:.1%} outside)" if outside > 0.005 else "")


@styled
def histogram(
    truth: tuple[Array, Array],
    candidates: Mapping[str, tuple[Array, Array]],
    *,
    label: str,
    unit: str = "1",
    edges: Array | None = None,
) -> Figure:
    """Histogram with ratio panel of one observable; each sample is (values [n], weights [n]). Without `edges` the truth gives them."""
    edges = edges_from(truth[0]) if edges is None else edges
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
    event, cell = np.nonzero(events.cells > 0)
    energy, weights = events.cells[event, cell], events.weights[event].astype(np.float64)
    total = float(events.weights.sum()) or 1.0
    height = np.histogram(energy, edges, weights=weights)[0]
    squared = np.histogram(energy, edges, weights=weights**2)[0]
    return Bars(height / total, np.sqrt(squared) / total)
