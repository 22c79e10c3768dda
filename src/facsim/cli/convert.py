"""`facsim convert`: from one file format to another."""

from __future__ import annotations

from pathlib import Path

from facsim.cli.show import counting_bar, say
from facsim.cli.tables import open_detector, open_events

BLOCK = 2000  # events in memory together


def convert(
    source: Path,
    target: Path,
    /,
    *,
    to: str | None = None,
    format: str | None = None,
    coarsen: int = 1,
    condition: str | None = None,
    response: str | None = None,
    weight: str | None = None,
    tree: str | None = None,
    detector: Path | None = None,
    collection: str | None = None,
) -> None:
    """Convert a file of events to another format.

    Parameters
    ----------
    source
        File to read; a flat table by its ending .root, .csv or .parquet.
    target
        File to write; a flat table by its ending, unless `--to` says otherwise.
    to
        Format to write: native, calochallenge, lcd, showerdata (point clouds), edm4hep (ROOT with hits).
    format
        Format to read, instead of what the file's content says.
    coarsen
        Sum squares of this many cells.
    condition
        Columns of a table that are conditions, separated by commas; a name may end in the unit of its numbers (p_GeV). Of another file: the
        conditions to keep.
    response
        Columns of a table that are the response.
    weight
        Column of a table that weighs its events.
    tree
        Tree of a ROOT file: the one to read where there are several, the name of the one to write.
    detector
        What point clouds and hits are read into, where their file does not say: a file of events, or a detector's JSON description.
    collection
        Hits to read, where a ROOT file has several collections.
    """
    from facsim.core import Events, only
    from facsim.data import open_writer
    from facsim.data.tables import is_table, write_table
    from facsim.studies.sources import Coarsened

    kept = condition.split(",") if condition and not is_table(source) else []
    columns = {"condition": None if kept else condition, "response": response, "weight": weight, "tree": tree}
    to_table = is_table(target) and to is None
    options = {"detector": None if detector is None else open_detector(detector), "collection": collection}
    reader = open_events(source, format, {**columns, "tree": tree if is_table(source) else None} if to_table else columns, **options)
    coarse = Coarsened(reader, coarsen)

    def read(start: int, stop: int | None) -> Events:
        events = coarse.read(start, stop)
        return only(events, *(name.strip() for name in kept)) if kept else events

    if to_table:
        write_table(read(0, None), target, tree)
        say(f"{target}: {reader.n} events")
        return
    with (
        open_writer(target, coarse.detector, read(0, 0).variables, to or "native", about=reader.about) as writer,
        counting_bar("events", reader.n) as advance,
    ):
        for start in range(0, reader.n, BLOCK):
            part = read(start, start + BLOCK)
            writer.append(part)
            advance(len(part))
    say(f"{target}: {reader.n} events")
