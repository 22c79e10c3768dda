"""Folders of event files, such as libraries of showers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from facsim.core import Events, FacsimError
from facsim.data.files import open_reader
from facsim.data.reader import Reader

ROWS = 2000  # events in memory together


def read_folder(folder: str | Path, most: int = 20_000) -> dict[str, Iterator[Events]]:
    """The events of every HDF5 file of a folder by its name without the ending, up to `most` of each, in parts that are read when asked for.

    Raises:
        FacsimError: if there is no such file, or one cannot be read.
    """
    paths = sorted(Path(folder).glob("*.h5"))
    if not paths:
        raise FacsimError(f"{folder} holds no events", expected="a folder of .h5 files", got="none", remedy="check the path")
    return {path.stem: _parts(open_reader(path), most) for path in paths}


def _parts(reader: Reader, most: int) -> Iterator[Events]:
    stop = min(reader.n, most)
    return (reader.read(start, min(start + ROWS, stop)) for start in range(0, stop, ROWS))
