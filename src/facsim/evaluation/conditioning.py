"""Conditioning: how the response follows a condition; linearity and resolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from facsim.core import Events, FacsimError, Variable
from facsim.core.variables import column_index
from facsim.evaluation.bootstrap import Score
from facsim.evaluation.comparison import Comparison
from facsim.evaluation.condition_bins import FEW_VALUES
from facsim.evaluation.observables import features
from facsim.evaluation.observables.summary import ENERGY
from facsim.evaluation.pair import Array
from facsim.evaluation.scorecard import Row

BINS = 8  # of a curve, with equally many events of the truth in each
FEWEST = 20  # events in a bin below which it is left out of a comparison


@dataclass(frozen=True)
class Curve:
    """Mean and standard deviation of an observable in bins of a condition, each [bins], with statistical errors.

    `at` is the mean condition of the bin's events; all are 0 in a bin with fewer than two events.
    """

    variable: Variable
    edges: Array
    count: Array
    at: Array
    mean: Array
    mean_error: Array
    width: Array
    width_error: Array

    @property
    def resolution(self) -> Array:
        """Width over mean, [bins]; 0 where the mean is 0."""
        return np.asarray(np.divide(self.width, np.abs(self.mean), out=np.zeros_like(self.width), where=self.mean != 0))

    @property
    def resolution_error(self) -> Array:
        """Error of the resolution, [bins]."""
        one, other = (np.divide(e, v, out=np.zeros_like(e), where=v != 0) for e, v in ((self.width_error, self.width), (self.mean_error, self.mean)))
        return np.asarray(self.resolution * np.hypot(one, other))


def curve_edges(truth: Events, variable: str, bins: int = BINS) -> Array:
    """Edges of bins of a condition with equally many truth events; between the values, if it takes only a few. The outer ones are infinite.

    Raises:
        FacsimError: if the condition never changes.
    """
    values = truth.column(variable).astype(np.float64)
    distinct = np.unique(values)
    if len(distinct) < 2:
        raise FacsimError(f"the condition {variable!r} never changes", expected="two or more values", got=distinct.tolist())
    few = len(distinct) <= FEW_VALUES
    inner = (distinct[1:] + distinct[:-1]) / 2 if few else np.unique(np.quantile(values, np.arange(1, bins) / bins))
    return np.concatenate([[-np.inf], inner, [np.inf]])


def response_curve(events: Events, variable: str = ENERGY, observable: str = "energy_ratio", edges: Array | None = None) -> Curve:
    """The curve of an observable (by the name of its column) against a condition.

    `edges` come from the truth (`curve_edges`), so that candidate and truth are cut alike; by default from the events themselves.

    Raises:
        FacsimError: for an unknown condition or observable.
    """
    matrix, names = features(events, (observable,))
    if len(names) != 1:
        raise FacsimError(f"{observable!r} has several columns", expected="an observable that is one number", got=len(names))
    return curve_of(events, matrix[:, 0], variable, curve_edges(events, variable) if edges is None else edges)


def curve_of(events: Events, values: Array, variable: str, edges: Array) -> Curve:
    """The curve of any number [n] of each event."""
    condition, weight = events.column(variable).astype(np.float64), events.weights.astype(np.float64)
    number = np.searchsorted(edges[1:-1], condition, side="right")
    rows = [_bin(condition[number == i], values[number == i], weight[number == i]) for i in range(len(edges) - 1)]
    return Curve(events.variables[column_index(events.variables, variable)], edges, *np.array(rows).T)


def _bin(condition: Array, values: Array, weight: Array) -> tuple[float, ...]:
    """Count, mean condition, mean, its error, width, its error."""
    total = weight.sum()
    if len(values) < 2 or total <= 0:
        return float(len(values)), 0.0, 0.0, 0.0, 0.0, 0.0
    share = weight / total
    mean = share @ values
    variance, fourth = max(share @ (values - mean) ** 2, 0.0), share @ (values - mean) ** 4
    per_event = (share**2).sum()  # one over the effective number of events
    width_error = np.sqrt(max(fourth - variance**2, 0.0) * per_event / variance) / 2 if variance > 0 else 0.0
    return float(len(values)), share @ condition, mean, np.sqrt(variance * per_event), np.sqrt(variance), width_error


def linearity(curve: Curve) -> Score:
    """Largest departure of the curve's mean from its average over the bins, relative to it, and its error: 0 for a linear response E_out / E_in."""
    used = curve.count >= FEWEST
    average = curve.mean[used].mean()
    return _largest(curve.mean[used] / average - 1, curve.mean_error[used] / abs(average))


def resolution_terms(curve: Curve) -> dict[str, float]:
    """Stochastic and constant term of resolution^2 = stochastic^2 / E + constant^2, E in the condition's unit (weighted least squares; cut at 0)."""
    used = (curve.count >= FEWEST) & (curve.resolution_error > 0)
    if used.sum() < 2:
        raise FacsimError("too few bins for a resolution", expected=f"two or more bins of {FEWEST} events", got=int(used.sum()))
    square = curve.resolution[used] ** 2
    error = 2 * curve.resolution[used] * curve.resolution_error[used]
    design = np.stack([1 / curve.at[used], np.ones(int(used.sum()))], axis=1)
    terms = np.linalg.lstsq(design / error[:, None], square / error, rcond=None)[0]
    stochastic, constant = np.sqrt(np.maximum(terms, 0))
    return {"stochastic": float(stochastic), "constant": float(constant)}


def mean_departure(candidate: Curve, truth: Curve) -> Score:
    """Largest |difference| of the two curves' means over the bins, in standard deviations of the truth in the bin, and its error."""
    return _departure(candidate.mean - truth.mean, np.hypot(candidate.mean_error, truth.mean_error), candidate, truth)


def width_departure(candidate: Curve, truth: Curve) -> Score:
    """Largest |difference| of the two curves' widths over the bins, relative to the truth's, and its error."""
    return _departure(candidate.width - truth.width, np.hypot(candidate.width_error, truth.width_error), candidate, truth)


def _departure(difference: Array, error: Array, candidate: Curve, truth: Curve) -> Score:
    used = (candidate.count >= FEWEST) & (truth.count >= FEWEST) & (truth.width > 0)
    return _largest(difference[used] / truth.width[used], error[used] / truth.width[used])


def _largest(departure: Array, error: Array) -> Score:
    if not len(departure):
        return Score(0.0, 0.0)
    worst = int(np.abs(departure).argmax())
    return Score(float(abs(departure[worst])), float(error[worst]))


CURVE_OBSERVABLES = ("energy_ratio", "total_energy", "columns")


def curve_rows(compared: Comparison) -> Iterator[Row]:
    """Largest departure of the response curve and of its width, against each condition that varies.

    The response is E / E_in where there is an incident energy, else the energy; every column of a tabular response.
    """
    reference = compared.reference.events
    present = [c.observable for c in compared.columns]
    observable = next((name for name in CURVE_OBSERVABLES if name in present), None)
    for variable in (v.name for v in reference.numbers if len(np.unique(reference.column(v.name))) > 1):
        edges = curve_edges(reference, variable)
        for place, column in enumerate(compared.columns):
            if column.observable == observable:
                samples = (compared.candidate, compared.floor, compared.reference)
                candidate, floor, truth = (curve_of(s.events, s.features[:, place], variable, edges) for s in samples)
                name = f"{column.name}({variable})"
                yield Row(name, "mean_departure", *mean_departure(candidate, truth), *mean_departure(floor, truth))
                yield Row(name, "width_departure", *width_departure(candidate, truth), *width_departure(floor, truth))
