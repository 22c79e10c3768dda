"""Bins and neighbours: numbers of statistically different bins, distances of retrieved events."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from facsim.core import stream
from facsim.core.events import Array
from facsim.evaluation.classifier.result import area
from facsim.evaluation.diversity import kmeans_centres, modes, nearest
from facsim.evaluation.multivariate.samples import Estimate, parts, standardised


def different_bins(x: Array, y: Array, *, bins: int = 50, significance: float = 0.05, seed: int = 0) -> Estimate:
    """Fraction of k-means bins of the truth x [n, d] in which candidate y [m, d] has a statistically different share: `significance` if equal.

    The bins are made of one half of the truth and counted with the other, so that their number of events fluctuates as it should.

    Source: E. Richardson, Y. Weiss, On GANs and GMMs, 2018, arXiv:1805.12462 (NDB / K).
    """
    x, y = standardised(x, y, fewest=4 * bins)
    made, counted = parts(x, 2, seed)
    found = modes(counted, y, centres=kmeans_centres(made, bins, seed))
    n, m = found.sizes
    pooled = (n * found.truth + m * found.candidate) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    pull = np.abs(found.truth - found.candidate) / np.where(error > 0, error, np.inf)
    share = float((pull > norm.isf(significance / 2)).mean())
    return Estimate(share, math.sqrt(max(share * (1 - share), significance * (1 - significance)) / bins))


def retrieval(x: Array, y: Array, *, seed: int = 0) -> Estimate:
    """Probability that a truth event is nearer to its closest candidate event than to its closest truth event: 0.5 for equal samples.

    Half of truth x [n, d] asks; the other half and as many candidate events y [m, d] answer, in units of the truth's spread.

    Source: Y. Wang et al., Ensembles of generative adversarial networks, 2016, arXiv:1612.00991 (image retrieval).
    """
    x, y = standardised(x, y, fewest=40)
    query, answer = parts(x, 2, seed)
    size = min(len(answer), len(y))
    near_truth, near_candidate = nearest(query, answer[:size]), nearest(query, stream(seed, "answers").permutation(y)[:size])
    label = np.repeat([0, 1], len(query))
    return Estimate(*area(-np.concatenate([near_truth, near_candidate]), label))
