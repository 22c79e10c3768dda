"""The formulas of a hadronic shower: its electromagnetic share, its depth profile, and the track before it.

Source: Bock, Hansl-Kozanecka and Shah, Parametrization of the longitudinal development of hadronic showers in sampling calorimeters,
Nucl. Instrum. Meth. 186 (1981) 533. Their constant electromagnetic share, 0.46, is replaced by one that grows with energy
(Gabriel, Groom, Job, Mokhov and Stevenson, Nucl. Instrum. Meth. A 338 (1994) 336); it passes 0.46 near 55 GeV.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.simulators.medium import Medium

Array = NDArray[Any]

SHARE_SCALE, SHARE_POWER = 700.0, -0.14  # MeV; of the electromagnetic share


def em_share(energy: Array) -> Array:
    """Mean electromagnetic share, 1 - (E / 0.7 GeV)^-0.14, of hadrons of that energy in MeV; 0 below 0.7 GeV.

    Examples:
        >>> em_share(np.array([700.0, 1e4])).round(3)
        array([0.   , 0.311])
    """
    return 1 - np.maximum(np.asarray(energy) / SHARE_SCALE, 1.0) ** SHARE_POWER


def draw_em_share(energy: Array, concentration: float, rng: np.random.Generator) -> Array:
    """Electromagnetic shares of single showers [n]: a Beta density of the right mean, narrower at high energy.

    The sum of its parameters is `concentration` ln(E / 0.7 GeV).
    """
    mean = np.clip(em_share(energy), 1e-6, 1 - 1e-6)
    total = concentration * np.maximum(np.log(energy / SHARE_SCALE), 0.1)
    return rng.beta(mean * total, (1 - mean) * total)


def hadronic_profile(energy: Array) -> tuple[Array, Array]:
    """alpha = 0.62 + 0.32 ln E and beta = 0.91 - 0.02 ln E (E in GeV) of the Gamma density in interaction lengths after the first interaction."""
    ln_e = np.log(np.asarray(energy) / 1000)
    return np.maximum(0.62 + 0.32 * ln_e, 0.1), np.maximum(0.91 - 0.02 * ln_e, 0.1)


def track_loss(edges: Array, stop: Array, energy: Array, medium: Medium) -> Array:
    """Loss of minimum-ionising particles in slabs [n, m], between path lengths `edges` in mm [n, m + 1], up to `stop` [n] or to rest."""
    lost = medium.mip_loss * np.minimum(edges, stop[:, None])
    return np.diff(np.minimum(lost, energy[:, None]), axis=1)
