"""How much events of one condition differ: the same event made many times, by a surrogate and again by the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facsim.core import Events, stream
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row

if TYPE_CHECKING:
    from facsim.surrogate import Surrogate

Observables = Mapping[str, Callable[[Events], Array]]
FULL, QUICK = 1000, 20  # generations of one event


@dataclass(frozen=True)
class Repeated:
    """One event that can be made n times: what a surrogate is given [n, c], and n events of the truth for the same, as many samples as are asked for.

    The former takes numbers from a random stream, the latter from its own stream for each sample (0, 1, ...). `dress` gives a surrogate's events the
    condition that observables need.
    """

    name: str
    given: Callable[[int, np.random.Generator], Array]
    truth: Callable[[int, int], Events]
    dress: Callable[[Events], Events] = lambda events: events


def variety_rows(surrogate: Surrogate, repeats: Sequence[Repeated], observables: Observables, full: bool) -> list[Row]:
    """Variance of a surrogate's events over the truth's, less one, for each event; the floor is that of the truth simulated once more."""
    n, rows = FULL if full else QUICK, []
    for event in repeats:
        made = event.dress(surrogate.simulate(event.given(n, stream(0, "given", event.name)), stream(0, "variety", event.name), extrapolate=True))
        truth, other = (event.truth(n, number) for number in range(2))
        for name, observable in observables.items():
            found, true, again = (variance(observable(events)) for events in (made, truth, other))
            rows.append(Row(f"variety[{name}]", "variance_ratio", *excess(found, true), *excess(again, true), bin=event.name, signed=True))
    return rows


def variance(values: Array) -> tuple[float, float]:
    """Variance, and its relative error for numbers of any distribution."""
    square = np.square(values - values.mean(), dtype=np.float64)
    mean = float(square.mean())
    return mean, float(square.std() / mean / np.sqrt(len(values))) if mean else 0.0


def excess(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Variance over variance less one, and its error; both with relative errors.

    Examples:
        >>> excess((3.0, 0.1), (2.0, 0.0))
        (0.5, 0.15000000000000002)
    """
    ratio = one[0] / other[0] if other[0] else 1.0
    return ratio - 1, ratio * float(np.hypot(one[1], other[1]))


def spread_row(name: str, pairs: Array, truth: Array) -> Row:
    """Variance of events of equal conditions over the one that the truth has about the surrogate's means, less one, over all conditions together.

    `pairs` [2, n] are two events for each condition, `truth` [n] the true ones: half the mean squared difference within pairs is the surrogate's
    variance v; the mean squared difference to the truth is v and the truth's variance, to which wrong means add. The error is from conditions drawn
    again; the floor is zero.
    """
    within = np.square(pairs[0] - pairs[1]) / 2
    across = np.square(pairs - truth).mean(0)
    rng = stream(0, "spread")
    picks = [rng.integers(len(truth), size=len(truth)) for _ in range(50)]
    ratios = [_ratio(within[pick], across[pick]) for pick in picks]
    return Row(f"spread[{name}]", "variance_ratio", _ratio(within, across) - 1, float(np.std(ratios, ddof=1)), 0.0, 0.0, signed=True)


def _ratio(within: Array, across: Array) -> float:
    rest = float(across.mean() - within.mean())
    return float(within.mean()) / rest if rest > 0 else 1e3
