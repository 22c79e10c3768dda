"""Events of any file: those that describe themselves, and tables of which the user says what each column is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from facsim.core import FacsimError

if TYPE_CHECKING:
    from facsim.core import Detector
    from facsim.data import Reader
    from facsim.data.memory import InMemory


def open_events(path: Path, format: str | None, columns: dict[str, str | None], **options: Any) -> Reader | InMemory:
    """A source of the file's events; `columns` are the options condition, response, weight and tree, for tables alone, `options` those of readers.

    Raises:
        FacsimError: if a table's columns are not named, or those of another file are.
    """
    from facsim.data import open_reader
    from facsim.data.tables import Choice, is_table, open_table

    given = {key: value for key, value in columns.items() if value is not None}
    if is_table(path) and format is None and (given or not has_hits(path)):
        lists: dict[str, Any] = {
            key: tuple(name.strip() for name in (columns[key] or "").split(",") if name.strip()) for key in ("condition", "response")
        }
        return open_table(path, Choice(**lists, weight=columns["weight"], tree=columns["tree"]))
    if given:
        got = f"--{', --'.join(given)} for {path}"
        raise FacsimError(
            "columns are named for tables alone", expected="a file .root, .csv or .parquet", got=got, remedy="other files say what they hold"
        )
    return open_reader(path, format, **options)


def open_detector(path: Path) -> Detector:
    """The detector of a file of events, or of a JSON description.

    Raises:
        FacsimError: if it is neither.
    """
    from facsim.data import open_reader
    from facsim.data.metadata import detector_from_json

    if path.suffix != ".json":
        return open_reader(path).detector
    try:
        return detector_from_json(path.read_text())
    except OSError as error:
        raise FacsimError(f"cannot read {path}", got=error.strerror) from error


def has_hits(path: Path) -> bool:
    """Whether a ROOT file has collections of hits, and is no flat table."""
    from facsim.data import edm4hep

    if not edm4hep.is_root(path):
        return False
    with edm4hep.opened(path) as file:
        return edm4hep.recognises(file)
