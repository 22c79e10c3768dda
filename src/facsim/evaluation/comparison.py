"""What a section of the scorecard is given: the three samples and their observables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from facsim.core import Events, stream
from facsim.evaluation.bootstrap import scores
from facsim.evaluation.distances import DISTANCES
from facsim.evaluation.observables import Column, columns, features
from facsim.evaluation.pair import Array
from facsim.evaluation.scorecard import Output, Row


@dataclass(frozen=True, eq=False)
class Sample:
    """Events with all their applicable observables, float64 [n, k]."""

    events: Events
    features: Array

    @property
    def weight(self) -> Array | None:
        """Weights [n], if there are any."""
        return self.events.weight

    def where(self, mask: Array) -> Sample:
        """The events of a mask [n]."""
        return Sample(self.events[mask], self.features[mask])


@dataclass(frozen=True, eq=False)
class Comparison:
    """Candidate and floor sample, of equal size, each to be compared with the reference; `train` are the events a model has seen, if known.

    All of one detector with the same condition variables. `bin` names the part of the conditions that they cover, `data_set` the CaloChallenge's
    data set if the user did; `outputs` is where sections leave what their classifiers say, by name.
    """

    reference: Sample
    candidate: Sample
    floor: Sample
    seed: int = 0
    train: Events | None = None
    bin: str = "all"
    data_set: str | None = None
    outputs: dict[str, Output] = field(default_factory=dict)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Names and units of the columns of the samples' features."""
        return columns(self.reference.events)

    def rows(self, column: Column, distances: Iterable[str]) -> list[Row]:
        """Distances of one observable between candidate and reference, beside the floor."""
        place = [c.name for c in self.columns].index(column.name)
        values = [s.features[:, place] for s in (self.reference, self.candidate, self.floor)]
        return self.score(column.name, values, distances)

    def score(self, name: str, values: list[Array], distances: Iterable[str]) -> list[Row]:
        """Distances of one number of each event, given for reference, candidate and floor sample, beside the floor."""
        names = list(distances)
        reference, *others = values
        value, floor = (
            scores(
                names,
                other,
                reference,
                stream(self.seed, "bootstrap", name, self.bin, who),
                candidate_weight=sample.weight,
                truth_weight=self.reference.weight,
            )
            for who, other, sample in zip(("candidate", "floor"), others, (self.candidate, self.floor))
        )
        return [Row(name, d, *value[d], *floor[d], "1", self.bin, DISTANCES[d].signed) for d in names]


def comparison(
    reference: Events, candidate: Events, floor: Events, seed: int = 0, train: Events | None = None, *, data_set: str | None = None
) -> Comparison:
    """A comparison of three samples of events."""
    observed = [Sample(events, features(events)[0]) for events in (reference, candidate, floor)]
    return Comparison(observed[0], observed[1], observed[2], seed, train, data_set=data_set)
