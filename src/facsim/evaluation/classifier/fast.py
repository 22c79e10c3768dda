"""The fast recipe: trees and networks trained side by side, their log-odds joined by a logistic regression on a second split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression

from facsim.core.events import Array
from facsim.evaluation.classifier.networks import fit_cells, fit_grid, fit_table
from facsim.evaluation.classifier.sample import Sample
from facsim.evaluation.classifier.threads import one_thread
from facsim.evaluation.classifier.trees import fit_table_trees, fit_trees

Score = Callable[[Sample], Array]
Fit = Callable[[Sample, Sample, int], Score]
LARGEST_LOG_ODDS = 10.0
MOST_COLUMNS = 1000  # of a table; responses with more are cells without a grid


def fit_fast(train: Sample, validation: Sample, seed: int) -> Score:
    """The fast classifier for these events; the returned function gives the calibrated probability to be truth."""
    with one_thread():
        score = stack([fit(train, validation, seed) for fit in members(train)], validation)
    return one_thread()(score)


def members(sample: Sample) -> tuple[Fit, ...]:
    """Which classifiers suit the form of the responses: a table of columns [n, d], a grid of two or three axes, or very many columns."""
    axes = sample.response.ndim - 1
    if axes == 1 and sample.flat.shape[1] <= MOST_COLUMNS:
        return (fit_table_trees, fit_table)
    return (fit_trees, fit_cells, fit_grid) if axes in (2, 3) else (fit_trees, fit_cells)


def stack(scores: list[Score], validation: Sample) -> Score:
    """One probability from several log-odds, by a logistic regression on a split that trained none of them."""

    def inputs(sample: Sample) -> Array:
        log_odds = np.stack([score(sample) for score in scores], axis=1)
        return np.asarray(np.clip(log_odds, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS))

    model = LogisticRegression(C=1.0).fit(inputs(validation), validation.label, validation.weight)
    return lambda sample: np.asarray(model.predict_proba(inputs(sample))[:, 1])
