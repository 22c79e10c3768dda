"""Flat tables as events: some columns are conditions, some the response, one may be a weight."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from facsim.core import Detector, Events, FacsimError, Variable, Vector, concatenate
from facsim.core.atomic import write_whole
from facsim.core.events import Array
from facsim.data.columns import column_name, named_unit
from facsim.data.memory import InMemory
from facsim.data.table_formats import TABLES, Columns, TableFormat

CODE = "pdg"  # a column of this name holds choices, not a range
WEIGHT = "weight"  # the column of weights that is written
NEAREST = 3  # columns that are named where one is not found


@dataclass(frozen=True)
class Choice:
    """Which columns of a table are what, each by its name with or without the unit it ends in; `tree` of a ROOT file."""

    condition: Sequence[str]
    response: Sequence[str]
    weight: str | None = None
    tree: str | None = None

    @property
    def columns(self) -> list[str]:
        """All of them in order."""
        return [*self.condition, *self.response, *([] if self.weight is None else [self.weight])]


def open_table(path: Path, choice: Choice) -> InMemory:
    """The chosen columns as a source of events; its fingerprint is a SHA-256 of the file's bytes and of the choice.

    Raises:
        FacsimError: as `read_table`.
    """
    fingerprint = hashlib.sha256(path.read_bytes() + repr(choice).encode()).hexdigest()
    return InMemory(read_table(path, choice), fingerprint, about={"table": path.name, "columns": choice.columns})


def is_table(path: Path) -> bool:
    """Whether the file's name ends as one of a table.

    Examples:
        >>> is_table(Path("tuple.root")), is_table(Path("events.h5"))
        (True, False)
    """
    return path.suffix.lower() in TABLES


def read_table(path: Path, choice: Choice) -> Events:
    """The chosen columns as events, in facsim's units: a name may end in the unit of its numbers, such as p_GeV.

    Raises:
        FacsimError: if the file cannot be read, a column is missing (names the nearest), is no plain number in each row, or is not finite.
    """
    if not choice.condition or not choice.response:
        raise FacsimError(f"{path} does not say what its columns are", remedy="name them: --condition p,eta --response dllK,dllP")
    columns = read_columns(path, choice.columns, choice.tree)
    return _events(list(columns), list(columns.values()), len(choice.condition), len(choice.response))


def read_columns(path: Path, wanted: Sequence[str], tree: str | None = None) -> Columns:
    """The wanted columns under their own names, which may end in a unit, in facsim's units: each float64 [n].

    Raises:
        FacsimError: as `read_table`.
    """
    format = format_of(path)
    names = [_found(name, format.names(path, tree), path) for name in wanted]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FacsimError("a column can be one thing alone", got=f"{', '.join(twice)} twice")
    columns = format.load(path, tree, names)
    return {name: _finite(path, name, columns[name]) for name in names}


def has_column(path: Path, name: str, tree: str | None = None) -> bool:
    """Whether a table has a column of that name, with or without a unit."""
    return any(name in (column, named_unit(column)[0]) for column in format_of(path).names(path, tree))


def write_table(events: Events, path: Path, tree: str | None = None) -> None:
    """Write conditions, response and weight side by side, wholly or not at all; names end in the unit where there is one.

    Raises:
        FacsimError: if the events are no table, two columns would have one name, or the file cannot be written.
    """
    write_whole(path, format_of(path).dump(table_of(events), tree))


class TableWriter:
    """Keeps the events that are appended and writes them as one table when its `with` block ends without an exception.

    Raises:
        FacsimError: if events of this detector and these variables are no table.
    """

    def __init__(self, path: Path, detector: Detector, variables: Sequence[Variable]) -> None:
        width = sum(v.columns for v in variables)
        nothing = Events(np.zeros((0, width)), np.zeros((0, *detector.shape)), detector, tuple(variables))
        table_of(nothing)
        self.path, self._parts = path, [nothing]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            write_table(concatenate(self._parts), self.path)

    def append(self, events: Events) -> None:
        """Keep the events."""
        self._parts.append(events)


def table_of(events: Events) -> Columns:
    """The events' numbers as columns by name, float32."""
    if not isinstance(events.detector, Vector) or len(events.numbers) < len(events.variables):
        got = f"a {type(events.detector).__name__} of {events.detector.n_cells} cells"
        raise FacsimError(
            "these events are no flat table", expected="a Vector and conditions of one number each", got=got, remedy="write format 'native'"
        )
    names = [column_name(v.name, v.unit) for v in events.variables]
    names += [column_name(name, unit) for name, unit in zip(events.detector.names, events.detector.units, strict=True)]
    arrays = [*events.condition.T, *events.response.T]
    if events.weight is not None:
        names, arrays = [*names, WEIGHT], [*arrays, events.weight]
    if len(set(names)) < len(names):
        raise FacsimError("two columns would have one name", got=", ".join(names))
    return {name: np.ascontiguousarray(array) for name, array in zip(names, arrays, strict=True)}


def format_of(path: Path) -> TableFormat:
    """The format that the file's name ends in."""
    if not is_table(path):
        raise FacsimError(f"{path} is no table by its name", expected=f"an ending {', '.join(TABLES)}", got=path.suffix or "none")
    return TABLES[path.suffix.lower()]


def _found(name: str, columns: Sequence[str], path: Path) -> str:
    """The column of that name, or the only one that has it before a unit."""
    with_unit = [column for column in columns if named_unit(column)[0] == name]
    if name in columns:
        return name
    if len(with_unit) == 1:
        return with_unit[0]
    near = sorted(columns, key=lambda column: -difflib.SequenceMatcher(None, name.lower(), column.lower()).ratio())[:NEAREST]
    raise FacsimError(f"{path} has no column {name!r}", got=f"{len(columns)} columns", remedy=f"the nearest are {', '.join(near)}")


def _finite(path: Path, name: str, column: Array) -> Array:
    """The column in facsim's units."""
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        got = f"{column[bad[0]]} in row {bad[0]}, {len(bad)} such rows"
        raise FacsimError(f"column {name!r} of {path} has values that are not finite", expected="finite numbers", got=got, remedy="remove these rows")
    return np.asarray(column, dtype=np.float64) * named_unit(name)[2]


def _events(names: Sequence[str], numbers: Sequence[Array], conditions: int, responses: int) -> Events:
    """Events of columns in the order of a choice."""
    told = [named_unit(name) for name in names]
    condition = np.column_stack(numbers[:conditions]).astype(np.float32)
    variables = tuple(_variable(name, unit, values) for (name, unit, _), values in zip(told, condition.T, strict=False))
    response, rest = told[conditions : conditions + responses], numbers[conditions + responses :]
    detector = Vector(tuple(name for name, _, _ in response), tuple(unit for _, unit, _ in response))
    return Events(condition, np.column_stack(numbers[conditions : conditions + responses]), detector, variables, rest[0] if rest else None)


def _variable(name: str, unit: str, values: Array) -> Variable:
    """A variable with the range of its values; a particle code with its choices."""
    choices = tuple(np.unique(values).tolist()) if name.lower() == CODE else ()
    return Variable(name, unit, choices=choices).covering(values)
