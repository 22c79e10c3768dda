"""The scorecard: what was measured, how large, how sure, and how large it is between two samples of the truth."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from facsim.core import FacsimError
from facsim.core.atomic import write_whole

NO_ERROR = 1e3  # the excess of a difference that has no statistical error, such as between two constants: the largest


@dataclass(frozen=True)
class Row:
    """One score: `distance` of `observable` between candidate and truth, with errors, beside the floor (truth against truth, same sizes).

    A `signed` score (a relative difference) departs from the floor in both directions; any other is the worse the larger it is.
    """

    observable: str
    distance: str
    value: float
    error: float
    floor: float
    floor_error: float
    unit: str = "1"
    bin: str = "all"
    signed: bool = False

    @property
    def excess(self) -> float:
        """How many errors the value lies above its floor (from its floor, if signed); a difference without any error counts as NO_ERROR,
        and none counts as more.

        Value and floor share the reference, whose error is counted twice: the excess is on the careful side, by up to a factor 1.4.
        """
        error = math.hypot(self.error, self.floor_error)
        difference = abs(self.value - self.floor) if self.signed else self.value - self.floor
        size = abs(difference) / error if error else NO_ERROR
        return math.copysign(min(size, NO_ERROR), difference) if difference else 0.0


class Output(NamedTuple):
    """What a classifier says of events it has not seen: their shares in equal bins of its probability to be truth, from 0 to 1."""

    truth: tuple[float, ...]
    candidate: tuple[float, ...]


@dataclass(frozen=True)
class Scorecard:
    """All rows of one comparison, what was compared (`about`: sizes, recipe, file names, seed), and the outputs of its classifiers by name."""

    rows: tuple[Row, ...]
    about: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bad = [r for r in self.rows if not all(math.isfinite(x) for x in (r.value, r.error, r.floor, r.floor_error))]
        if bad:
            raise FacsimError("a score is not finite", got=f"{bad[0].distance} of {bad[0].observable} in bin {bad[0].bin}")

    def find(self, observable: str, distance: str, bin: str = "all") -> Row:
        """The one row of that observable, distance and bin."""
        for row in self.rows:
            if (row.observable, row.distance, row.bin) == (observable, distance, bin):
                return row
        raise FacsimError(f"the scorecard has no {distance} of {observable} in bin {bin}", expected=f"one of {len(self.rows)} rows")

    def worst(self, n: int) -> tuple[Row, ...]:
        """The n rows furthest above their floor, in errors."""
        return tuple(sorted(self.rows, key=lambda r: -r.excess)[:n])

    def to_json(self) -> str:
        """The scorecard as a JSON document."""
        outputs = {name: output._asdict() for name, output in self.outputs.items()}
        document = {"about": self.about, **({"outputs": outputs} if outputs else {}), "rows": [asdict(r) for r in self.rows]}
        return json.dumps(document, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Scorecard:
        """The scorecard that `to_json` wrote.

        Raises:
            FacsimError: if the text is no scorecard.
        """
        try:
            document = json.loads(text)
            outputs = {name: Output(tuple(o["truth"]), tuple(o["candidate"])) for name, o in document.get("outputs", {}).items()}
            return cls(rows_from(document["rows"]), document["about"], outputs)
        except (ValueError, KeyError, TypeError) as error:
            raise FacsimError("this is no scorecard", expected="the JSON that facsim evaluate writes", got=repr(error)) from error

    def save(self, path: Path) -> None:
        """Write the JSON document, wholly or not at all."""
        write_whole(path, (self.to_json() + "\n").encode())


def rows_from(records: Iterable[dict[str, Any]]) -> tuple[Row, ...]:
    """Rows from plain dictionaries."""
    return tuple(Row(**record) for record in records)
