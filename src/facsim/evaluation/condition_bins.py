"""Parts of the condition space: quartiles of each condition that varies, or its single values where they are few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from facsim.core import Events, Variable
from facsim.evaluation.comparison import Comparison
from facsim.evaluation.floor import FEWEST, effective_number
from facsim.evaluation.pair import Array

QUANTILES = (0.25, 0.5, 0.75)
FEW_VALUES = 8  # a condition with no more values than this is split by value


@dataclass(frozen=True)
class ConditionBin:
    """Events whose condition in `column` lies in [low, high)."""

    variable: Variable
    column: int
    low: float
    high: float
    label: str

    def mask(self, events: Events) -> Array:
        """Which events lie in the bin, [n]."""
        values = events.condition[:, self.column]
        return np.asarray((values >= self.low) & (values < self.high))

    def part(self, compared: Comparison) -> Comparison | None:
        """The comparison in this bin; None if a sample has too few events there."""
        samples = (compared.reference, compared.candidate, compared.floor)
        masks = [self.mask(s.events) for s in samples]
        if min(effective_number(s.events.weights[m]) for s, m in zip(samples, masks)) < FEWEST:
            return None
        reference, candidate, floor = (s.where(m) for s, m in zip(samples, masks))
        return replace(compared, reference=reference, candidate=candidate, floor=floor, bin=self.label)


def condition_bins(truth: Events) -> Iterator[ConditionBin]:
    """The bins of every condition that varies, chosen from the truth alone; the first and the last quartile are open.

    Examples:
        >>> from facsim.core import Vector
        >>> events = Events(np.arange(100.0)[:, None], np.zeros((100, 1)), Vector(("a",)), (Variable("energy", "MeV"),))
        >>> [b.label for b in condition_bins(events)]
        ['energy 0-24.8 MeV', 'energy 24.8-49.5 MeV', 'energy 49.5-74.2 MeV', 'energy 74.2-99 MeV']
    """
    for column, variable in enumerate(truth.numbers):
        values = truth.condition[:, column].astype(np.float64)
        distinct = np.unique(values)
        if 1 < len(distinct) <= FEW_VALUES:
            yield from _single_values(variable, column, distinct)
        elif len(distinct) > FEW_VALUES:
            yield from _quartiles(variable, column, values)


def _single_values(variable: Variable, column: int, distinct: Array) -> Iterator[ConditionBin]:
    middles = (distinct[1:] + distinct[:-1]) / 2
    for value, low, high in zip(distinct, [-np.inf, *middles], [*middles, np.inf]):
        yield ConditionBin(variable, column, float(low), float(high), _label(variable, f"{value:.4g}"))


def _quartiles(variable: Variable, column: int, values: Array) -> Iterator[ConditionBin]:
    inner = np.unique(np.quantile(values, QUANTILES))
    named = [values.min(), *inner, values.max()]
    for i, (low, high) in enumerate(zip([-np.inf, *inner], [*inner, np.inf])):
        yield ConditionBin(variable, column, float(low), float(high), _label(variable, f"{named[i]:.3g}-{named[i + 1]:.3g}"))


def _label(variable: Variable, text: str) -> str:
    return f"{variable.name} {text}" + (f" {variable.unit}" if variable.unit != "1" else "")
