"""Columns of numbers on disk: ROOT trees, CSV and Parquet. Each library is imported when a file of its kind is."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facsim.core import FacsimError
from facsim.core.events import Array

Columns = dict[str, Array]
TREES = ("TTree", "ROOT::RNTuple")
DEFAULT_TREE = "events"
DIGITS = "%.9g"  # give float32 back bit by bit


@dataclass(frozen=True)
class TableFormat:
    """How to list a file's columns, to load some of them, and to write all as bytes; `tree` is for ROOT alone."""

    names: Callable[[Path, str | None], list[str]]
    load: Callable[[Path, str | None, Sequence[str]], Columns]
    dump: Callable[[Columns, str | None], bytes]


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Tell whatever a library says of a file in one line."""
    if not path.is_file():
        raise FacsimError(f"cannot read {path}", expected="a file", got="a folder" if path.is_dir() else "no such file", remedy="check the path")
    try:
        yield
    except (FacsimError, ImportError, MemoryError):
        raise
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FacsimError(f"cannot read {path}", got=first, remedy="if the file is truncated or damaged, fetch or write it again") from error


def root_names(path: Path, tree: str | None) -> list[str]:
    """The branches of a tree."""
    with readable(path), uproot_library().open(path) as file:
        return [str(name) for name in _tree(file, tree, path).keys()]  # noqa: SIM118 - a tree is no dictionary


def root_load(path: Path, tree: str | None, names: Sequence[str]) -> Columns:
    """Branches of one number an event."""
    with readable(path), uproot_library().open(path) as file:
        found = _tree(file, tree, path)
        for name in names:
            _require_number(path, name, found[name].typename)
        return {name: found[name].array(library="np") for name in names}


def root_dump(columns: Columns, tree: str | None) -> bytes:
    """A ROOT file with one tree."""
    buffer = _Kept()
    with uproot_library().recreate(buffer) as file:
        written = file.mktree(tree or DEFAULT_TREE, {name: column.dtype for name, column in columns.items()})
        written.extend(columns)
    return buffer.getvalue()


def csv_names(path: Path, tree: str | None) -> list[str]:
    """The names in the first line."""
    with readable(path), path.open(newline="", encoding="utf-8-sig") as file:
        names = next(csv.reader(file), [])
    if not names:
        raise FacsimError(f"cannot read {path}", expected="a first line with the names of the columns", got="an empty file")
    return [name.strip() for name in names]


def csv_load(path: Path, tree: str | None, names: Sequence[str]) -> Columns:
    """Columns of numbers below the first line."""
    header = csv_names(path, tree)
    places = [header.index(name) for name in names]
    with readable(path), path.open(encoding="utf-8-sig") as file:
        next(file)
        lines = file.readlines()
        table = np.loadtxt(lines, delimiter=",", usecols=places, ndmin=2, comments=None) if lines else np.zeros((0, len(places)))
    return dict(zip(names, table.T, strict=True))


def csv_dump(columns: Columns, tree: str | None) -> bytes:
    """Comma-separated numbers with a first line of names."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(columns)
    np.savetxt(text, np.column_stack(list(columns.values())), fmt=DIGITS, delimiter=",")
    return text.getvalue().encode()


def parquet_names(path: Path, tree: str | None) -> list[str]:
    """The columns of the file's schema."""
    with readable(path):
        return list(_parquet().read_schema(path).names)


def parquet_load(path: Path, tree: str | None, names: Sequence[str]) -> Columns:
    """Columns of one number a row, none missing."""
    with readable(path):
        table = _parquet().read_table(path, columns=list(names))
        for name in names:
            _require_number(path, name, str(table[name].type))
            if table[name].null_count:
                raise FacsimError(f"column {name!r} of {path} has gaps", expected="a number in each row", got=f"{table[name].null_count} nulls")
        return {name: table[name].to_numpy() for name in names}


def parquet_dump(columns: Columns, tree: str | None) -> bytes:
    """A Parquet file."""
    parquet = _parquet()
    from pyarrow import table

    buffer = io.BytesIO()
    parquet.write_table(table(columns), buffer)
    return buffer.getvalue()


TABLES: dict[str, TableFormat] = {
    ".root": TableFormat(root_names, root_load, root_dump),
    ".csv": TableFormat(csv_names, csv_load, csv_dump),
    ".parquet": TableFormat(parquet_names, parquet_load, parquet_dump),
}


class _Kept(io.BytesIO):
    """Bytes that can still be had when a library has closed them."""

    def close(self) -> None:
        """Nothing."""


NUMBERS = ("bool", "int", "uint", "float", "double", "char", "short", "long", "unsigned", "half")  # how the names of numbers' types begin


def _require_number(path: Path, name: str, type_name: str) -> None:
    """Refuse what has no number, or more than one, in each row: arrays of fixed length, jagged ones, strings, objects."""
    plain = type_name.removeprefix("std::")
    if not plain.startswith(NUMBERS) or plain.endswith(("]", "*")):
        raise FacsimError(f"column {name!r} of {path} is not a plain number", expected="one number in each row", got=type_name)


def _tree(file: Any, name: str | None, path: Path) -> Any:
    """The tree of that name, or the only one."""
    trees = [key for key, kind in file.classnames(cycle=False).items() if kind in TREES]
    if name is None and len(trees) != 1:
        remedy = "choose one with --tree" if trees else ""
        raise FacsimError(f"{path} has {'several trees' if trees else 'no tree'}", expected="one", got=", ".join(trees) or "none", remedy=remedy)
    if name is not None and name not in trees:
        raise FacsimError(f"{path} has no tree {name!r}", got=", ".join(trees) or "no tree at all")
    return file[name or trees[0]]


def uproot_library() -> Any:
    """The library that reads and writes ROOT files.

    Raises:
        FacsimError: if it is not installed.
    """
    try:
        import uproot
    except ImportError as error:
        raise FacsimError("ROOT files need the library uproot", remedy="pip install 'facsim[root]'") from error
    return uproot


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise FacsimError("Parquet files need the library pyarrow", remedy="pip install 'facsim[parquet]'") from error
    return parquet
