"""An uncompressed copy of a source on disk, filled block by block as blocks are asked for."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np

from facsim.core import Events, FacsimError
from facsim.core.events import Array
from facsim.core.variables import width
from facsim.data.reader import Source

BLOCK = 256  # rows of a block, at least


class Scratch:
    """Rows of (condition, response, weight) as float32, read from the source once and from an unnamed temporary file ever after.

    The file vanishes with the object or the process. Nothing of it is kept in memory.

    Raises:
        FacsimError: if the folder has not enough free space.
    """

    def __init__(self, source: Source, folder: Path | None = None) -> None:
        self.source = source
        self.width = width(source.variables) + source.detector.n_cells + 1
        self.block = source.chunk * -(-BLOCK // source.chunk)
        self.starts = np.arange(0, source.n, self.block)
        self._filled = np.zeros(len(self.starts), dtype=np.bool_)
        _require_space(Path(folder or tempfile.gettempdir()), 4 * self.width * source.n)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self.close = weakref.finalize(self, self._file.close)

    @property
    def sizes(self) -> Array:
        """Rows of each block."""
        return np.minimum(self.block, self.source.n - self.starts)

    def read(self, block: int, start: int, into: Array) -> None:
        """Copy rows of a block, from its row `start` on, into the array [rows, width]."""
        if not self._filled[block]:
            self._fill(block)
        self._file.seek(4 * self.width * (int(self.starts[block]) + start))
        self._file.readinto(into.data)

    def events(self, rows: Array) -> Events:
        """The events that rows [n, width] are."""
        source, c = self.source, width(self.source.variables)
        response = rows[:, c:-1].reshape(-1, *source.detector.shape)
        return Events(rows[:, :c], response, source.detector, source.variables, rows[:, -1])

    def _fill(self, block: int) -> None:
        first = int(self.starts[block])
        events = self.source.read(first, first + self.block)
        rows = np.hstack([events.condition, events.cells, events.weights[:, None]])
        try:
            self._file.seek(4 * self.width * first)
            self._file.write(rows.data)
            self._file.flush()
        except OSError as error:
            raise FacsimError("cannot write the scratch file", got=error.strerror, remedy="pass a folder with more free space") from error
        self._filled[block] = True


def _require_space(folder: Path, needed: int) -> None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise FacsimError(f"cannot use the scratch folder {folder}", got=error.strerror) from error
    if free < needed:
        gigabytes = f"{needed / 1e9:.1f} GB", f"{free / 1e9:.1f} GB"
        remedy = "pass a folder on a larger disk, or set TMPDIR"
        raise FacsimError(f"too little space in {folder} for uncompressed events", expected=gigabytes[0], got=gigabytes[1], remedy=remedy)
