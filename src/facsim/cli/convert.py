"""`facsim convert`: from one file format to another."""

from __future__ import annotations

from pathlib import Path

from facsim.cli.show import counting_bar, say

BLOCK = 2000  # events in memory together


def convert(source: Path, target: Path, /, *, to: str = "native", format: str | None = None, coarsen: int = 1) -> None:
    """Convert a file of events to another format.

    Parameters
    ----------
    source
        File to read.
    target
        File to write.
    to
        Format to write.
    format
        Format to read, instead of what the file's content says.
    coarsen
        Sum squares of this many cells.
    """
    from facsim.data import open_reader, open_writer
    from facsim.studies.sources import Coarsened

    reader = open_reader(source, format)
    events = Coarsened(reader, coarsen)
    with open_writer(target, events.detector, reader.variables, to, about=reader.about) as writer, counting_bar("events", reader.n) as advance:
        for start in range(0, reader.n, BLOCK):
            part = events.read(start, start + BLOCK)
            writer.append(part)
            advance(len(part))
    say(f"{target}: {reader.n} events")
