"""The models of the study `rich-pid` and what each is trained on.

The source prints neither layers nor steps of its Cramer GAN: three hidden layers of 128, a critic's space of 64 dimensions and 5 steps of the critic
are taken, and all adversarial models have the same networks. All models see the same conditions; one network serves all species, which it is told.

Ours of one pass (`mixture`) sees differences of neighbouring hypotheses, which have one peak each and are zero where both make no light; freed of
their mean and covariance at a track's species, momentum and pseudorapidity, since at high momentum those of e, mu, pi and K nearly follow from each
other. The others see logarithms of the differences to the pion: these have two peaks, gaps between them, and are equal below the thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from facsim.core import Events
from facsim.simulators import Rich
from facsim.simulators.rich import SPECIES
from facsim.simulators.rich_optics import MASSES

if TYPE_CHECKING:
    from facsim.studies.workflow import Plan
    from facsim.transforms import Recipe

SCALE = 0.1  # of the log-likelihood differences: logarithmic above, since at high momentum those of muons are that small
BLUR = 0.02  # added to the logarithms for a density: below the thresholds of kaon and proton their differences are equal
MOMENTUM = 1  # column of the condition
NEGLIGIBLE = 0.2  # of the lowest momentum: a threshold below this share of it makes no kink
RESPONSE: Recipe = (("Asinh", {"scale": SCALE}), ("Standardise", {}))
NEIGHBOURS = [[0, 0, 1, 0, 0], [0, 0, -1, 1, 0], [0, 0, 0, -1, 1], [0, 1, 0, 0, 0], [1, -1, 0, 0, 0]]  # K - pi, p - K, no light - p, mu - pi, e - mu
# Few places in eta, at the ends of what the mirrors and the hole about the beam cut off: from 2.58 to 3.12 tracks with and without light in CF4 are
# mixed, in shares that change fast, and their common spread with them, while each kind alone changes slowly.
PLACES = [
    {"column": MOMENTUM, "low": 3e3, "high": 1e5, "bins": 24, "log": True},
    {"column": MOMENTUM + 1, "at": [2.0, 2.05, 2.1, 2.58, 3.12, 3.7, 4.3]},
]
PEAKS: Recipe = (("Linear", {"rows": NEIGHBOURS}), ("WhitenAlong", {"axes": PLACES, "choice": 0, "choices": SPECIES}))
NETWORK: dict[str, Any] = {"latent": 16, "hidden": (128, 128, 128), "last": "identity"}
SLIM: dict[str, Any] = {"latent": 8, "hidden": (64, 64, 64), "activation": "silu", "last": "identity"}
MIXTURE: dict[str, Any] = {"hidden": (96, 64), "groups": (2, 3), "components": (10, 4), "narrowest": 0.1, "likelihood": "still"}
LIMIT = {"faintest": 1e-8}  # of a density with negative weights, which else has no largest likelihood
FLOW: dict[str, Any] = {"transforms": 1, "passes": 5, "hidden": (64, 64), "likelihood": "normal"}
GAME = {"learning_rate": 2e-4, "betas": (0.5, 0.9), "ema": 0.99}


@dataclass(frozen=True)
class Entry:
    """A model of the study: what it stands for, its family with settings, and its training; `epochs` of a full and of a quick run.

    `pure` names the model that is trained alike on signal alone, where this one is trained on contaminated data with sWeights. `blurred`: whether its
    training data are, as a density of logarithms needs. `tracks` are those of a full training.
    """

    what: str
    family: str
    settings: Mapping[str, Any]
    training: Mapping[str, Any]
    batch_size: int
    epochs: tuple[int, int]
    pure: str = ""
    blurred: bool = False
    response: Recipe = RESPONSE
    tracks: int = 400_000


ADVERSARIAL: dict[str, Any] = {"training": GAME, "batch_size": 256, "epochs": (6, 4)}
ENERGY: dict[str, Any] = {"training": {"learning_rate": 5e-3, "schedule": "onecycle", "clip": 5.0}, "batch_size": 1024, "epochs": (40, 20)}
DENSITY: dict[str, Any] = {
    "training": {"learning_rate": 5e-3, "schedule": "cosine", "clip": 5.0},
    "batch_size": 1024,
    "epochs": (10, 8),
    "blurred": True,
}
PASS: dict[str, Any] = {
    "training": {"learning_rate": 8e-3, "schedule": "onecycle", "clip": 5.0},
    "batch_size": 512,
    "response": PEAKS,
}

ENTRIES: dict[str, Entry] = {
    "cramer": Entry("the source's: a critic's space in which the energy distance is largest", "cramer", NETWORK, **ADVERSARIAL),
    "wgan-clip": Entry("Wasserstein critic with clipped weights", "wgan-clip", NETWORK, **ADVERSARIAL),
    "wgan-gp": Entry("Wasserstein critic, slope penalised on both sides of 1", "wgan-gp", NETWORK, **ADVERSARIAL),
    "wgan-gp-one-sided": Entry("the same, slope penalised above 1 only", "wgan-gp", {**NETWORK, "regulariser": "one-sided"}, **ADVERSARIAL),
    "mixture": Entry(
        "ours, fast: a mixture of densities of neighbouring hypotheses' differences, in one pass",
        "mixture",
        MIXTURE,
        **PASS,
        epochs=(5, 8),
        tracks=4_800_000,
    ),
    "mixture-splot": Entry(
        "the same from contaminated data", "mixture", {**MIXTURE, **LIMIT}, **PASS, epochs=(3, 8), tracks=6_000_000, pure="mixture"
    ),
    "energy-distance": Entry("plain energy regression of slim layers on logarithms", "energy-distance", SLIM, **ENERGY),
    "energy-distance-splot": Entry("the same from contaminated data", "energy-distance", SLIM, **ENERGY, pure="energy-distance"),
    "flow": Entry("ours, with a density: autoregressive splines on logarithms", "flow", FLOW, **DENSITY),
    "flow-splot": Entry("the same from contaminated data", "flow", {**FLOW, **LIMIT}, **DENSITY, pure="flow"),
}


def plan_for(name: str, *, full: bool, seed: int) -> Plan:
    """The plan of one model's training."""
    from facsim.studies.workflow import Plan
    from facsim.training import Settings

    entry = ENTRIES[name]
    training = Settings(epochs=entry.epochs[0 if full else 1], seed=seed, device="cpu", **entry.training)
    return Plan(model=entry.family, settings=entry.settings, response=entry.response, batch_size=entry.batch_size, training=training)


def encoding_for(truth: Rich) -> Recipe:
    """Conditions as the networks see them: beside the usual encoding what bends sharply.

    The light above each Cherenkov threshold that is not far below all momenta, the share of tracks that the magnet leaves within each radiator, and
    that of a full ring which falls on its mirrors.
    """
    from facsim.transforms import encoding

    thresholds = [mass / math.sqrt(r.index**2 - 1) for r in truth.radiators for mass in MASSES.values()]
    kinks = [t for t in thresholds if t > NEGLIGIBLE * truth.momenta.low]
    eta = MOMENTUM + 1
    cones = [("InCone", {"momentum": MOMENTUM, "eta": eta, "kick": r.bend, "outer": r.outer}) for r in truth.radiators if r.bend]
    rings = [("RingCaught", {"eta": eta, "ring": r.saturated, "outer": r.outer}) for r in truth.radiators]
    shares = {"cells": len(kinks) + len(cones) + len(rings), "by": 0.5}  # all at once, which is faster
    known: list[tuple[str, dict[str, Any]]] = [("Thresholds", {"column": MOMENTUM, "at": kinks}), *cones, *rings]
    return [*known, ("Encode", {"columns": [*encoding(truth.variables), shares]})]


def blurred(events: Events, rng: np.random.Generator) -> Events:
    """The events, with noise of the size BLUR on the logarithms of the response, so that it has a density.

    Source: Theis et al., A note on the evaluation of generative models (2016), arXiv:1511.01844, section 3.1 (dequantisation).
    """
    logs = np.arcsinh(events.response.astype(np.float64) / SCALE) + rng.normal(0, BLUR, events.response.shape)
    return replace(events, response=SCALE * np.sinh(logs))
