"""Distances between two samples of one number, and the table of all.

Each is a function of a `Pair` and keeps its leading axes, so that one call serves the value and all its bootstrap replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facsim.core import FacsimError, look_up
from facsim.evaluation.pair import Array, Pair, even_bins, every_point, pair, quantile_bins, tail_bins

SMOOTHING = 1e-6  # probability added to every bin before a logarithm is taken
TAIL = 0.05  # share of the truth in a tail
KERNEL = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16  # smooths a histogram before its half maximum is looked for


@dataclass(frozen=True)
class Distance:
    """One measure: its function of a pair, the bins it wants, whether both signs are departures, whether it can bear negative weights."""

    name: str
    label: str
    of: Callable[[Pair], Array]
    grid: Callable[[Pair], Pair] = every_point
    signed: bool = False
    negative_weights: bool = True
    description: str = ""

    def bins(self, both: Pair) -> Pair:
        """The pair on this measure's bins.

        Raises:
            FacsimError: if a bin is negative and the measure cannot bear it.
        """
        binned = self.grid(both)
        if not self.negative_weights and min(binned.p.min(), binned.q.min()) < 0:
            raise FacsimError(
                f"{self.name} needs bins that are not negative", got="bins of negative weight", remedy="choose wasserstein, ks or mean_shift"
            )
        return binned


def normalised(weight: Array) -> Array:
    """Weights [..., m] that add up to 1."""
    return np.asarray(weight / weight.sum(-1, keepdims=True))


def mean(x: Array, weight: Array) -> Array:
    """Weighted mean, [...]."""
    return np.asarray(normalised(weight) @ x)


def deviation(x: Array, weight: Array) -> Array:
    """Weighted standard deviation, [...]."""
    centred = x - x.mean()
    return np.asarray(np.sqrt(np.maximum(normalised(weight) @ centred**2 - (normalised(weight) @ centred) ** 2, 0)))


def spread(x: Array, weight: Array) -> Array:
    """The unit in which a shift is told: the standard deviation; of a constant its magnitude; of the constant zero 1."""
    width, size = deviation(x, weight), np.abs(mean(x, weight))
    size = np.where(size > 0, size, 1.0)
    return np.asarray(np.where(width > 1e-12 * size, width, size))


def wasserstein(both: Pair) -> Array:
    """Integral of |P - Q| over x, in standard deviations of the truth."""
    gap = np.abs(np.cumsum(normalised(both.p), -1) - np.cumsum(normalised(both.q), -1))
    return np.asarray(gap[..., :-1] @ np.diff(both.x) / spread(both.x, both.q))


def kolmogorov_smirnov(both: Pair) -> Array:
    """Largest |P - Q|."""
    return np.asarray(np.abs(np.cumsum(normalised(both.p), -1) - np.cumsum(normalised(both.q), -1)).max(-1))


def chi2_per_bin(both: Pair) -> Array:
    """Chi-square of two weighted histograms of free normalisation, over its degrees of freedom.

    Source: N. Gagunashvili, Comparison of weighted and unweighted histograms, 2006, arXiv:physics/0605123.
    """
    total_p, total_q = both.p.sum(-1, keepdims=True), both.q.sum(-1, keepdims=True)
    variance = both.p2 / total_p**2 + both.q2 / total_q**2
    chi2 = ((both.p / total_p - both.q / total_q) ** 2 / np.where(variance > 0, variance, 1)).sum(-1)
    return np.asarray(chi2 / max(1, np.count_nonzero(both.p2 + both.q2) - 1))


def separation(both: Pair) -> Array:
    """Half the sum of (h1 - h2)^2 / (h1 + h2) of normalised histograms: 0 for equal ones, 1 for disjoint ones.

    Source: Diefenbacher et al., DCTRGAN, 2020, arXiv:2009.03796.
    """
    p, q = normalised(both.p), normalised(both.q)
    return np.asarray(0.5 * ((p - q) ** 2 / np.where(p + q > 0, p + q, 1)).sum(-1))


def kullback_leibler(both: Pair) -> Array:
    """Sum of q log(q / p), truth q and candidate p, each with SMOOTHING added."""
    return relative_entropy(_smoothed(both.q), _smoothed(both.p))


def jensen_shannon(both: Pair) -> Array:
    """Jensen-Shannon divergence over ln 2: 0 for equal histograms, 1 for disjoint ones."""
    p, q = normalised(both.p), normalised(both.q)
    middle = (p + q) / 2
    return np.asarray((relative_entropy(p, middle) + relative_entropy(q, middle)) / (2 * np.log(2)))


def relative_entropy(p: Array, q: Array) -> Array:
    """Sum of p log(p / q) over the last axis; a bin without p adds nothing, whatever q."""
    filled = p > 0
    logarithm = np.log(np.where(filled, p, 1)) - np.log(np.where(filled, q, 1))
    return np.asarray((p * logarithm).sum(-1))


def _smoothed(weight: Array) -> Array:
    return normalised(normalised(weight) + SMOOTHING)


def mean_shift(both: Pair) -> Array:
    """Mean of the candidate minus mean of the truth, in standard deviations of the truth."""
    return np.asarray((mean(both.x, both.p) - mean(both.x, both.q)) / spread(both.x, both.q))


def mean_difference(both: Pair) -> Array:
    """Mean of the candidate over mean of the truth, minus 1 (of a truth with mean zero: the difference itself)."""
    return _relative(mean(both.x, both.p), mean(both.x, both.q))


def width_difference(both: Pair) -> Array:
    """Standard deviation of the candidate over that of the truth, minus 1 (of a constant truth: the candidate's own)."""
    return _relative(deviation(both.x, both.p), deviation(both.x, both.q))


def fwhm_difference(both: Pair) -> Array:
    """Full width at half maximum of the candidate over that of the truth, minus 1."""
    return _relative(full_width(both.x, both.p), full_width(both.x, both.q))


def upper_tail(both: Pair) -> Array:
    """Candidates above the truth's upper TAIL quantile, less the truth's own, as fractions over TAIL: -1 if the tail is missing."""
    return np.asarray((normalised(both.p) - normalised(both.q))[..., 1] / TAIL)


def lower_tail(both: Pair) -> Array:
    """Candidates not above the truth's lower TAIL quantile, less the truth's own, as fractions over TAIL."""
    return np.asarray((normalised(both.p) - normalised(both.q))[..., 0] / TAIL)


def _relative(a: Array, b: Array) -> Array:
    return np.asarray((a - b) / np.where(b != 0, np.abs(b), 1))


def full_width(x: Array, weight: Array) -> Array:
    """Full width at half maximum of histograms [..., m] with bins of equal width, smoothed; under- and overflow are left out."""
    rows = normalised(weight)[..., 1:-1].reshape(-1, len(x) - 2)
    return np.array([_width_at_half(x[1:-1], row) for row in rows]).reshape(weight.shape[:-1])


def _width_at_half(x: Array, height: Array) -> float:
    """Distance between the outermost crossings of half the maximum, interpolated between bin centres."""
    smooth, step = np.convolve(height, KERNEL), x[1] - x[0]  # two bins more on each side
    smooth = np.concatenate([[0.0], smooth, [0.0]])
    half = smooth.max() / 2
    above = np.flatnonzero(smooth >= half)
    first, last = above[0], above[-1]
    if half <= 0:
        return 0.0
    left = first - (smooth[first] - half) / (smooth[first] - smooth[first - 1])
    right = last + (smooth[last] - half) / (smooth[last] - smooth[last + 1])
    return float((right - left) * step)


def lower_tail_bins(both: Pair) -> Pair:
    """The lower tail, and the rest."""
    return tail_bins(both, TAIL)


def upper_tail_bins(both: Pair) -> Pair:
    """The rest, and the upper tail."""
    return tail_bins(both, 1 - TAIL)


DISTANCES: dict[str, Distance] = {
    d.name: d
    for d in (
        Distance("wasserstein", r"$W_1 / \sigma$", wasserstein, description="Wasserstein-1 distance in standard deviations of the truth"),
        Distance("ks", "KS", kolmogorov_smirnov, description="Kolmogorov-Smirnov statistic"),
        Distance("chi2", r"$\chi^2 / \mathrm{ndf}$", chi2_per_bin, quantile_bins, description="chi-square per degree of freedom"),
        Distance("separation", r"$\langle S^2 \rangle$", separation, quantile_bins, negative_weights=False, description="separation power"),
        Distance("kl", "KL", kullback_leibler, quantile_bins, negative_weights=False, description="Kullback-Leibler divergence"),
        Distance("js", "JS", jensen_shannon, quantile_bins, negative_weights=False, description="Jensen-Shannon divergence over ln 2"),
        Distance("mean_shift", r"$\Delta\mu / \sigma$", mean_shift, signed=True, description="difference of the means in deviations of the truth"),
        Distance("mean_difference", r"$\Delta\mu / \mu$", mean_difference, signed=True, description="relative difference of the means"),
        Distance("width_difference", r"$\Delta\sigma / \sigma$", width_difference, signed=True, description="relative difference of the widths"),
        Distance("lower_tail", "lower tail", lower_tail, lower_tail_bins, signed=True, description="excess in the lowest 5 % of the truth"),
        Distance("upper_tail", "upper tail", upper_tail, upper_tail_bins, signed=True, description="excess in the highest 5 % of the truth"),
        Distance(
            "fwhm_difference", "FWHM", fwhm_difference, even_bins, signed=True, negative_weights=False,
            description="relative difference of the full widths at half maximum",
        ),
    )
}  # fmt: skip


def distance(name: str, candidate: Array, truth: Array, candidate_weight: Array | None = None, truth_weight: Array | None = None) -> float:
    """The distance of that name between two samples [n] and [m] of one number, with optional weights.

    Raises:
        FacsimError: for an unknown name, an empty sample, or negative bins where the measure cannot bear them.

    Examples:
        >>> distance("ks", np.array([1.0, 2.0]), np.array([2.0, 3.0]))
        0.5
        >>> truth = np.array([-1.0, 1.0])
        >>> distance("wasserstein", truth + 0.5, truth)
        0.5
    """
    measure = look_up(DISTANCES, name, "distance")
    return float(measure.of(measure.bins(pair(candidate, truth, candidate_weight, truth_weight))))
