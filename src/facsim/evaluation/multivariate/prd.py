"""Precision-recall curves of distributions, from a common clustering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from facsim.core import stream
from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import UNWEIGHTED, Weighted, Weights, standardised, weighted

CLUSTERS, RUNS, ANGLES = 20, 10, 1001


@dataclass(frozen=True, eq=False)
class PrdCurve:
    """Attainable pairs (precision, recall), each [angles], of a candidate with respect to the truth."""

    precision: Array
    recall: Array

    def best_f(self, beta: float) -> float:
        """Largest F-measure on the curve; beta 8 rewards recall, 1/8 precision."""
        p, r = self.precision, self.recall
        return float(np.max((1 + beta**2) * p * r / np.maximum(beta**2 * p + r, 1e-12)))


def prd_curve(x: Array, y: Array, *, weight: Weights = UNWEIGHTED, clusters: int = CLUSTERS, runs: int = RUNS, seed: int = 0) -> PrdCurve:
    """Precision and recall of candidate y [m, d] with respect to truth x [n, d], averaged over k-means clusterings of both together.

    Weights count in the clusters; one that negative weights outweigh is empty.

    Source: M. Sajjadi et al., Assessing generative models via precision and recall, 2018, arXiv:1806.00035.

    Raises:
        FacsimError: for bad samples or constant columns.
    """
    x, y = standardised(x, y, clusters, weight[0])
    both = weighted(x, weight[0]), weighted(y, weight[1])
    curves = [curve_from_histograms(*_histograms(*both, clusters, int(stream(seed, "prd", run).integers(2**31)))) for run in range(runs)]
    return PrdCurve(*(np.mean([getattr(c, name) for c in curves], axis=0) for name in ("precision", "recall")))


def curve_from_histograms(p: Array, q: Array, angles: int = ANGLES) -> PrdCurve:
    """The curve for discrete truth p and candidate q, both summing to one: alpha = sum min(lambda p, q), beta = alpha / lambda.

    Examples:
        >>> curve = curve_from_histograms(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
        >>> print(round(curve.precision.max(), 3), round(curve.recall.max(), 3))
        1.0 0.5
    """
    slope = np.tan(np.linspace(1e-6, np.pi / 2 - 1e-6, angles))
    precision = np.minimum(slope[:, None] * p, q).sum(1)
    return PrdCurve(precision, np.minimum(p, q / slope[:, None]).sum(1))


def _histograms(x: Weighted, y: Weighted, clusters: int, seed: int) -> tuple[Array, Array]:
    """Shares of the clusters in both samples, [clusters] each."""
    model = MiniBatchKMeans(clusters, n_init=3, random_state=seed, batch_size=2048)
    number = model.fit_predict(np.concatenate([x.x, y.x]))
    first, second = (_shares(part, s.weight, clusters) for part, s in ((number[: len(x)], x), (number[len(x) :], y)))
    return first, second


def _shares(number: Array, weight: Array, clusters: int) -> Array:
    held = np.maximum(np.bincount(number, weight, clusters), 0)
    return np.asarray(held / held.sum())
