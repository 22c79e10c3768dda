"""Parameterised track smearing: an electron gun, and measured transverse momenta from a card of regions in |eta|.

Source: Albergo, study of generative models for detector simulation (2018), chapter 3; de Favereau et al., DELPHES 3, arXiv:1307.6346.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import Events, FacsimError, Variable, Vector, look_up
from facsim.core.variables import checked_condition
from facsim.simulators.prior import EnergyRange

Array = NDArray[Any]

ELECTRON_MASS = 0.51099895  # MeV
TRACK_UNIT = 1.0  # MeV: the unit of the constant track term a. The study says MeV/c; the Delphes card it takes it from has 0.03 (+) 0.0013 pT/GeV,
# a relative width, so that the printed numbers may be one or the other misread. They are kept as printed.


@dataclass(frozen=True)
class Region:
    """Below `eta` in |eta| (and above the region before), the width of pT is sqrt(a^2 + (b pT)^2); `a` in MeV."""

    eta: float
    a: float
    b: float


@dataclass(frozen=True)
class SmearingCard:
    """Track regions by rising |eta|, and the calorimeter's sigma_E / E = stochastic / sqrt(E / GeV) (+) constant below `ecal_eta`.

    Without a calorimeter, `ecal_eta` is 0. Regions may be given as dictionaries, as a card in a file has them.

    Examples:
        >>> SmearingCard(regions=({"eta": 2.5, "a": 0.1, "b": 0.02},)).regions[0].b
        0.02
    """

    regions: tuple[Region, ...] = (Region(0.5, 0.03, 1.3e-2), Region(1.7, 0.05, 1.7e-2), Region(2.5, 0.15, 3.1e-2))
    ecal_stochastic: float = 0.101
    ecal_constant: float = 0.0017
    ecal_eta: float = 3.2

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(r if isinstance(r, Region) else Region(**r) for r in self.regions))
        limits = [0.0, *(r.eta for r in self.regions)]
        if len(limits) < 2 or min(np.diff(limits)) <= 0:
            raise FacsimError("the card's regions are not in order", expected="rising limits in |eta| > 0", got=limits[1:])

    @property
    def eta_max(self) -> float:
        """The acceptance of the tracker."""
        return self.regions[-1].eta

    def track_width(self, eta: Array, pt: Array) -> Array:
        """Width of pT from the track alone, MeV; eta and pt [n]."""
        region = np.searchsorted([r.eta for r in self.regions[:-1]], np.abs(eta), side="right")
        a, b = (np.array([getattr(r, name) for r in self.regions])[region] for name in ("a", "b"))
        return np.asarray(np.hypot(TRACK_UNIT * a, b * pt))

    def ecal_width(self, eta: Array, pt: Array) -> Array:
        """Width of pT from the calorimeter alone, MeV; infinite outside of it."""
        gev = np.hypot(pt * np.cosh(eta), ELECTRON_MASS) / 1000
        relative = np.hypot(self.ecal_stochastic / np.sqrt(gev), self.ecal_constant)
        return np.where(np.abs(eta) < self.ecal_eta, relative * pt, np.inf)

    def width(self, eta: Array, pt: Array) -> Array:
        """Width of pT from both, weighted by inverse variance as Delphes weights track and tower of one electron, MeV."""
        return np.asarray(1 / np.hypot(1 / self.track_width(eta, pt), 1 / self.ecal_width(eta, pt)))


def _measured(pt: Array, measured: Array) -> Array:
    return measured


def _difference(pt: Array, measured: Array) -> Array:
    return pt - measured


def _normalised(pt: Array, measured: Array) -> Array:
    return (pt - measured) / np.sqrt(pt)


TARGETS: dict[str, tuple[Vector, Callable[[Array, Array], Array]]] = {
    "pt": (Vector(("pt_measured",), ("MeV",)), _measured),
    "difference": (Vector(("pt_true_minus_measured",), ("MeV",)), _difference),
    "normalised": (Vector(("pt_true_minus_measured_over_sqrt_pt",)), _normalised),  # in sqrt(MeV)
}

TEN_MEV_TO_100_GEV = EnergyRange(10.0, 1e5)


@dataclass(frozen=True)
class TrackSmearing:
    """Measured pT of electrons; the condition is (eta, phi, pT in MeV).

    `target` is the response: "pt" as measured, "difference" true - measured, or "normalised", that over sqrt(pT / MeV).
    The gun shoots cos(theta) and phi uniform and log10(E) uniform between two energies in MeV, inside the tracker's acceptance.

    At the printed card the track rules at low energy; near 40 GeV the calorimeter is as precise and above it better.
    """

    card: SmearingCard = SmearingCard()
    target: str = "pt"
    energies: EnergyRange = TEN_MEV_TO_100_GEV

    def __post_init__(self) -> None:
        look_up(TARGETS, self.target, "target")
        if self.energies.low <= ELECTRON_MASS:
            raise FacsimError("electrons need more than their mass", expected=f"an energy above {ELECTRON_MASS:.3f} MeV", got=self.energies.low)

    @property
    def detector(self) -> Vector:
        """One number, the target."""
        return TARGETS[self.target][0]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Pseudorapidity, azimuth and true transverse momentum."""
        edge = self.card.eta_max
        return (Variable("eta", "1", -edge, edge), Variable("phi", "rad", -np.pi, np.pi), Variable("pt", "MeV", *self._pt_range))

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Electrons (eta, phi, pT), float32 [n, 3]; cos(theta) is drawn inside the acceptance at once, which is the same as cutting."""
        cos_theta = rng.uniform(-1, 1, n) * np.tanh(self.card.eta_max)
        energy = self.energies.draw(n, rng)[:, 0].astype(np.float64)
        momentum = np.sqrt(energy**2 - ELECTRON_MASS**2)
        phi = rng.uniform(-np.pi, np.pi, n)
        return np.stack([np.arctanh(cos_theta), phi, momentum * np.sqrt(1 - cos_theta**2)], axis=1).astype(np.float32)

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for (eta, phi, pT) [n, 3]."""
        condition = checked_condition(condition, self.variables)
        eta, _, pt = condition.T.astype(np.float64)
        response = TARGETS[self.target][1](pt, rng.normal(pt, self.card.width(eta, pt)))
        return Events(condition, response[:, None], self.detector, self.variables)

    @property
    def _pt_range(self) -> tuple[float, float]:
        low = np.sqrt(self.energies.low**2 - ELECTRON_MASS**2)
        return float(low / np.cosh(self.card.eta_max)), self.energies.high


def track_smearing(energy_low: float = 10.0, energy_high: float = 1e5, target: str = "pt") -> TrackSmearing:
    """The electron gun on the printed card, energies in MeV."""
    return TrackSmearing(target=target, energies=EnergyRange(energy_low, energy_high))
