"""Measures that estimate the candidate's density: average log-likelihood, coverage."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import Estimate, parts, squared_distances, standardised


def average_log_likelihood(x: Array, y: Array) -> Estimate:
    """Mean log-density of truth x [n, d] under a Gaussian kernel estimate of candidate y [m, d], in units of the truth's spread (nats).

    The bandwidth is Scott's, m^(-1/(d+4)); the same for every candidate of the same size.

    Source: I. Goodfellow et al., Generative adversarial nets, 2014, arXiv:1406.2661 (Parzen window estimate).
    """
    x, y = standardised(x, y, fewest=10)
    density = log_density(x, y)
    return Estimate(float(density.mean()), float(density.std() / np.sqrt(len(x))))


def mass_coverage(x: Array, y: Array, *, level: float = 0.95, seed: int = 0) -> Estimate:
    """Fraction of truth x [n, d] where the candidate's density is above the one that `level` of the candidate y [m, d] exceeds: `level` if equal.

    The density is estimated from one half of the candidate, its threshold from the other.

    Source: I. Tolstikhin et al., AdaGAN: boosting generative models, 2017, arXiv:1701.02386.
    """
    x, y = standardised(x, y, fewest=20)
    made, used = parts(y, 2, seed)
    threshold = np.quantile(log_density(used, made), 1 - level)
    covered = float((log_density(x, made) > threshold).mean())
    return Estimate(covered, float(np.sqrt(covered * (1 - covered) / len(x) + level * (1 - level) / len(used))))


def log_density(points: Array, sample: Array) -> Array:
    """Logarithm of the Gaussian kernel density estimate of a sample [m, d] at points [n, d]."""
    m, d = sample.shape
    h = m ** (-1 / (d + 4))
    norm = np.log(m) + d * np.log(h * np.sqrt(2 * np.pi))
    return np.concatenate([logsumexp(-s / (2 * h * h), axis=1) - norm for s in squared_distances(points, sample)])
