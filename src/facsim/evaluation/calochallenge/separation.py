"""Separation powers of the features, in the published binnings."""

from __future__ import annotations

import numpy as np

from facsim.core.events import Array
from facsim.evaluation.calochallenge.features import ShowerFeatures
from facsim.evaluation.calochallenge.settings import Challenge

RATIO = np.linspace(0.5, 1.5, 101)
SPARSITY = np.linspace(0, 1, 21)


def separation_power(reference: Array, candidate: Array, edges: Array) -> float:
    """Half the sum of (h1 - h2)^2 / (h1 + h2) of two histograms, each normalised over the range of the bins: 0 equal, 1 disjoint.

    Source: S. Diefenbacher et al., DCTRGAN, 2020, arXiv:2009.03796 (equation 15).

    Examples:
        >>> separation_power(np.array([0.1, 0.1]), np.array([0.1, 0.9]), np.array([0.0, 0.5, 1.0]))
        0.3333333333333333
    """
    first, second = _histogram(reference, edges), _histogram(candidate, edges)
    total = first + second
    filled = total > 0
    return float(0.5 * (np.square(first - second)[filled] / total[filled]).sum())


def separation_powers(reference: ShowerFeatures, candidate: ShowerFeatures, challenge: Challenge) -> dict[str, float]:
    """The separation power of every high-level feature, by name."""
    found = {"E / incident E": separation_power(reference.total / reference.incident, candidate.total / candidate.incident, RATIO)}
    for name, a, b, edges in _columns(reference, candidate, challenge):
        found[name] = separation_power(a, b, edges)
    return found


def voxel_separation(reference: Array, candidate: Array, threshold: float) -> float:
    """Separation power of the voxel energies of all showers [n, voxels], 50 logarithmic edges from the threshold to the largest of the truth."""
    return separation_power(reference, candidate, _logarithmic(threshold, float(reference.max()), 50))


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


def _histogram(values: Array, edges: Array) -> Array:
    counts = np.histogram(values, edges)[0]
    return np.asarray(counts / max(counts.sum(), 1))
