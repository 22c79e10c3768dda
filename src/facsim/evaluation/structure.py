"""Structure of a whole sample: mean image, occupancy, profiles, cell spectrum, correlations; compared as arrays, with bootstrap errors.

Each is a weighted mean over events of some array, or follows from such means; all bootstrap replicas come from one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from facsim.core import Detector, Events, FacsimError, stream
from facsim.evaluation.bootstrap import Score, poisson_weights
from facsim.evaluation.distances import normalised, relative_entropy
from facsim.evaluation.observables.geometry import coordinates, is_calorimeter, is_layered, neighbour_axes, neighbours
from facsim.evaluation.observables.summary import BLOCK_CELLS
from facsim.evaluation.pair import Array

REPLICAS = 20
IMAGE_SMOOTHING = 1e-9  # share of the energy added to each cell before a logarithm is taken
SPECTRUM_BINS = 40
RINGS = 16
ROUNDING = 1e-6  # of a squared mean: a smaller variance is none
EMPTY = 1e-300  # lets an image without any energy count as uniform

Means = Callable[[Callable[[Array], Array]], Array]  # of a map from cells [b, cells] to [b, k]: its weighted mean over events, [replicas, k]
Arrays = dict[Callable[[Means, Events], Array], Array]  # by the function that makes them


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


@dataclass(frozen=True)
class Structure:
    """An array that describes a sample, and the number that tells two such arrays apart.

    `of(means, reference)` gives [replicas, k]; `reference` lends the detector and scales such as bin edges. `distance(candidate, reference)`
    keeps the first axis.
    """

    name: str
    distance_name: str
    of: Callable[[Means, Events], Array]
    distance: Callable[[Array, Array], Array]
    applies: Callable[[Detector], bool] = is_calorimeter
    description: str = ""


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


def image_divergence(candidate: Array, reference: Array) -> Array:
    """Kullback-Leibler divergence sum q log(q / p) of normalised mean images, reference q and candidate p, over the last axis.

    IMAGE_SMOOTHING is added to both, so that a cell which the candidate never lights costs much but not everything.
    """
    p, q = (normalised(normalised(np.maximum(a, 0) + EMPTY) + IMAGE_SMOOTHING) for a in (candidate, reference))
    return relative_entropy(q, p)


def largest_difference(candidate: Array, reference: Array) -> Array:
    """Largest absolute difference."""
    return np.asarray(np.abs(candidate - reference).reshape(len(candidate), -1).max(1))


def relative_difference(candidate: Array, reference: Array) -> Array:
    """Largest absolute difference over the largest value of the reference."""
    scale = np.abs(reference).max(1)
    return largest_difference(candidate, reference) / np.where(scale > 0, scale, 1)


def angular_difference(candidate: Array, reference: Array) -> Array:
    """Largest difference of arcsin(sqrt(fraction)): its error is the same for rare and for common cells."""
    return largest_difference(*(np.arcsin(np.sqrt(np.clip(a, 0, 1))) for a in (candidate, reference)))


def mean_absolute(candidate: Array, reference: Array) -> Array:
    """Mean absolute difference."""
    return np.asarray(np.abs(candidate - reference).mean(1))


def shape_separation(candidate: Array, reference: Array) -> Array:
    """Separation power of two histograms."""
    p, q = normalised(candidate + EMPTY), normalised(reference + EMPTY)
    return np.asarray(0.5 * ((p - q) ** 2 / (p + q)).sum(-1))


STRUCTURES: dict[tuple[str, str], Structure] = {
    (s.name, s.distance_name): s
    for s in (
        Structure("mean_image", "kl", mean_image, image_divergence, description="divergence of the average images"),
        Structure("mean_image", "max_difference", mean_image, relative_difference, description="of the average images, over the brightest cell"),
        Structure("occupancy", "max_difference", occupancy, angular_difference, description="how often each cell is above zero, in angle"),
        Structure("longitudinal_profile", "max_difference", longitudinal_profile, relative_difference, is_layered, "mean energy of the layers"),
        Structure("radial_profile", "max_difference", radial_profile, relative_difference, description="mean energy in rings about the axis"),
        Structure("cell_spectrum", "separation", cell_spectrum, shape_separation, description="energies of single cells"),
        Structure("layer_correlation", "max_difference", layer_correlation, largest_difference, is_layered, "correlation of layer energies"),
        Structure("neighbour_correlation", "mean_difference", neighbour_correlation, mean_absolute, description="of neighbouring cells"),
    )
}


def array_of(structure: Structure, events: Events, reference: Events) -> Array:
    """The array that a structure is of one sample, without replicas."""
    return np.asarray(structure.of(weighted_means(events, events.weights[None].astype(np.float64)), reference)[0])


def structures(events: Events, reference: Events, rng: np.random.Generator) -> Arrays:
    """Every structure that applies, of the events (first row) and of bootstrap replicas of them."""
    weights = poisson_weights(len(events), REPLICAS, rng) * events.weights
    means = weighted_means(events, weights)
    functions = {s.of for s in STRUCTURES.values() if s.applies(reference.detector)}
    return {of: of(means, reference) for of in functions}


def structure_scores(candidate: Arrays, reference: Arrays) -> dict[tuple[str, str], Score]:
    """The distances of the candidate's structures from the reference's, with bootstrap errors."""
    found = {}
    for key, structure in STRUCTURES.items():
        if structure.of in reference:
            distances = structure.distance(candidate[structure.of], reference[structure.of])
            found[key] = Score(float(distances[0]), float(distances[1:].std(ddof=1)))
    return found


def image_kl(candidate: Events, truth: Events, *, events: int = 20_000, estimates: int = 5, seed: int = 0) -> Score:
    """Divergence of average images by a published convention: the mean of several estimates, each from so many random events of both samples.

    The error is the standard deviation of the estimates. Events are drawn without repetition: from samples that are hardly larger the
    estimates overlap and the error is too small, and from smaller ones they are all alike.
    """
    rng = stream(seed, "image_kl")
    values = []
    for _ in range(estimates):
        one, other = (_random_mean(sample, events, rng) for sample in (candidate, truth))
        values.append(float(image_divergence(one, other)))
    return Score(float(np.mean(values)), float(np.std(values, ddof=1)) if estimates > 1 else 0.0)


def _random_mean(sample: Events, events: int, rng: np.random.Generator) -> Array:
    if not len(sample):
        raise FacsimError("no events to average", expected="one or more", got=0)
    chosen = rng.permutation(len(sample))[:events]
    return np.asarray(np.average(sample.cells[chosen], axis=0, weights=sample.weights[chosen]))
