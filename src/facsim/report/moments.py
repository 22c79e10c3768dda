"""Weighted means and widths over events."""

from __future__ import annotations

import numpy as np

from facsim.core.events import Array

BLOCK = 1 << 20  # numbers turned to float64 at a time


def mean_and_std(values: Array, weights: Array) -> tuple[Array, Array]:
    """Mean and standard deviation over the first axis of values [n, ...], float64; both 0 without events.

    Examples:
        >>> mean, std = mean_and_std(np.array([[1.0, 0.0], [3.0, 0.0]]), np.ones(2))
        >>> mean.tolist(), std.tolist()
        ([2.0, 0.0], [1.0, 0.0])
    """
    first, second = np.zeros(values.shape[1:]), np.zeros(values.shape[1:])
    step = max(1, BLOCK // max(1, first.size))
    for i in range(0, len(values), step):
        block, weight = values[i : i + step].astype(np.float64), weights[i : i + step].astype(np.float64)
        first += np.tensordot(weight, block, 1)
        second += np.tensordot(weight, block**2, 1)
    total = float(weights.sum(dtype=np.float64)) or 1.0
    mean = first / total
    return mean, np.sqrt(np.maximum(second / total - mean**2, 0.0))


def effective_number(weights: Array) -> float:
    """The number of unweighted events with the same relative error, (sum w)^2 / sum w^2; 0 without events.

    Examples:
        >>> effective_number(np.ones(7)), effective_number(np.array([1.0, 0.0]))
        (7.0, 1.0)
    """
    squares = float(np.square(weights, dtype=np.float64).sum())
    return float(weights.sum(dtype=np.float64)) ** 2 / squares if squares else 0.0
