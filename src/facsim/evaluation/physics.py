"""Physics use: does an analysis that was built on the candidate do the same as one that was built on the truth?

Energy reconstruction, particle identification and trigger decisions. There is no invariant mass: an event is the response to one particle
(or to a decay whose photons share their cells), and a mass of two such events at an invented angle is their energy response once more.

Source: C. Esteban et al., Real-valued (medical) time series generation with recurrent conditional GANs, 2017, arXiv:1706.02633 (train on
synthetic, test on real, and back).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from facsim.core import stream
from facsim.evaluation.bootstrap import Score
from facsim.evaluation.classifier.result import area
from facsim.evaluation.comparison import Comparison
from facsim.evaluation.conditioning import FEWEST
from facsim.evaluation.multivariate.samples import varying
from facsim.evaluation.observables import OBSERVABLES, Column
from facsim.evaluation.observables.summary import ENERGY
from facsim.evaluation.pair import Array
from facsim.evaluation.scorecard import Row
from facsim.evaluation.triggers import rate, trigger_rows

RIDGE = 1e-3  # penalty of a squared coefficient, for columns of unit spread and a mean squared residual
FAINT = 0.01  # of a column's median: energies well above it enter as their logarithm
BLOCKS = 10  # of training events, left out one after the other for the error that training adds
PARTS_USED = ("layer_energy", "hits", "brightest", "neighbour_overlap", "columns")  # observables of several columns that an analysis uses
MISIDENTIFIED = 0.1  # of the second kind in the reference where the efficiency for the first is told

Test = Callable[[Array], Score]  # of predictions [n]
Triple = tuple[Array, Array, Array]  # of reference, candidate and floor sample


# --- what an analysis sees, and a linear fit --------------------------------------------------------------------------


def inputs(compared: Comparison) -> Triple | None:
    """Columns that an analysis may use, [n, k] of each sample: energies as logarithms, centred, in units of the reference's spread.

    Nothing that knows the incident energy is among them. None if no column varies in the reference.
    """
    used = np.array([_used(c) for c in compared.columns])
    energies = np.array([c.unit == "MeV" for c in compared.columns])[used]
    samples = [s.features[:, used] for s in (compared.reference, compared.candidate, compared.floor)]
    scale = np.array([np.median(x[x > 0]) if (x > 0).any() else 1.0 for x in samples[0].T])
    samples = [np.where(energies, np.log1p(np.maximum(s, 0) / (FAINT * scale)), s) for s in samples]
    keep = varying(samples[0])
    if not keep.any():
        return None
    mean, spread = samples[0][:, keep].mean(0), samples[0][:, keep].std(0)
    reference, candidate, floor = ((s[:, keep] - mean) / spread for s in samples)
    return reference, candidate, floor


def _used(column: Column) -> bool:
    return not OBSERVABLES[column.observable].needs and (column.name == column.observable or column.observable in PARTS_USED)


def trained(x: Array, target: Array, seed: int = 0) -> Array:
    """Ridge regression of the target [n] on columns x [n, k]: coefficients [1 + BLOCKS, 1 + k], the constant first.

    The first row is from all events, each other one without one random block of them.

    Examples:
        >>> x = np.linspace(-1, 1, 101)[:, None]
        >>> trained(x, 3 + 2 * x[:, 0])[0].round(1).tolist()
        [3.0, 2.0]
    """
    design = _with_constant(x)
    block = stream(seed, "left out").permutation(len(x)) % BLOCKS
    kept = [np.ones(len(x), dtype=np.bool_), *(block != b for b in range(BLOCKS))]
    return np.array([_ridge(design[k], target[k]) for k in kept])


def _ridge(design: Array, target: Array) -> Array:
    """Coefficients [1 + k] of a design [n, 1 + k]; the constant is not penalised."""
    penalty = RIDGE * len(target) * np.diag([0.0, *np.ones(design.shape[1] - 1)])
    return np.asarray(np.linalg.solve(design.T @ design + penalty, design.T @ target))


def predictions(coefficients: Array, x: Array) -> Array:
    """What each set of coefficients [c, 1 + k] predicts for the events x [n, k], [c, n]."""
    return np.asarray(coefficients @ _with_constant(x).T)


def _with_constant(x: Array) -> Array:
    return np.concatenate([np.ones((len(x), 1)), x], axis=1)


def with_training_error(test: Test, predicted: Array) -> Score:
    """The test's result for the first row of predictions [1 + BLOCKS, n]; its error with that of the training, from the other rows (jackknife)."""
    first = test(predicted[0])
    spread = np.std([test(p).value for p in predicted[1:]])
    return Score(first.value, math.hypot(first.error, math.sqrt(BLOCKS - 1) * float(spread)))


# --- energy reconstruction --------------------------------------------------------------------------------------------


def reconstruction_rows(compared: Comparison) -> Iterator[Row]:
    """The incident energy regressed from the observables: bias and resolution of log E, that is relative ones.

    Trained on the candidate and tested on the reference, and back; the floor sample takes the candidate's place for the floor.
    """
    samples, energies = inputs(compared), _log_energies(compared)
    if samples is None or energies is None:
        return
    for name, tests in (("bias", bias), ("resolution", resolution)):
        yield from _both_ways(compared, "reconstruction", name, samples, energies, tests)


def _log_energies(compared: Comparison) -> Triple | None:
    """Logarithms of the incident energies; None where they do not vary in every sample, or are not known."""
    if ENERGY not in [v.name for v in compared.reference.events.variables]:
        return None
    reference, candidate, floor = (s.events.column(ENERGY).astype(np.float64) for s in (compared.reference, compared.candidate, compared.floor))
    if min(e.min() for e in (reference, candidate, floor)) <= 0 or not all(np.ptp(e) for e in (reference, candidate, floor)):
        return None
    return np.log(reference), np.log(candidate), np.log(floor)


def bias(target: Array) -> Test:
    """Mean of prediction minus target."""

    def test(predicted: Array) -> Score:
        residual = predicted - target
        return Score(float(residual.mean()), float(residual.std() / math.sqrt(len(residual))))

    return test


def resolution(target: Array) -> Test:
    """Half the width of the central 68% of prediction minus target; its error is that of a Gaussian's."""

    def test(predicted: Array) -> Score:
        low, high = np.quantile(predicted - target, [0.1587, 0.8413])
        return Score(float(high - low) / 2, float(high - low) / 2 * math.sqrt(0.67 / len(target)))

    return test


def _both_ways(compared: Comparison, task: str, distance: str, samples: Triple, targets: Triple, tests: Callable[[Array], Test]) -> Iterator[Row]:
    """A row for training on the candidate, one for testing on it; each beside the same with the floor sample."""
    reference, *others = [trained(x, y, compared.seed) for x, y in zip(samples, targets, strict=True)]
    on = [with_training_error(tests(targets[0]), predictions(c, samples[0])) for c in others]
    yield Row(f"{task}[trained on candidate]", distance, *on[0], *on[1], bin=compared.bin, signed=True)
    back = [with_training_error(tests(y), predictions(reference, x)) for x, y in zip(samples[1:], targets[1:], strict=True)]
    yield Row(f"{task}[tested on candidate]", distance, *back[0], *back[1], bin=compared.bin, signed=True)


# --- particle identification ------------------------------------------------------------------------------------------


def identification_rows(compared: Comparison) -> Iterator[Row]:
    """The two commonest values of each condition of `choices` (particle codes) told apart by a linear discriminant of the observables.

    AUC, both ways as in the reconstruction; and how many of either kind pass where the reference lets MISIDENTIFIED of its second kind pass.
    """
    samples = inputs(compared)
    for column, variable in enumerate(compared.reference.events.numbers):
        kinds = _kinds(compared, column) if variable.choices else None
        if samples is not None and kinds is not None:
            values = [s.events.condition[:, column] for s in (compared.reference, compared.candidate, compared.floor)]
            chosen = [np.isin(v, kinds) for v in values]
            x = samples[0][chosen[0]], samples[1][chosen[1]], samples[2][chosen[2]]
            first = _first(values[0][chosen[0]], kinds), _first(values[1][chosen[1]], kinds), _first(values[2][chosen[2]], kinds)
            yield from _both_ways(compared, f"identification({variable.name})", "auc", x, first, separation_of)
            yield from _efficiencies(compared, f"identification({variable.name})", x, first)


def _kinds(compared: Comparison, column: int) -> Array | None:
    """The two commonest values in the reference, the smaller first; None if a sample has too few events of one."""
    values, counts = np.unique(compared.reference.events.condition[:, column], return_counts=True)
    kinds = np.sort(values[np.argsort(-counts, kind="stable")[:2]])
    samples = (compared.reference, compared.candidate, compared.floor)
    fewest = min(int((s.events.condition[:, column] == kind).sum()) for s in samples for kind in kinds)
    return kinds if len(kinds) == 2 and fewest >= FEWEST else None


def _first(values: Array, kinds: Array) -> Array:
    """1 for the first kind, 0 for the second."""
    return np.where(values == kinds[0], 1.0, 0.0)


def separation_of(label: Array) -> Test:
    """Area under the ROC curve of predictions for labels 0 and 1."""
    return lambda predicted: Score(*area(predicted, label))


def _efficiencies(compared: Comparison, task: str, x: Triple, first: Triple) -> Iterator[Row]:
    """Fractions of both kinds that pass the reference's own discriminant, in candidate and floor sample."""
    coefficients = trained(x[0], first[0], compared.seed)[:1]
    score, *others = (predictions(coefficients, s)[0] for s in x)
    threshold = np.quantile(score[first[0] == 0], 1 - MISIDENTIFIED)
    for name, kind in (("efficiency", 1), ("misidentified", 0)):
        value, floor = (rate(s[label == kind] > threshold) for s, label in zip(others, first[1:], strict=True))
        yield Row(f"{task}[tested on candidate]", name, *value, *floor, bin=compared.bin, signed=True)


def physics_rows(compared: Comparison) -> Iterator[Row]:
    """Energy reconstruction, particle identification, triggers: each where it has a meaning."""
    yield from reconstruction_rows(compared)
    yield from identification_rows(compared)
    yield from trigger_rows(compared)
