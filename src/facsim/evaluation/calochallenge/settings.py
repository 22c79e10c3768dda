"""The four data sets of the Fast Calorimeter Simulation Challenge: layers, thresholds, ranges of histograms, published scores.

Source: C. Krause et al., CaloChallenge 2022: a community challenge for fast calorimeter simulation, 2024, arXiv:2410.21611.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from facsim.core import Detector, Events, FacsimError, PolarLayers, look_up

READOUT = 0.5e-3 / 0.033  # MeV in the active layer over the sampling fraction, data sets 2 and 3
RADIUS = 1e-3  # relative difference of outer radii that is none
SCALE = (0.2, 2.0)  # medians of E_tot / E_inc that make sense

Range = tuple[float, float]


@dataclass(frozen=True)
class Published:
    """Scores of the challenge: of an independent truth sample, and of the best submission."""

    auc_low: float
    auc_high: float
    fpd: float  # not multiplied by 1000


def _alike(layers: int, angles: int, rings: int) -> tuple[Form, ...]:
    return tuple(Form(i, angles, rings, 41.85) for i in range(layers))


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


class Form(NamedTuple):
    """What a layer is known by: its number, its bins in angle and radius, its outer radius in mm."""

    number: int
    angles: int
    rings: int
    radius: float


@dataclass(frozen=True)
class Challenge:
    """One data set: its layers; `threshold` in MeV below which voxels are set to zero; histogram ranges in mm for a layer's number."""

    name: str
    layers: tuple[Form, ...]
    threshold: float
    floor: Published
    best: Published
    ranges: Ranges = field(default_factory=lambda: FINE, compare=False)

    @property
    def voxels(self) -> int:
        """Voxels of an event."""
        return sum(layer.angles * layer.rings for layer in self.layers)

    def fits(self, detector: PolarLayers) -> bool:
        """Whether the detector has the data set's layers."""
        found = forms(detector)
        alike = [f[:3] for f in found] == [f[:3] for f in self.layers]
        return alike and all(math.isclose(f.radius, g.radius, rel_tol=RADIUS) for f, g in zip(found, self.layers, strict=True))


def forms(detector: PolarLayers) -> tuple[Form, ...]:
    """What the detector's layers are known by."""
    return tuple(Form(layer.number, layer.angles, layer.rings, layer.edges[-1]) for layer in detector.stack)


EARLY, LATE = Form(0, 1, 8, 600), Form(3, 1, 5, 600)
PHOTONS = (EARLY, Form(1, 10, 16, 200), Form(2, 10, 19, 400), LATE, Form(12, 1, 5, 2000))
PIONS = (EARLY, Form(1, 10, 10, 200), Form(2, 10, 10, 400), LATE, Form(12, 10, 15, 2000), Form(13, 10, 16, 2000), Form(14, 1, 10, 2000))
CHALLENGES: Mapping[str, Challenge] = {
    c.name: c
    for c in (
        Challenge("1-photons", PHOTONS, 1.0, Published(0.499, 0.500, 0.12e-3), Published(0.626, 0.536, 0.44e-3), ATLAS),
        Challenge("1-pions", PIONS, 1.0, Published(0.609, 0.558, 0.51e-3), Published(0.676, 0.652, 2.8e-3), ATLAS),
        Challenge("2", _alike(45, 16, 9), READOUT, Published(0.500, 0.499, 10.8e-3), Published(0.531, 0.521, 24.6e-3)),
        Challenge("3", _alike(45, 50, 18), READOUT, Published(0.497, 0.500, 8.8e-3), Published(0.561, 0.524, 20.7e-3)),
    )
}


def data_set_of(detector: Detector, named: str | None = None) -> Challenge:
    """The data set whose layers the detector has, or the one that is named.

    Raises:
        FacsimError: if the detector is that of no data set, or has not as many voxels as the named one.
    """
    if named is not None:
        challenge = look_up(CHALLENGES, named, "data set of the CaloChallenge")
        if not isinstance(detector, PolarLayers) or detector.n_cells != challenge.voxels:
            raise _not_of(detector, f"{challenge.voxels} voxels in polar layers", f"of data set {named}")
        return challenge
    fitting = [c for c in CHALLENGES.values() if isinstance(detector, PolarLayers) and c.fits(detector)]
    if not fitting:
        raise _not_of(detector, f"the layers of {', '.join(CHALLENGES)}", "of any data set of the CaloChallenge")
    return fitting[0]


def _not_of(detector: Detector, expected: str, whose: str) -> FacsimError:
    layers = f" of {len(detector.stack)} layers" if isinstance(detector, PolarLayers) else ""
    remedy = "name the data set (--data-set) if its voxels are the same, or use --recipe fast"
    return FacsimError(
        f"the detector is not that {whose}", expected=expected, got=f"{type(detector).__name__}{layers}, {detector.n_cells} cells", remedy=remedy
    )


def require_scale(truth: Events, challenge: Challenge) -> None:
    """Raise unless the deposits of the truth are about as large as the incident energies, as the challenge scales them."""
    ratio = float(np.median(truth.cells.sum(1, dtype=np.float64) / truth.column("energy")))
    if not SCALE[0] <= ratio <= SCALE[1]:
        remedy = "divide the deposits by the sampling fraction (0.033 in data sets 2 and 3), and give deposits and incident energies in MeV"
        raise FacsimError(
            f"the truth is not in the scale of data set {challenge.name}",
            expected="a median E_tot / E_inc of about 1",
            got=f"{ratio:.3g}",
            remedy=remedy,
        )
