"""What a page is made from: truth, candidates, their scorecards, and all observables computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from facsim.core import Events, FacsimError
from facsim.core.events import Array
from facsim.evaluation.observables import OBSERVABLES, Column, columns, features
from facsim.evaluation.scorecard import Scorecard

Sample = tuple[Array, Array]  # values of events, and their weights


@dataclass(frozen=True, eq=False)
class Comparison:
    """Candidates against one truth; `history` holds training numbers by epoch, `timings` seconds per event by candidate (and `truth`),
    `train` the events that the candidates were trained on.

    Raises:
        FacsimError: if there is no candidate, or one has another detector or no scorecard.
    """

    truth: Events
    candidates: Mapping[str, Events]
    scorecards: Mapping[str, Scorecard]
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    train: Events | None = None

    def __post_init__(self) -> None:
        if not self.candidates:
            raise FacsimError("nothing to report", expected="one or more candidates", got=0)
        if set(self.scorecards) != set(self.candidates):
            raise FacsimError("scorecards do not fit the candidates", expected=sorted(self.candidates), got=sorted(self.scorecards))
        other = [name for name, events in self.candidates.items() if events.detector != self.truth.detector]
        if other:
            raise FacsimError(f"candidate {other[0]!r} has another detector than the truth", remedy="coarsen or convert one of them")

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Every number of an event, by name."""
        return {c.name: c for c in columns(self.truth)}

    @cached_property
    def samples(self) -> list[Sample]:
        """Observables [n, columns] and weights [n] of the truth, then of each candidate."""
        return [(features(events)[0], events.weights) for events in (self.truth, *self.candidates.values())]

    def values(self, column: str) -> tuple[Sample, dict[str, Sample]]:
        """One number of the truth's events, and of the candidates': each (values [n], weights [n])."""
        return self._cut(list(self.columns).index(column))

    def parts(self, observable: str) -> tuple[Sample, dict[str, Sample]]:
        """All columns of one observable: each sample (values [n, parts], weights [n])."""
        return self._cut([i for i, c in enumerate(self.columns.values()) if c.observable == observable])

    def matrices(self, names: Sequence[str]) -> tuple[Array, dict[str, Array]]:
        """The columns of these names side by side, [n, names], of the truth and of each candidate."""
        truth, candidates = self._cut([list(self.columns).index(name) for name in names])
        return truth[0], {name: values for name, (values, _) in candidates.items()}

    def observables(self, events: Events) -> Array:
        """All columns of other events of this detector, [n, columns]."""
        return features(events)[0]

    def _cut(self, index: int | list[int]) -> tuple[Sample, dict[str, Sample]]:
        truth, *others = ((matrix[:, index], weights) for matrix, weights in self.samples)
        return truth, dict(zip(self.candidates, others, strict=True))

    @property
    def single(self) -> list[str]:
        """Names of the columns that do not belong to one layer of several."""
        return [name for name, column in self.columns.items() if column.observable not in self.layered]

    @property
    def layered(self) -> list[str]:
        """Names of the observables with a column for each of several layers."""
        return [name for name in dict.fromkeys(c.observable for c in self.columns.values()) if name.startswith("layer_")]


def axis_label(column: Column) -> str:
    """The observable's symbol with the part that the column is; a tabular column's own name."""
    if column.observable == "columns":
        return column.name.replace("$", r"\$")
    part = column.name.removeprefix(column.observable).strip("[]")
    return OBSERVABLES[column.observable].label + (f", {part}" if part else "")


def describe(column: Column) -> str:
    """Name and meaning of a column, for a caption."""
    meaning = OBSERVABLES[column.observable].description
    return f"{column.name}: {meaning}" if meaning else column.name
