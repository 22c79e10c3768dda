"""Reading by rows: a file of events of which only the asked part is ever in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from facsim.core import Detector, Events, FacsimError, Variable
from facsim.core.events import Array
from facsim.data.hdf5 import opened

Rows = Callable[[Any, int, int], tuple[Array, Array, Array | None]]
Open = Callable[[Path], AbstractContextManager[Any]]


class Source(Protocol):
    """Events that are read by rows: a file, or a part of one. `chunk` rows are best read together."""

    @property
    def detector(self) -> Detector: ...

    @property
    def variables(self) -> tuple[Variable, ...]: ...

    @property
    def n(self) -> int: ...

    @property
    def chunk(self) -> int: ...

    @property
    def fingerprint(self) -> str: ...

    def read(self, start: int = 0, stop: int | None = None) -> Events: ...


@dataclass(frozen=True)
class Reader:
    """A file of `n` events; `rows(file, start, stop)` gives condition, response and weight as they are stored, in facsim's units.

    `chunk` is the number of rows that are best read together; `about` is what the file says of its origin; `open` opens the file.
    """

    path: Path
    format: str
    detector: Detector
    variables: tuple[Variable, ...]
    n: int
    chunk: int
    rows: Rows
    about: dict[str, Any] = field(default_factory=dict)
    open: Open = opened

    def __len__(self) -> int:
        return self.n

    def read(self, start: int = 0, stop: int | None = None) -> Events:
        """Events from row `start` to row `stop`, counted as Python slices are.

        Raises:
            FacsimError: if the file is damaged, or holds numbers that no event may have.
        """
        start, stop, _ = slice(start, stop).indices(self.n)
        with self.open(self.path) as file:
            condition, response, weight = self.rows(file, start, max(start, stop))
        try:
            return _validated(Events(condition, response.reshape(-1, *self.detector.shape), self.detector, self.variables, weight))
        except FacsimError as error:
            raise FacsimError(f"{self.path}, events {start} to {stop}: {error}") from error

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the file's bytes."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _validated(events: Events) -> Events:
    """The events, if no incident energy is negative."""
    for column, variable in enumerate(events.numbers):
        if variable.name == "energy" and len(events) and events.condition[:, column].min() < 0:
            raise FacsimError("incident energies are negative", expected="energies >= 0", got=f"{events.condition[:, column].min():g}")
    return events
