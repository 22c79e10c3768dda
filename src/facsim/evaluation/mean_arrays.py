"""Arrays that describe a whole sample: mean image, occupancy, profiles, cell spectrum, correlations.

Each is a weighted mean over events of some array, or follows from such means; all bootstrap replicas come from one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from facsim.core import Detector, Events
from facsim.evaluation.observables.geometry import coordinates, neighbour_axes, neighbours
from facsim.evaluation.observables.summary import BLOCK_CELLS
from facsim.evaluation.pair import Array

SPECTRUM_BINS = 40
RINGS = 16
ROUNDING = 1e-6  # of a squared mean: a smaller variance is none

Means = Callable[[Callable[[Array], Array]], Array]  # of a map from cells [b, cells] to [b, k]: its weighted mean over events, [replicas, k]


def weighted_means(events: Events, weights: Array) -> Means:
    """Means over events for each row of weights [replicas, n], in float32 blocks of events that are added in float64; kept once computed."""
    cells, total = events.cells, weights.sum(1, keepdims=True)
    step = max(1, BLOCK_CELLS // max(1, cells.shape[1]))
    single = weights.astype(np.float32)

    @cache
    def means(of: Callable[[Array], Array]) -> Array:
        parts = (single[:, i : i + step] @ of(cells[i : i + step]) for i in range(0, len(cells), step))
        return np.asarray(sum(part.astype(np.float64) for part in parts) / total)

    return means


def mean_image(means: Means, reference: Events) -> Array:
    """Mean energy of each cell, [..., cells]."""
    return means(_energy)


def occupancy(means: Means, reference: Events) -> Array:
    """Fraction of events in which each cell is above zero, [..., cells]."""
    return means(_active)


def _energy(cells: Array) -> Array:
    return cells


def _active(cells: Array) -> Array:
    return (cells > 0).astype(np.float32)


def longitudinal_profile(means: Means, reference: Events) -> Array:
    """Mean energy of each layer, [..., layers]."""
    starts = reference.detector.layer_starts
    return np.asarray(np.add.reduceat(mean_image(means, reference), starts, axis=-1))


def ring_edges(detector: Detector, rings: int = RINGS) -> Array:
    """Inner edges of rings about the axis that hold about equally many cells, in mm."""
    radius = coordinates(detector)[:, 3]
    return np.unique(np.quantile(radius, np.arange(rings) / rings, method="lower").round(6))


def radial_profile(means: Means, reference: Events) -> Array:
    """Mean energy in each ring about the axis, [..., rings]."""
    edges = ring_edges(reference.detector)
    ring = np.searchsorted(edges, coordinates(reference.detector)[:, 3].round(6), side="right") - 1
    return np.asarray(mean_image(means, reference) @ (ring[:, None] == np.arange(len(edges))))


def spectrum_edges(reference: Events) -> Array:
    """Logarithmic bin edges between the smallest and the largest positive cell of the reference, in MeV."""
    low = np.min(reference.response, where=reference.response > 0, initial=np.inf)
    high = reference.response.max(initial=0)
    return np.geomspace(low, high, SPECTRUM_BINS + 1)[1:-1] if high > low else np.array([high])


def cell_spectrum(means: Means, reference: Events) -> Array:
    """Mean number of positive cells of an event in logarithmic bins of energy, the outer bins open, [..., bins]."""
    edges = spectrum_edges(reference)

    def histogram(cells: Array) -> Array:
        event, cell = np.nonzero(cells > 0)
        number = np.searchsorted(edges, cells[event, cell])
        size = len(edges) + 1
        return np.bincount(event * size + number, minlength=len(cells) * size).reshape(len(cells), size).astype(np.float32)

    return means(histogram)


def layer_correlation(means: Means, reference: Events) -> Array:
    """Correlation coefficients of the energies of every two layers, [..., layers, layers]; 0 where a layer never changes."""
    starts, n = reference.detector.layer_starts, reference.detector.n_layers

    def products(cells: Array) -> Array:
        energy = np.add.reduceat(cells, starts, axis=1)
        return (energy[:, :, None] * energy[:, None, :]).reshape(len(cells), -1)

    first = np.add.reduceat(mean_image(means, reference), starts, axis=-1)
    second = means(products).reshape(-1, n, n)
    covariance = second - first[:, :, None] * first[:, None, :]
    variance = np.einsum("bii->bi", covariance)
    return correlation(covariance, variance[:, :, None], variance[:, None, :], first[:, :, None] ** 2, first[:, None, :] ** 2)


def neighbour_correlation(means: Means, reference: Events) -> Array:
    """Correlation coefficient of each cell's energy with the next cell's along every axis, [..., pairs]; 0 where a cell never changes."""
    detector = reference.detector
    first, square = mean_image(means, reference), means(np.square)
    variance = square - first**2

    def both(values: Array, choose: Callable[[Array, Array], Array]) -> Array:
        parts = [choose(a, b).reshape(len(values), -1) for axis in neighbour_axes(detector) for a, b in neighbours(detector, values, axis)]
        return np.concatenate(parts, axis=1)

    def here(values: Array) -> Array:
        return both(values, lambda a, b: a)

    def there(values: Array) -> Array:
        return both(values, lambda a, b: b)

    product = means(lambda cells: both(cells, lambda a, b: a * b))
    covariance = product - here(first) * there(first)
    return correlation(covariance, here(variance), there(variance), here(first) ** 2, there(first) ** 2)


def correlation(covariance: Array, one: Array, other: Array, *squares: Array) -> Array:
    """Covariance over the root of the two variances; 0 where a variance is no more than rounding of the squared means."""
    changes = (one > ROUNDING * squares[0]) & (other > ROUNDING * squares[1])
    return np.asarray(np.divide(covariance, np.sqrt(np.abs(one * other)), out=np.zeros(covariance.shape), where=changes))
