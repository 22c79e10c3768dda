"""`facsim convert`: from one file format to another."""

from __future__ import annotations

from pathlib import Path

from facsim.cli.show import counting_bar, say
from facsim.cli.tables import open_events

BLOCK = 2000  # events in memory together


def convert(
    source: Path,
    target: Path,
    /,
    *,
    to: str = "native",
    format: str | None = None,
    coarsen: int = 1,
    condition: str | None = None,
    response: str | None = None,
    weight: str | None = None,
    tree: str | None = None,
) -> None:
    """Convert a file of events to another format.

    Parameters
    ----------
    source
        File to read; a flat table by its ending .root, .csv or .parquet.
    target
        File to write; a flat table by its ending.
    to
        Format to write, where the ending is not that of a table.
    format
        Format to read, instead of what the file's content says.
    coarsen
        Sum squares of this many cells.
    condition
        Columns of a table that are conditions, separated by commas; a name may end in the unit of its numbers (p_GeV).
    response
        Columns of a table that are the response.
    weight
        Column of a table that weighs its events.
    tree
        Tree of a ROOT file: the one to read where there are several, the name of the one to write.
    """
    from facsim.data import open_writer
    from facsim.data.tables import is_table, write_table
    from facsim.studies.sources import Coarsened

    columns = {"condition": condition, "response": response, "weight": weight, "tree": tree}
    to_table = is_table(target)
    reader = open_events(source, format, {**columns, "tree": tree if is_table(source) else None} if to_table else columns)
    events = Coarsened(reader, coarsen)
    if to_table:
        write_table(events.read(), target, tree)
        say(f"{target}: {reader.n} events")
        return
    with open_writer(target, events.detector, reader.variables, to, about=reader.about) as writer, counting_bar("events", reader.n) as advance:
        for start in range(0, reader.n, BLOCK):
            part = events.read(start, start + BLOCK)
            writer.append(part)
            advance(len(part))
    say(f"{target}: {reader.n} events")
