"""Files of events: the formats, and reading and writing by content and name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py

from facsim.core import Detector, Events, FacsimError, Variable, look_up
from facsim.data import calochallenge, lcd, native
from facsim.data.calochallenge import Geometry
from facsim.data.hdf5 import opened
from facsim.data.reader import Reader
from facsim.data.writer import Columns, Writer


@dataclass(frozen=True)
class Format:
    """A file format: how to know it, read it, and write it (`columns` gives the datasets of a batch, `describe` writes the attributes)."""

    name: str
    description: str
    recognises: Callable[[h5py.File], bool]
    reader: Callable[..., Reader]
    columns: Columns
    describe: Callable[..., None]


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("native", "facsim's own HDF5, self-describing", native.recognises, native.reader, native.columns, native.describe),
        Format(
            "calochallenge",
            "HDF5 of the Fast Calorimeter Simulation Challenge",
            calochallenge.recognises,
            calochallenge.reader,
            calochallenge.columns,
            calochallenge.describe,
        ),
        Format("lcd", "HDF5 of the LCD calorimeters: ECAL and target", lcd.recognises, lcd.reader, lcd.columns, lcd.describe),
        Format(
            "lcd-hcal",
            "the HCAL of the same files",
            partial(lcd.recognises, part="HCAL"),
            partial(lcd.reader, part="HCAL"),
            partial(lcd.columns, part="HCAL"),
            lcd.describe,
        ),
    )
}


def detect(path: str | Path) -> str:
    """The name of the file's format, found from its content.

    Raises:
        FacsimError: if the file is no HDF5, or of no known format.
    """
    with opened(Path(path)) as file:
        return _detected(file)


def open_reader(path: str | Path, format: str | None = None, *, geometry: Geometry | None = None) -> Reader:
    """A reader of the file, of which only asked parts come into memory; the format is found from the content unless given.

    `geometry`: a CaloChallenge binning XML and the particle in it, for files that do not say what their voxels are.

    Raises:
        FacsimError: if the file cannot be read, or contradicts itself.
    """
    path = Path(path)
    with opened(path) as file:
        chosen = look_up(FORMATS, format or _detected(file), "format")
        if geometry is None:
            return chosen.reader(path, file)
        if chosen.name != "calochallenge":
            raise FacsimError("a binning XML is for calochallenge files only", got=f"{path}, a {chosen.name} file")
        return chosen.reader(path, file, geometry)


def read(path: str | Path, format: str | None = None, start: int = 0, stop: int | None = None, *, geometry: Geometry | None = None) -> Events:
    """The events of a file, from row `start` to row `stop`; further as in `open_reader`."""
    return open_reader(path, format, geometry=geometry).read(start, stop)


def open_writer(
    path: str | Path, detector: Detector, variables: tuple[Variable, ...], format: str = "native", *, about: dict[str, Any] | None = None
) -> Writer:
    """A writer to which batches of events are appended; use it in a `with` block. `about` (JSON-ready) tells where the events come from."""
    chosen = look_up(FORMATS, format, "format")
    describe = partial(chosen.describe, detector=detector, variables=tuple(variables), about=about or {})
    return Writer(path, detector, variables, chosen.columns, describe)


def write(events: Events, path: str | Path, format: str = "native", *, about: dict[str, Any] | None = None) -> None:
    """Write the events to a file, wholly or not at all.

    Raises:
        FacsimError: if the file cannot be written, or the format cannot hold the events.
    """
    with open_writer(path, events.detector, events.variables, format, about=about) as writer:
        writer.append(events)


def _detected(file: h5py.File) -> str:
    for name, format in FORMATS.items():
        if format.recognises(file):
            return name
    got = f"datasets {', '.join(file)}" if len(file) else "no dataset"
    expected = "condition and response (native), incident_energies and showers (calochallenge), or ECAL and target (lcd)"
    raise FacsimError(f"the format of {file.filename} is unknown", expected=expected, got=got)
