"""Particle identification with two ring-imaging Cherenkov detectors: from photons to log-likelihood differences.

Every photon is drawn: a ring's own, and those of other tracks under it. The likelihood of a hypothesis is the extended one of all photons
about the track, ring and haze together; it knows the mean number of other photons, not how it fluctuates, nor that some tracks make no light.
Sources: Forty and Schneider, RICH pattern recognition, LHCb/98-040 (1998); LHCb RICH group (2012), arXiv:1211.6759.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import Events, FacsimError, Variable, Vector
from facsim.core.variables import checked_condition
from facsim.simulators.prior import EnergyRange
from facsim.simulators.rich_optics import C4F10, CF4, MASSES, Radiator, polar_angle

Array = NDArray[Any]

SPECIES = tuple(MASSES)
PION = SPECIES.index(211)
RESPONSE = Vector(("dllE", "dllMu", "dllK", "dllP", "dllBT"))
COMPARED = tuple(h for h in range(len(SPECIES)) if h != PION)  # with the pion, in the order of the response; last comes no light at all
REACH = 4.5  # resolutions from a ring, beyond which a photon tells nothing
HAZE_SHAPE = 10.0  # of the gamma distribution by which the light of other tracks fluctuates from event to event: 32 %
BLOCK = 500  # tracks whose photons are in memory, and in the cache, together
THREE_TO_100_GEV = EnergyRange(3e3, 1e5)


@dataclass(frozen=True)
class Rich:
    """Log-likelihood differences of five kinds of tracks to the pion; conditions are PDG code, momentum in MeV, pseudorapidity, tracks in the event.

    The response: electron, muon, kaon, proton, and "below threshold" (no light) against the pion. By default the two gases of LHCb, without the
    aerogel that was taken out for the second run.

    Examples:
        >>> kaons = Rich().simulate(np.tile([321.0, 2e4, 3.5, 100.0], (500, 1)), np.random.default_rng(0))
        >>> bool((kaons.response[:, 2] > 0).mean() > 0.9)
        True
    """

    radiators: tuple[Radiator, ...] = (C4F10, CF4)
    momenta: EnergyRange = THREE_TO_100_GEV
    eta: tuple[float, float] = (2.0, 4.3)
    n_tracks: tuple[int, int] = (20, 400)

    def __post_init__(self) -> None:
        if not self.radiators:
            raise FacsimError("there is no radiator", expected="one or more", got=0)
        for name in ("eta", "n_tracks"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise FacsimError(f"the range of {name} is empty", expected="0 < low <= high", got=(low, high))

    @property
    def detector(self) -> Vector:
        """Five log-likelihood differences."""
        return RESPONSE

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Species, momentum, pseudorapidity, number of tracks."""
        return (
            Variable("pdg", low=min(SPECIES), high=max(SPECIES), choices=SPECIES),
            Variable("p", "MeV", self.momenta.low, self.momenta.high),
            Variable("eta", "1", *self.eta),
            Variable("n_tracks", "1", *self.n_tracks),
        )

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """All species alike, log(p), eta and the number of tracks even in their ranges: float32 [n, 4]."""
        pdg, p = rng.choice(SPECIES, n), self.momenta.draw(n, rng)[:, 0]
        tracks = rng.integers(self.n_tracks[0], self.n_tracks[1], n, endpoint=True)
        return np.stack([pdg, p, rng.uniform(*self.eta, n), tracks], axis=1).astype(np.float32)

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for (PDG code, momentum, pseudorapidity, tracks) [n, 4]."""
        condition = checked_condition(condition, self.variables)
        response = np.empty((len(condition), len(RESPONSE.names)), dtype=np.float32)
        for start in range(0, len(condition), BLOCK):
            response[start : start + BLOCK] = self._differences(condition[start : start + BLOCK].astype(np.float64), rng)
        return Events(condition, response, self.detector, self.variables)

    def _differences(self, condition: Array, rng: np.random.Generator) -> Array:
        """Log-likelihood differences of a block of tracks, [n, 5]."""
        pdg, p, eta, n_tracks = condition.T
        species, polar = np.searchsorted(SPECIES, pdg), polar_angle(eta)
        logs = sum((log_likelihoods(radiator, species, p, polar, n_tracks, rng) for radiator in self.radiators), np.zeros((len(p), len(SPECIES))))
        return np.column_stack([logs[:, COMPARED] - logs[:, [PION]], -logs[:, PION]])


def log_likelihoods(radiator: Radiator, species: Array, p: Array, polar: Array, n_tracks: Array, rng: np.random.Generator) -> Array:
    """Log-likelihood of every hypothesis less that of no light, from the photons that one radiator gives: [n, species].

    `species` numbers the hypotheses, p in MeV, polar angles in rad, all [n]. A track that does not come here tells nothing.
    """
    rings = np.stack([radiator.angle(p, mass) for mass in MASSES.values()], axis=1)
    yields = np.where(rng.random(len(p)) < radiator.reach(p, polar), 1.0, 0.0)[:, None] * radiator.yields(rings, polar[:, None])
    haze = radiator.haze(n_tracks, polar)
    track, angle = _photons(radiator, rings, yields, species, haze, rng)
    background = np.float32(2 * np.pi) * angle * haze.astype(np.float32)[track]  # density of photons in the angle
    hypotheses = zip(rings.T.astype(np.float32), yields.T.astype(np.float32), strict=True)
    return np.stack([_log_likelihood(radiator, track, angle, background, ring, expected) for ring, expected in hypotheses], axis=1)


def _photons(
    radiator: Radiator, rings: Array, yields: Array, species: Array, haze: Array, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Array]:
    """The track of each photon and its angle to it, rad: those of the ring, and of others where some hypothesis has a ring."""
    tracks, rows = np.arange(len(species)), np.arange(len(species))
    own, shine = yields[rows, species], rng.random(len(species)) >= radiator.lost
    owner = np.repeat(tracks, rng.poisson(own * shine))
    angle = rng.normal(rings[owner, species[owner]], radiator.resolution)
    low, high = _told_apart(radiator, rings, yields)
    mean = haze * rng.gamma(HAZE_SHAPE, 1 / HAZE_SHAPE, len(tracks)) * np.pi * (high**2 - low**2)
    others = np.repeat(tracks, rng.poisson(mean))
    strays = np.sqrt(rng.uniform(low[others] ** 2, high[others] ** 2))
    return np.concatenate([owner, others]), np.abs(np.concatenate([angle, strays])).astype(np.float32)


def _told_apart(radiator: Radiator, rings: Array, yields: Array) -> tuple[Array, Array]:
    """The angles between which photons tell hypotheses apart, rad: from the smallest ring to the largest and a little more."""
    margin = REACH * radiator.resolution
    smallest = np.where(yields > 0, rings, np.inf).min(1)
    largest = np.where(yields > 0, rings, -np.inf).max(1)
    seen = np.isfinite(smallest)
    return np.where(seen, np.maximum(smallest - margin, 0), 0.0), np.where(seen, largest + margin, 0.0)


def _log_likelihood(radiator: Radiator, track: Array, angle: Array, background: Array, ring: Array, expected: Array) -> Array:
    """log L(ring and haze) - log L(haze) = -N + sum over photons of log(1 + N g(angle) / b(angle)) for each track, [n]."""
    from_ring = angle - np.where(expected > 0, ring, -np.inf).astype(np.float32)[track]
    near = np.flatnonzero(np.abs(from_ring) < REACH * radiator.resolution)
    owner, pull = track[near], from_ring[near] / np.float32(radiator.resolution)
    peak = expected / np.float32(np.sqrt(2 * np.pi) * radiator.resolution)
    gain = peak[owner] * np.exp(-0.5 * pull**2) / background[near]
    return np.asarray(np.bincount(owner, np.log(1 + gain), len(ring)) - expected)  # not log1p: many small terms, and far faster


def rich(momentum_low: float = 3e3, momentum_high: float = 1e5, tracks_low: int = 20, tracks_high: int = 400) -> Rich:
    """C4F10 and CF4, momenta in MeV."""
    return Rich(momenta=EnergyRange(momentum_low, momentum_high), n_tracks=(tracks_low, tracks_high))
