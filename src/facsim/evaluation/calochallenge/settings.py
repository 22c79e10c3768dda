"""The four data sets of the Fast Calorimeter Simulation Challenge: thresholds, ranges of histograms, published scores.

Source: C. Krause et al., CaloChallenge 2022: a community challenge for fast calorimeter simulation, 2024, arXiv:2410.21611.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

READOUT = 0.5e-3 / 0.033  # MeV in the active layer over the sampling fraction, data sets 2 and 3

Range = tuple[float, float]


@dataclass(frozen=True)
class Published:
    """Scores of the challenge: of an independent truth sample, and of the best submission."""

    auc_low: float
    auc_high: float
    fpd: float  # not multiplied by 1000


def _small(range_: Range) -> Callable[[int], Range]:
    return lambda layer: range_


def _wide(usual: Range, wide: Range, layers: tuple[int, ...]) -> Callable[[int], Range]:
    return lambda layer: wide if layer in layers else usual


Ranges = Mapping[str, Callable[[int], Range]]
FINE: Ranges = {"centre": _small((-30, 30)), "width": _small((0, 30)), "radius": _small((0, 42)), "radial width": _small((0, 20))}
ATLAS: Ranges = {
    "centre": _wide((-100, 100), (-500, 500), (12, 13)),
    "width": _wide((0, 100), (0, 400), (12, 13)),
    "radius": _wide((0, 500), (0, 1500), (12, 13, 14)),
    "radial width": _wide((0, 500), (0, 1500), (12, 13, 14)),
}


@dataclass(frozen=True)
class Challenge:
    """One data set: `threshold` in MeV below which voxels are set to zero; histogram ranges in mm for a layer's number; voxels of an event."""

    name: str
    voxels: int
    threshold: float
    floor: Published
    best: Published
    ranges: Ranges = field(default_factory=lambda: FINE, compare=False)


CHALLENGES: Mapping[str, Challenge] = {
    c.name: c
    for c in (
        Challenge("1-photons", 368, 1.0, Published(0.499, 0.500, 0.12e-3), Published(0.626, 0.536, 0.44e-3), ATLAS),
        Challenge("1-pions", 533, 1.0, Published(0.609, 0.558, 0.51e-3), Published(0.676, 0.652, 2.8e-3), ATLAS),
        Challenge("2", 6480, READOUT, Published(0.500, 0.499, 10.8e-3), Published(0.531, 0.521, 24.6e-3)),
        Challenge("3", 40500, READOUT, Published(0.497, 0.500, 8.8e-3), Published(0.561, 0.524, 20.7e-3)),
    )
}
