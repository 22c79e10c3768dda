"""HDF5 files opened so that every fault of theirs is one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from facsim.core import FacsimError

DETAIL = re.compile(r"error message = '([^']*)'|\((.*?)[,)]", re.DOTALL)


def reason(error: BaseException) -> str:
    """The telling part of an HDF5 message.

    Examples:
        >>> reason(OSError("Unable to synchronously open file (truncated file: eof = 100, stored_eof = 2048)"))
        'truncated file: eof = 100'
        >>> reason(OSError(28, "No space left on device"))
        'No space left on device'
    """
    if isinstance(error, OSError) and error.strerror and "(" not in error.strerror:
        return error.strerror
    found = DETAIL.search(str(error))
    return (found[1] or found[2]) if found else str(error)


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, open for reading.

    Raises:
        FacsimError: if it is missing, empty, not HDF5, or damaged (also where only a later read finds the damage).
    """
    try:
        _require_hdf5(path)
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError) as error:
        raise FacsimError(f"cannot read {path}", got=reason(error), remedy="if the file is truncated or damaged, fetch or write it again") from error


def _require_hdf5(path: Path) -> None:
    if not path.exists():
        raise FacsimError(f"cannot read {path}", got="no such file", remedy="check the path")
    if path.is_dir():
        raise FacsimError(f"cannot read {path}", expected="a file", got="a folder")
    with path.open("rb") as file:
        if not file.read(1):
            raise FacsimError(f"cannot read {path}", expected="an HDF5 file", got="an empty file")
    if not h5py.is_hdf5(path):
        raise FacsimError(f"cannot read {path}", expected="an HDF5 file", got="something else", remedy="the name's ending does not make the format")


def dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """The dataset of numbers of that name.

    Raises:
        FacsimError: if the file has none; lists what it has.
    """
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise FacsimError(f"{file.filename} has no dataset {name!r}", got=f"{', '.join(file) or 'nothing'}", remedy="check the file's format")
    if found.dtype.kind not in "fiu" or not found.shape:
        raise FacsimError(f"dataset {name!r} of {file.filename} is not an array of numbers", got=f"{found.dtype} of shape {found.shape}")
    return found


def common_rows(file: h5py.File, names: list[str]) -> int:
    """The number of rows that all these datasets have.

    Raises:
        FacsimError: if their numbers of rows differ.
    """
    rows = {name: len(dataset(file, name)) for name in names}
    if len(set(rows.values())) > 1:
        told = ", ".join(f"{name} {n}" for name, n in rows.items())
        raise FacsimError(f"datasets of {file.filename} have different numbers of rows", expected="one row for each event in all", got=told)
    return next(iter(rows.values()))


def chunk_rows(data: h5py.Dataset, default: int) -> int:
    """Rows of one chunk of the dataset; `default` where it is not chunked."""
    return int(data.chunks[0]) if data.chunks else default


def text(value: object) -> str:
    """An attribute as text, whichever way it was stored."""
    return value.decode() if isinstance(value, bytes | np.bytes_) else str(value)
