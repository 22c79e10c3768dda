"""Precision-recall curves of distributions, from a common clustering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from facsim.core import stream
from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import standardised

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


def prd_curve(x: Array, y: Array, *, clusters: int = CLUSTERS, runs: int = RUNS, seed: int = 0) -> PrdCurve:
    """Precision and recall of candidate y [m, d] with respect to truth x [n, d], averaged over k-means clusterings of both together.

    Source: M. Sajjadi et al., Assessing generative models via precision and recall, 2018, arXiv:1806.00035.

    Raises:
        FacsimError: for bad samples or constant columns.
    """
    x, y = standardised(x, y, fewest=clusters)
    curves = [curve_from_histograms(*_histograms(x, y, clusters, int(stream(seed, "prd", run).integers(2**31)))) for run in range(runs)]
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


def _histograms(x: Array, y: Array, clusters: int, seed: int) -> tuple[Array, Array]:
    model = MiniBatchKMeans(clusters, n_init=3, random_state=seed, batch_size=2048)
    number = model.fit_predict(np.concatenate([x, y]))
    parts = number[: len(x)], number[len(x) :]
    first, second = (np.bincount(part, minlength=clusters) / len(part) for part in parts)
    return first, second
