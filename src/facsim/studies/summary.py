"""From trials to the summary: published against ours, with the error over the seeds and the floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from facsim.core import FacsimError
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.studies.study import Expected, Outcome, Study, Trial


def summarise(study: Study, outcome: Outcome) -> list[dict[str, Any]]:
    """One row for every published number and every bar of the models that ran; a bar is met if every seed meets it.

    `values` holds ours seed by seed; `ours` is their mean, `error` the larger of the standard error over the seeds and that of the estimates.
    """
    trained = {trial.model for trial in outcome.trials}
    return [_row(expected, outcome) for expected in study.expected if expected.model in trained]


def scorecard(model: str, outcome: Outcome) -> Scorecard:
    """All scores of one model, those of several seeds averaged."""
    trials = [trial for trial in outcome.trials if trial.model == model]
    averaged = (average(rows) for rows in zip(*(trial.rows for trial in trials), strict=True))
    return Scorecard(tuple(averaged), {"model": model, "seeds": [t.seed for t in trials], "note": outcome.notes.get(model, "")})


def average(rows: Sequence[Row]) -> Row:
    """The mean of the same score over several seeds; the error is the larger of the spread's and the estimates' own.

    Raises:
        FacsimError: if the rows are not of the same score.

    Examples:
        >>> found = average([Row("x", "kl", v, 0.01, 0.1, 0.0) for v in (1.0, 2.0, 3.0)])
        >>> found.value, round(found.error, 3)
        (2.0, 0.577)
    """
    first = rows[0]
    if len({(r.observable, r.distance, r.bin) for r in rows}) > 1:
        raise FacsimError("different scores cannot be averaged", got=[r.observable for r in rows])
    floors = [r.floor for r in rows]
    return Row(
        first.observable,
        first.distance,
        float(np.mean([r.value for r in rows])),
        _error([r.value for r in rows], [r.error for r in rows]),
        float(np.mean(floors)),
        _error(floors, [r.floor_error for r in rows]),
        first.unit,
        first.bin,
        first.signed,
    )


def _error(values: Sequence[float], errors: Sequence[float]) -> float:
    n = len(values)
    estimates = float(np.sqrt(np.square(errors).mean() / n))
    return max(estimates, float(np.std(values, ddof=1) / np.sqrt(n))) if n > 1 else estimates


def _row(expected: Expected, outcome: Outcome) -> dict[str, Any]:
    trials = [trial for trial in outcome.trials if trial.model == expected.model]
    rows = [_find(trial, expected) for trial in trials]
    mean, values = average(rows), [r.value for r in rows]
    return {
        "model": expected.model,
        "observable": expected.label,
        "published": expected.published,
        "ours": mean.value,
        "error": mean.error,
        "floor": mean.floor,
        "bar": expected.bar,
        "met": None if expected.bar is None else max(map(abs, values)) <= expected.bar,
        "seeds": [trial.seed for trial in trials],
        "values": values,
        "note": outcome.notes.get(expected.model, ""),
    }


def _find(trial: Trial, expected: Expected) -> Row:
    return Scorecard(trial.rows).find(expected.observable, expected.distance, expected.bin)
