"""Writing by batches: the file appears whole, under its name, or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from facsim.core import Detector, Events, FacsimError, Variable
from facsim.core.atomic import flush
from facsim.core.events import Array
from facsim.core.variables import width
from facsim.data.hdf5 import reason

CHUNK = 256  # rows of a chunk
CHUNK_BYTES = 2**26  # at most, for very large events
CACHE_BYTES = 2**27  # holds the unfinished chunk, so that batches of any length are compressed once
GZIP = 4
FILL = {"weight": 1.0}  # what earlier events have where a later batch is the first to have the dataset; elsewhere 0

Columns = Callable[[Events], dict[str, Array]]
Describe = Callable[[h5py.File], None]


class Sink(io.FileIO):
    """A file that remembers the first failed write and swallows the rest.

    HDF5 cannot close a file on a full disk, and brings the process down with it; so the failure is kept from it and told by the Writer.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write all bytes, or note why not."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while len(rest):
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.failure = self.failure or error
        return size

    def truncate(self, size: int | None = None, /) -> int:
        """Set the size, or note why not."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0


class Writer:
    """Appends events to a new file: `with open_writer(...) as writer: writer.append(events)`.

    Everything goes to a hidden file beside `path`, which takes its name (and replaces an older file) when the block ends without an exception.

    Raises:
        FacsimError: if the file cannot be written, or events are of another detector or other variables.
    """

    def __init__(self, path: str | Path, detector: Detector, variables: tuple[Variable, ...], columns: Columns, describe: Describe) -> None:
        self.path, self.detector, self.variables = Path(path), detector, tuple(variables)
        self.n = 0
        self._file: Any = None
        self._columns, self._describe = columns, describe
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")

    def __enter__(self) -> Self:
        if self.path.is_dir():
            raise FacsimError(f"cannot write {self.path}", expected="a file", got="a folder")
        try:
            self._sink = Sink(self._partial, "w+b")
        except OSError as error:
            raise self._error(error) from error
        try:
            self._file = h5py.File(self._sink, "w", rdcc_nbytes=CACHE_BYTES)
            self.append(_no_events(self.detector, self.variables))
            self._describe(self._file)
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._commit()
        else:
            self._abandon()

    def append(self, events: Events) -> None:
        """Write the events after those already there."""
        require_same_form(events, self.detector, self.variables, self.path)
        columns = self._columns(replace(events, variables=self.variables))
        with self._one_line():
            for name in [name for name in columns if name not in self._file]:
                _create(self._file, name, columns[name], self.n)
            self.n += len(events)
            for name, data in self._file.items():
                data.resize(self.n, axis=0)
                if name in columns:
                    data[self.n - len(events) :] = columns[name]

    def _commit(self) -> None:
        """Bring all to disk, then give the file its name."""
        try:
            with self._one_line():
                self._file.close()
            with self._one_line():
                os.fsync(self._sink.fileno())
                self._sink.close()
                os.replace(self._partial, self.path)
                flush(self.path.parent)
        finally:
            self._abandon()

    def _abandon(self) -> None:
        """Leave nothing half-written; without effect after a commit."""
        with suppress(OSError, RuntimeError):
            if self._file is not None:
                self._file.close()
        self._sink.close()
        self._partial.unlink(missing_ok=True)

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        """Tell any failure to write in one line; the sink's first one is the cause of all that follow."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            raise self._error(self._sink.failure or error) from error
        if self._sink.failure is not None:
            raise self._error(self._sink.failure)

    def _error(self, error: Exception) -> FacsimError:
        return FacsimError(f"cannot write {self.path}", got=reason(error), remedy="check the folder and its free space; nothing half-written remains")


def require_same_form(events: Events, detector: Detector, variables: tuple[Variable, ...], path: Path) -> None:
    """Raise unless the events are of that detector and have these variables; ranges may differ."""
    told, wanted = ([(v.name, v.unit, v.shape) for v in vs] for vs in (events.variables, variables))
    if events.detector != detector or told != wanted:
        raise FacsimError(f"cannot append to {path}", expected="events of the same detector and variables", got="others")


def _no_events(detector: Detector, variables: tuple[Variable, ...]) -> Events:
    return Events(np.zeros((0, width(variables))), np.zeros((0, *detector.shape)), detector, variables)


def _create(file: h5py.File, name: str, column: Array, rows: int) -> None:
    """A dataset that grows, with `rows` rows of its filling."""
    shape = column.shape[1:]
    row_bytes = max(1, column.dtype.itemsize * int(np.prod(shape)))
    chunk = max(1, min(CHUNK, CHUNK_BYTES // row_bytes))
    how = {"chunks": (chunk, *(max(1, size) for size in shape)), "compression": "gzip", "compression_opts": GZIP, "shuffle": True}
    most = (None, *(size or None for size in shape))  # HDF5 knows no chunks of a fixed width of nothing
    file.create_dataset(name, (rows, *shape), column.dtype, maxshape=most, fillvalue=FILL.get(name, 0), **how)
