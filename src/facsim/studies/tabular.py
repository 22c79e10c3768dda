"""Studies of one number: training that is watched every epoch, and scores from repeated samples."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import gaussian_kde

from facsim.core import Events
from facsim.core.events import Array
from facsim.core.variables import width
from facsim.data import ArrayBatches
from facsim.evaluation.bootstrap import Score
from facsim.evaluation.distances import DISTANCES, deviation, distance, full_width
from facsim.evaluation.pair import even_bins, pair
from facsim.evaluation.scorecard import Row
from facsim.models import build
from facsim.studies.workflow import Plan, untrained
from facsim.surrogate import Surrogate
from facsim.training import fit
from facsim.transforms import Chain, Recipe

Draw = Callable[[int], Array]  # an independent sample [n] for each whole number
POINTS = 100  # of a curve, at most: a training of thousands of epochs is not watched after each
GRID = 200  # places at which kernel density estimates are compared
FAINT = 1e-6  # of the largest density: what a kernel estimate has at least
AS_IT_IS = {"low": -1.0, "high": 1.0, "log": False}  # a condition column that the network sees in its own units
UNSEEN = {"low": 0.0, "high": 0.0, "log": False}  # a condition column that the network never sees: always 0


def encoded(*columns: dict[str, Any]) -> Recipe:
    """The encoding of conditions with these columns."""
    return [("Encode", {"columns": list(columns)})]


class Trained(NamedTuple):
    """A surrogate, its curves {quantity: value per epoch}, and how it came about."""

    surrogate: Surrogate
    curves: dict[str, list[float]]
    about: dict[str, Any]


def train_watched(events: Events, plan: Plan, watch: Callable[[Surrogate], dict[str, float]], encode: Recipe | None = None) -> Trained:
    """A surrogate trained on the events, watched up to POINTS times; `encode` replaces the usual encoding of the conditions."""
    torch.manual_seed(plan.training.seed)
    about = {"fingerprint": fingerprint(events), "events": len(events), "seed": plan.training.seed}
    surrogate = untrained(events, plan, about)
    if encode is not None:
        chain = Chain((width(events.variables),), encode)
        model = build(plan.model, chain.shape[0], surrogate.response_transform.shape, **plan.settings)
        surrogate = replace(surrogate, condition_transform=chain, model=model)
    batches = ArrayBatches.from_events(events, surrogate.prepare, batch_size=plan.batch_size, seed=plan.training.seed)
    started = time.process_time()
    epoch, every = count(1), max(1, plan.training.epochs // POINTS)

    def validate(model: object) -> dict[str, float]:
        return {} if next(epoch) % every else watch(surrogate)

    columns = fit(surrogate.model, surrogate.model.objectives(), batches, plan.training, validate=validate).columns()
    watched = {name: values for name, values in columns.items() if name.startswith("validation/")}
    curves = {name.removeprefix("validation/"): [v for v in values if not math.isnan(v)] for name, values in watched.items()}
    spent = {"epochs": plan.training.epochs, "steps": plan.training.epochs * batches.steps, "cpu_seconds": round(time.process_time() - started, 1)}
    return Trained(surrogate, curves, {**about, **spent})


def fingerprint(events: Events) -> str:
    """A hash of the conditions and responses."""
    return hashlib.sha256(events.condition.tobytes() + events.response.tobytes()).hexdigest()[:16]


def quantities(values: Array, truth: Array) -> dict[str, float]:
    """What is watched: KL, mean, FWHM and excess kurtosis of a sample, and the truth's values of the last three."""
    own, true = _shape(values), _shape(truth)
    return {"KL": distance("kl", values, truth), **own, **{f"truth {name}": value for name, value in true.items()}}


def _shape(values: Array) -> dict[str, float]:
    """Mean, FWHM and excess kurtosis."""
    x = values.astype(np.float64)
    width = float(deviation(x, np.ones(len(x))))
    kurtosis = float(np.mean((x - x.mean()) ** 4) / width**4 - 3) if width > 0 else 0.0
    return {"mean": float(x.mean()), "FWHM": fwhm(x), "kurtosis": kurtosis}


def fwhm(values: Array) -> float:
    """Full width at half maximum of a sample, from the histogram that the distance `fwhm_difference` uses.

    Its smoothing adds a variance of one bin's width squared and the bins one of 1/12: a Gaussian in 50 bins over +-2.6 deviations comes out too
    wide by 0.6 %, the same for truth and candidate, so that their ratio is right to the product of that and the difference.
    """
    binned = even_bins(pair(values, values))
    return float(full_width(binned.x, binned.p))


def compare(observable: str, names: Iterable[str], bin: str, candidate: Draw, truth: Draw, *, repeats: int, unit: str = "1") -> list[Row]:
    """Distances averaged over `repeats` pairs of independent samples; the floor is that of other truth samples to the same ones.

    The names are those of DISTANCES, and "kl_kde" for the divergence of kernel density estimates.
    """
    pairs = [(candidate(i), truth(2 * i), truth(2 * i + 1)) for i in range(repeats)]
    return [_row(observable, name, bin, pairs, unit) for name in names]


def kernel_divergence(candidate: Array, truth: Array) -> float:
    """Integral of q log(q / p) of kernel density estimates, truth q and candidate p, over the truth's range: a check of the histograms' "kl".

    Both have Scott's bandwidth; a density counts for no less than FAINT of the largest of both, as the candidate may have none where the truth is.
    """
    place = np.linspace(truth.min(), truth.max(), GRID)
    p, q = (gaussian_kde(values.astype(np.float64))(place) for values in (_spread_out(candidate), truth))
    least = FAINT * max(p.max(), q.max())
    p, q = np.maximum(p, least), np.maximum(q, least)
    q /= np.trapezoid(q, place)
    return float(np.trapezoid(q * np.log(q / p), place))


def _spread_out(values: Array) -> Array:
    """The values, of which a constant is given the least width that a kernel estimate can have."""
    return values + np.linspace(-FAINT, FAINT, len(values)) if np.ptp(values) == 0 else values


def _row(observable: str, name: str, bin: str, pairs: Sequence[tuple[Array, Array, Array]], unit: str) -> Row:
    signed = name in DISTANCES and DISTANCES[name].signed
    value = _mean([_apart(name, mine, true) for mine, true, _ in pairs])
    floor = _mean([_apart(name, other, true) for _, true, other in pairs])
    return Row(observable, name, value.value, value.error, floor.value, floor.error, unit, bin, signed)


def _apart(name: str, candidate: Array, truth: Array) -> float:
    return kernel_divergence(candidate, truth) if name == "kl_kde" else distance(name, candidate, truth)


def _mean(values: Sequence[float]) -> Score:
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return Score(float(np.mean(values)), error)
