"""Gradient-boosted trees on cells and on what a tree cannot add up by itself: sums along each axis, counts, extremes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from facsim.core.events import Array
from facsim.evaluation.classifier.encoding import fit_whitener
from facsim.evaluation.classifier.sample import Sample

MOST_CELLS = 512  # columns given to the trees; the brightest cells are kept
SETTINGS: dict[str, Any] = {"learning_rate": 0.1, "max_leaf_nodes": 16, "min_samples_leaf": 40, "l2_regularization": 1.0, "max_features": 0.25}
LARGEST_ITERATIONS, PATIENCE = 200, 15


def fit_trees(train: Sample, validation: Sample, seed: int) -> Callable[[Sample], Array]:
    """Trees trained on one split and stopped on the other; the returned function gives the log-odds to be truth."""
    columns = brightest(train)
    return _fit(lambda sample: tree_input(sample, columns), train, validation, seed)


def fit_table_trees(train: Sample, validation: Sample, seed: int) -> Callable[[Sample], Array]:
    """As `fit_trees` for a table of columns: trees split along the columns and along their uncorrelated combinations."""
    return _fit(fit_whitener(train).table, train, validation, seed)


def _fit(encode: Callable[[Sample], Array], train: Sample, validation: Sample, seed: int) -> Callable[[Sample], Array]:
    inputs = [encode(s) for s in (train, validation)]
    model = HistGradientBoostingClassifier(
        **SETTINGS, max_iter=LARGEST_ITERATIONS, early_stopping=True, n_iter_no_change=PATIENCE, random_state=seed, scoring="loss"
    )
    weights = {"sample_weight": train.weight, "sample_weight_val": validation.weight} if train.weight is not None else {}
    model.fit(inputs[0], train.label, X_val=inputs[1], y_val=validation.label, **weights)
    return lambda sample: np.asarray(model.decision_function(encode(sample)))


def brightest(sample: Sample) -> Array:
    """Indices of the cells with the largest mean magnitude, at most MOST_CELLS, whatever the label."""
    mean = np.abs(sample.flat).mean(0)
    return np.sort(np.argsort(-mean, kind="stable")[:MOST_CELLS])


def tree_input(sample: Sample, columns: Array) -> Array:
    """Columns for the trees, float32 [n, f]: the chosen cells, the conditions, the summaries."""
    return np.concatenate([sample.flat[:, columns], sample.condition, summaries(sample.response)], axis=1, dtype=np.float32)


def summaries(response: Array) -> Array:
    """Sums along each axis, total, number of non-zero cells and the extremes of responses [n, ...]; nothing for fewer than 20 cells."""
    flat = response.reshape(len(response), -1)
    if flat.shape[1] < 20:
        return flat[:, :0]
    axes = range(1, response.ndim) if response.ndim > 2 else ()
    sums = [response.sum(tuple(a for a in range(1, response.ndim) if a != axis)) for axis in axes]
    ordered = np.sort(np.partition(flat, -5, axis=1)[:, -5:], axis=1)
    faintest = np.where(flat > 0, flat, np.inf).min(1)
    whole = [flat.sum(1), (flat != 0).sum(1), np.square(flat).sum(1), np.where(np.isfinite(faintest), faintest, 0.0)]
    return np.concatenate([*sums, np.stack(whole, axis=1), ordered], axis=1)
