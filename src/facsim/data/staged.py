"""Writing through another library: into a hidden file beside, which takes its name when all is there."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from facsim.core import Detector, Events, FacsimError, Variable
from facsim.core.atomic import flush
from facsim.data.writer import require_same_form


class StagedWriter(ABC):
    """Appends events to a new file as `facsim.data.Writer` does: `with open_writer(...) as writer: writer.append(events)`.

    Raises:
        FacsimError: if the file cannot be written, or events are of another detector or other variables.
    """

    def __init__(self, path: str | Path, detector: Detector, variables: tuple[Variable, ...], about: dict[str, Any]) -> None:
        self.path, self.detector, self.variables, self.about = Path(path), detector, tuple(variables), about
        self.n = 0
        self.partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")

    def __enter__(self) -> Self:
        if self.path.is_dir():
            raise FacsimError(f"cannot write {self.path}", expected="a file", got="a folder")
        with self._told():
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with self._told():
                self.finish(kind is None)
                if kind is None:
                    flush(self.partial)
                    os.replace(self.partial, self.path)
                    flush(self.path.parent)
        finally:
            self.partial.unlink(missing_ok=True)

    def append(self, events: Events) -> None:
        """Write the events after those already there."""
        require_same_form(events, self.detector, self.variables, self.path)
        if len(events):
            with self._told():
                self.add(replace(events, variables=self.variables))
        self.n += len(events)

    @abstractmethod
    def start(self) -> None:
        """Begin the file `partial`."""

    @abstractmethod
    def add(self, events: Events) -> None:
        """Take one or more events."""

    @abstractmethod
    def finish(self, good: bool) -> None:
        """Close the file; it is thrown away unless all went well."""

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell any failure to write in one line."""
        try:
            yield
        except OSError as error:
            remedy = "check the folder and its free space; nothing half-written remains"
            raise FacsimError(f"cannot write {self.path}", got=error.strerror or error, remedy=remedy) from error
