"""Cross-sections of the average image: each central row as a distribution in x.

Source: Albergo (2018), chapter 4.2.2: the mean and the standard deviation of the middle 12 rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from facsim.core import Events, stream
from facsim.evaluation.bootstrap import poisson_weights
from facsim.evaluation.mean_arrays import mean_image, weighted_means
from facsim.evaluation.pair import Array
from facsim.evaluation.scorecard import Row

CENTRAL_ROWS = 12
REPLICAS = 20


def central(images: Array, rows: int = CENTRAL_ROWS) -> Array:
    """The middle rows of images [..., rows, columns]."""
    first = (images.shape[-2] - rows) // 2
    return images[..., max(0, first) : first + rows, :]


def moments(images: Array, pitch: float, rows: int = CENTRAL_ROWS) -> tuple[Array, Array]:
    """Mean and standard deviation in x, in the unit of `pitch`, of the middle rows of images [..., rows, columns]; x is 0 in the middle.

    A row without energy counts as uniform.

    Examples:
        >>> mean, std = moments(np.array([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 2.0, 0.0]]), 10.0, rows=2)
        >>> mean.tolist(), std.tolist()
        ([0.0, 5.0], [5.0, 0.0])
    """
    energy = central(images, rows)
    energy = np.where(energy.sum(-1, keepdims=True) > 0, energy, 1.0)
    x = (np.arange(energy.shape[-1]) - (energy.shape[-1] - 1) / 2) * pitch
    share = energy / energy.sum(-1, keepdims=True)
    mean = share @ x
    return mean, np.sqrt(np.maximum((share * (x - mean[..., None]) ** 2).sum(-1), 0))


def cross_section_rows(truth: Events, candidate: Events, floor: Events, seed: int = 0) -> list[Row]:
    """Largest departure of the rows' means [mm], and of their standard deviations over the truth's, beside those of the floor sample."""
    true, found, other = (_replicas(events, seed, who) for events, who in ((truth, "truth"), (candidate, "candidate"), (floor, "floor")))
    measures: dict[str, tuple[Callable[..., Array], str]] = {
        "cross_section_mean": (lambda a, b: np.abs(a[0] - b[0]).max(-1), "mm"),
        "cross_section_width": (lambda a, b: np.abs(a[1] / b[1] - 1).max(-1), "1"),
    }
    return [_row(name, measure(found, true), measure(other, true), unit) for name, (measure, unit) in measures.items()]


def _replicas(events: Events, seed: int, who: str) -> tuple[Array, Array]:
    """Means and standard deviations of the events (first row) and of bootstrap replicas of them."""
    weights = poisson_weights(len(events), REPLICAS, stream(seed, "cross_sections", who)) * events.weights
    images = mean_image(weighted_means(events, weights), events).reshape(-1, *events.detector.shape[-2:])
    return moments(images, events.detector.size[-1])  # type: ignore[attr-defined]


def _row(name: str, value: Array, floor: Array, unit: str) -> Row:
    return Row(name, "max_difference", float(value[0]), float(value[1:].std(ddof=1)), float(floor[0]), float(floor[1:].std(ddof=1)), unit)
