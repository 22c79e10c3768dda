"""Separation powers of the features, in the published binnings."""

from __future__ import annotations

import numpy as np

from facsim.core.events import Array
from facsim.evaluation.bootstrap import REPLICAS, poisson_weights
from facsim.evaluation.calochallenge.features import ShowerFeatures
from facsim.evaluation.calochallenge.settings import Challenge
from facsim.evaluation.multivariate import Estimate

RATIO = np.linspace(0.5, 1.5, 101)
SPARSITY = np.linspace(0, 1, 21)


def separation_power(reference: Array, candidate: Array, edges: Array) -> float:
    """Half the sum of (h1 - h2)^2 / (h1 + h2) of two histograms, each normalised over the range of the bins: 0 equal, 1 disjoint.

    Source: S. Diefenbacher et al., DCTRGAN, 2020, arXiv:2009.03796 (equation 15).

    Examples:
        >>> separation_power(np.array([0.1, 0.1]), np.array([0.1, 0.9]), np.array([0.0, 0.5, 1.0]))
        0.3333333333333333
    """
    return float(power(*(np.histogram(values, edges)[0] for values in (reference, candidate))))


def power(reference: Array, candidate: Array) -> Array:
    """The separation power of histograms [..., bins]; an empty one counts as zero everywhere."""
    first, second = (h / np.maximum(h.sum(-1, keepdims=True), 1) for h in (reference, candidate))
    total = first + second
    return np.asarray(0.5 * (np.square(first - second) / np.where(total > 0, total, 1)).sum(-1))


def separation_powers(reference: ShowerFeatures, candidate: ShowerFeatures, challenge: Challenge, rng: np.random.Generator) -> dict[str, Estimate]:
    """The separation power of every high-level feature, by name, with bootstrap errors."""
    found = {"E / incident E": _of_events(reference.total / reference.incident, candidate.total / candidate.incident, RATIO, rng)}
    for name, a, b, edges in _columns(reference, candidate, challenge):
        found[name] = _of_events(a, b, edges, rng)
    return found


def voxel_separation(reference: Array, candidate: Array, threshold: float, rng: np.random.Generator) -> Estimate:
    """Separation power of the voxel energies of all showers [n, voxels], 50 logarithmic edges from the threshold to the largest of the truth.

    The voxels of a shower are not independent: the bootstrap draws whole showers.
    """
    edges = _logarithmic(threshold, float(reference.max()), 50)
    first, second = (_spectra(voxels.reshape(len(voxels), -1), edges) for voxels in (reference, candidate))
    replicas = power(*(poisson_weights(len(s), REPLICAS, rng) @ s for s in (first, second)))
    return _estimate(replicas[0], replicas[1:], first, second)


def _of_events(reference: Array, candidate: Array, edges: Array, rng: np.random.Generator) -> Estimate:
    """The separation power of one number of each event, and its error: both histograms are redrawn from Poisson distributions."""
    counts = [np.histogram(values, edges)[0] for values in (reference, candidate)]
    replicas = power(*(rng.poisson(c, (REPLICAS, len(c))) for c in counts))
    return _estimate(power(*counts), replicas, *counts)


def _estimate(value: Array, replicas: Array, *counts: Array) -> Estimate:
    """The value with the scatter of its replicas, or what one entry can do if that is more: disjoint spikes do not scatter."""
    fewest = max(min(c.sum() for c in counts), 1)
    return Estimate(float(value), max(float(replicas.std(ddof=1)), 1 / fewest))


def _spectra(voxels: Array, edges: Array) -> Array:
    """The histogram of every shower's voxels [n, voxels], float64 [n, bins]."""
    event, voxel = np.nonzero(voxels)
    values, bins = voxels[event, voxel], len(edges) - 1
    number = np.where(values == edges[-1], bins - 1, np.searchsorted(edges, values, side="right") - 1)
    inside = (number >= 0) & (number < bins)
    held = np.bincount(event[inside] * bins + number[inside], minlength=len(voxels) * bins)
    return held.reshape(len(voxels), bins).astype(np.float64)


def _columns(reference: ShowerFeatures, candidate: ShowerFeatures, challenge: Challenge) -> list[tuple[str, Array, Array, Array]]:
    """Name, truth, candidate and edges of each feature of each layer."""
    rows = []
    for field, kind, layers in _KINDS:
        numbers = reference.numbers if layers == "all" else reference.divided
        first, second = getattr(reference, field), getattr(candidate, field)
        for column, number in enumerate(numbers):
            edges = _edges(kind, first[:, column], number, challenge)
            rows.append((f"{field} {number}", first[:, column], second[:, column], edges))
    return rows


_KINDS = (
    ("layer", "energy", "all"),
    ("centre_x", "centre", "divided"),
    ("centre_y", "centre", "divided"),
    ("width_x", "width", "divided"),
    ("width_y", "width", "divided"),
    ("sparsity", "sparsity", "all"),
    ("radius", "radius", "all"),
    ("radial_width", "radial width", "all"),
)


def _edges(kind: str, truth: Array, number: int, challenge: Challenge) -> Array:
    if kind == "energy":
        return _logarithmic(challenge.threshold, float(truth.max()), 40)
    return SPARSITY if kind == "sparsity" else np.linspace(*challenge.ranges[kind](number), 101)


def _logarithmic(low: float, high: float, edges: int) -> Array:
    """Edges from low to high; to twice low for a layer without energy, whose histograms are empty."""
    return np.logspace(np.log10(low), np.log10(high if high > low else 2 * low), edges)
