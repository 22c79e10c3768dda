"""What a water-Cherenkov station sees of an air shower: muons and electromagnetic particles, when they arrive, noise, trigger.

Source: Erdmann, Glombitza and Walz, A deep learning-based reconstruction of cosmic ray-induced air showers, Astropart. Phys. 97 (2018) 46,
arXiv:1708.00647. Lengths in mm, times in ns, depths in g/cm2; "particles" are signals in units of one particle.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from facsim.simulators.atmosphere import METRE

Array = NDArray[Any]

PARTICLES_AT_10_EEV = 900.0
CLOSEST = 150 * METRE  # the lateral distribution is flat nearer to the axis than this
MUON_SLOPE, ELECTROMAGNETIC_SLOPE = -4.7, -6.1  # powers of the distance in km
MUON_ATTENUATION, ELECTROMAGNETIC_ATTENUATION = -0.1, -0.4  # powers of the depth behind the maximum over 100 g/cm2
LARGEST_GAIN = 10.0  # of a shower near its maximum, where those powers diverge
MASS_POWER = 0.15  # of the number of muons
SPREAD = 0.7  # of the logarithm of arrival times
RELATIVE_NOISE = 0.05  # of a bin's signal
NOISE, NOISE_SPREAD = 1.2, 0.5  # particles in a bin, and their relative spread
TRIGGER = 1.2  # of the mean noise of a trace: 115.2 particles in 80 bins. Where the noise is scaled, so is the threshold: stations are
# set to a rate of accidental triggers. (The source gives the product alone.)


class Particles(NamedTuple):
    """Muons and electromagnetic particles of each station, any equal shapes."""

    muons: Array
    electromagnetic: Array


def expected_particles(
    distance: Array, behind: Array, lg_energy: Array, mass: Array, *, muon_fraction: float = 0.3, saturation: float = 1e7
) -> Particles:
    """Mean numbers of particles at a distance from the axis, `behind` g/cm2 behind the maximum, for lg(E/eV) and mass number; all broadcast.

    `muon_fraction` is that of protons. Where both kinds together exceed the saturation they are scaled down to it.

    Examples:
        >>> [round(float(x)) for x in expected_particles(np.array(5e5), np.array(400.0), np.array(19.0), np.array(1.0))]
        [6109, 24820]
    """
    muons, others = muon_fraction * mass**MASS_POWER, 1 - muon_fraction
    total, reach = PARTICLES_AT_10_EEV * 10.0 ** (lg_energy - 19), np.maximum(distance, CLOSEST) / 1e6
    mu = total * muons / (muons + others) * reach**MUON_SLOPE * _attenuation(behind, MUON_ATTENUATION)
    em = total * others / (muons + others) * reach**ELECTROMAGNETIC_SLOPE * _attenuation(behind, ELECTROMAGNETIC_ATTENUATION)
    scale = saturation / np.maximum(mu + em, saturation)
    return Particles(mu * scale, em * scale)


def _attenuation(behind: Array, power: float) -> Array:
    return np.minimum((behind / 100) ** power, LARGEST_GAIN)


def draw_counts(mean: Array, fluctuations: float, rng: np.random.Generator) -> Array:
    """Whole numbers of particles max(int(S + sqrt(S) z), 0), the fluctuation scaled; int64, shape of `mean`."""
    return np.maximum(mean + fluctuations * np.sqrt(mean) * rng.standard_normal(mean.shape), 0).astype(np.int64)


def median_times(distance: Array, behind: Array) -> Particles:
    """Medians of the log-normal arrival times of both kinds in ns after the shower front; the electromagnetic ones are shifted besides."""
    far = (distance / (750 * METRE)) ** 1.4
    return Particles(50 + 140 * far * (1 - 0.2 * behind / 1000), 80 + 200 * far * (1 - 0.1 * behind / 1000))


def shares_in_bins(distance: Array, behind: Array, edges: Array) -> Particles:
    """The share of the particles that arrive in each bin between the edges in ns, and later than all (the last): [..., bins + 1] each."""
    muon, other = median_times(distance, behind)
    return Particles(_shares(muon, np.zeros_like(muon), edges), _shares(other, (other - muon) / 1.5, edges))


def _shares(median: Array, shift: Array, edges: Array) -> Array:
    with np.errstate(divide="ignore"):
        passed = np.log(np.maximum(edges - shift[..., None], 0) / median[..., None])
    return np.diff(ndtr(passed / SPREAD), append=1.0, axis=-1)


def draw_trace(counts: Particles, shares: Particles, rng: np.random.Generator) -> Array:
    """Particles in each bin of the trace, float32 [k, bins], for counts [k] and shares [k, bins + 1]; what comes later is lost."""
    return np.asarray(sum(rng.multinomial(n, p)[:, :-1] for n, p in zip(counts, shares)), dtype=np.float32)


def add_gain_noise(trace: Array, fluctuations: float, rng: np.random.Generator) -> Array:
    """The trace with each bin's signal off by 5 %, times `fluctuations`."""
    return np.asarray(trace * (1 + np.float32(RELATIVE_NOISE * fluctuations) * rng.standard_normal(trace.shape, dtype=np.float32)))


def draw_noise(shape: tuple[int, ...], noise: float, rng: np.random.Generator) -> Array:
    """Noise of bins in particles, mean 1.2 and spread 0.6, both times `noise`; float32."""
    z = rng.standard_normal(shape, dtype=np.float32)
    z *= np.float32(noise * NOISE * NOISE_SPREAD)
    z += np.float32(noise * NOISE)
    return z


def threshold(bins: int, noise: float) -> float:
    """The signal in particles from which a station triggers.

    Examples:
        >>> threshold(80, 1.0)
        115.2
    """
    return round(TRIGGER * NOISE * noise * bins, 6)


def time_uncertainty(signal: Array) -> Array:
    """Standard deviation of arrival times in ns of stations with so many particles."""
    return 60.0 * 8 / (1 + np.log10(signal + 1.0))
