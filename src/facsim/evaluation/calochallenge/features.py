"""High-level features of showers in polar layers, in the published order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from facsim.core import Events, FacsimError, PolarLayers
from facsim.core.events import Array

CHUNK = 128  # events converted to double precision at once: what fits in a cache
LENGTH = 100.0  # mm: unit of lengths among the features
TINY_ENERGY, TINY_SUM = 1e-8, 1e-16  # MeV: inside logarithms, in denominators


@dataclass(frozen=True, eq=False)
class ShowerFeatures:
    """Numbers of every shower, float64: energies in MeV, lengths in mm.

    incident, total [n]; layer, sparsity, radius, radial_width [n, layers]; centre_x, centre_y, width_x, width_y [n, layers divided in angle].
    `numbers` and `divided` are the detector's numbers of all layers, and of those divided in angle. x is the challenge's eta, y its phi.
    """

    incident: Array
    total: Array
    layer: Array
    sparsity: Array
    centre_x: Array
    centre_y: Array
    width_x: Array
    width_y: Array
    radius: Array
    radial_width: Array
    numbers: tuple[int, ...]
    divided: tuple[int, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of `matrix`."""
        numbered = [("log E", self.numbers), *((n, self.divided) for n in ("x", "y", "width x", "width y"))]
        first = [f"{name} in layer {i}" for name, layers in numbered for i in layers]
        last = [f"{name} in layer {i}" for name in ("sparsity", "r", "width r") for i in self.numbers]
        return ("log incident E", *first, "log total E", *last)

    @cached_property
    def matrix(self) -> Array:
        """All features in the published order, float64 [n, features]: logarithms to base 10, lengths in 100 mm."""
        energies = [np.log10(self.incident)[:, None], np.log10(self.layer + TINY_ENERGY)]
        transverse = [a / LENGTH for a in (self.centre_x, self.centre_y, self.width_x, self.width_y)]
        rest = [np.log10(self.total + TINY_ENERGY)[:, None], self.sparsity, self.radius / LENGTH, self.radial_width / LENGTH]
        return np.concatenate([*energies, *transverse, *rest], axis=1)


def shower_features(events: Events, threshold: float) -> ShowerFeatures:
    """The features of events in PolarLayers, voxels below `threshold` (MeV) taken as zero.

    Voxel coordinates are r cos(alpha), r sin(alpha) at the middles of the bins; means divide by (sum E + 1e-16), widths are
    sqrt(max(<x^2> - <x>^2, 0)). Every layer is one matrix product; double precision throughout.

    Source: C. Krause et al., CaloChallenge 2022, arXiv:2410.21611 (section 4), and the challenge's public feature definitions.

    Raises:
        FacsimError: if the detector is not PolarLayers, there is no event, or the energies are not positive.
    """
    detector = events.detector
    if not isinstance(detector, PolarLayers):
        raise FacsimError("these features need a detector of polar layers", expected="PolarLayers", got=type(detector).__name__)
    if not len(events):
        raise FacsimError("there are no events", expected="one or more", got=0)
    incident = incident_energy(events)
    sums, filled = (np.concatenate(parts) for parts in zip(*_sums(events.cells, detector, threshold), strict=True))
    energy, x, y, r, xx, yy, rr = np.moveaxis(sums, 2, 0)
    divided = np.array([layer.angles > 1 for layer in detector.stack])
    numbers = np.array([layer.number for layer in detector.stack])
    mean_x, width_x, mean_y, width_y, mean_r, width_r = (m for a, aa in ((x, xx), (y, yy), (r, rr)) for m in _mean_and_width(energy, a, aa))
    return ShowerFeatures(
        incident=incident,
        total=energy.sum(1),
        layer=energy,
        sparsity=1 - filled,
        centre_x=mean_x[:, divided],
        centre_y=mean_y[:, divided],
        width_x=width_x[:, divided],
        width_y=width_y[:, divided],
        radius=mean_r,
        radial_width=width_r,
        numbers=tuple(numbers.tolist()),
        divided=tuple(numbers[divided].tolist()),
    )


def incident_energy(events: Events) -> Array:
    """The incident energies in MeV, float64 [n], all of them positive."""
    energy = events.column("energy").astype(np.float64)
    if len(energy) and energy.min() <= 0:
        raise FacsimError("incident energies must be positive", expected="MeV > 0", got=float(energy.min()))
    return energy


def above_threshold(cells: Array, threshold: float) -> Array:
    """Cells with all below the threshold set to zero, in the same precision."""
    return np.where(cells < threshold, cells.dtype.type(0), cells)


def _sums(cells: Array, detector: PolarLayers, threshold: float) -> Iterator[tuple[Array, Array]]:
    """For blocks of events: energy-weighted sums of 1, x, y, r, x^2, y^2, r^2, [.., layers, 7], and the fraction of voxels > 0, [.., layers]."""
    weights = _weights(detector)
    bounds = [*detector.layer_starts.tolist(), detector.n_cells]
    slices = [slice(a, b) for a, b in pairwise(bounds)]
    for start in range(0, len(cells), CHUNK):
        block = above_threshold(cells[start : start + CHUNK], threshold).astype(np.float64)
        sums = np.stack([block[:, s] @ weights[s] for s in slices], axis=1)
        yield sums, np.stack([np.count_nonzero(block[:, s] > 0, axis=1) / (s.stop - s.start) for s in slices], axis=1)


def _weights(detector: PolarLayers) -> Array:
    """1, x, y, r and their squares for every voxel, [voxels, 7]."""
    x, y = detector.centres[:, 0], detector.centres[:, 1]
    r = np.hypot(x, y)
    return np.stack([np.ones_like(x), x, y, r, x * x, y * y, r * r], axis=1)


def _mean_and_width(energy: Array, first: Array, second: Array) -> tuple[Array, Array]:
    mean = first / (energy + TINY_SUM)
    return mean, np.sqrt(np.clip(second / (energy + TINY_SUM) - mean**2, 0, None))
