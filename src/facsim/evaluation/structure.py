"""Structure of a whole sample: its mean arrays compared with the truth's, with bootstrap errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facsim.core import Detector, Events, FacsimError, stream
from facsim.evaluation.bootstrap import Score, poisson_weights
from facsim.evaluation.distances import normalised, relative_entropy
from facsim.evaluation.mean_arrays import (
    Means,
    cell_spectrum,
    layer_correlation,
    longitudinal_profile,
    mean_image,
    neighbour_correlation,
    occupancy,
    radial_profile,
    weighted_means,
)
from facsim.evaluation.observables.geometry import is_calorimeter, is_layered
from facsim.evaluation.pair import Array

REPLICAS = 20
IMAGE_SMOOTHING = 1e-9  # share of the energy added to each cell before a logarithm is taken
EMPTY = 1e-300  # lets an image without any energy count as uniform

Arrays = dict[Callable[[Means, Events], Array], Array]  # by the function that makes them


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
