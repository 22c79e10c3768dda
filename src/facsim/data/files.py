"""Files of events: the formats, and reading and writing by content and name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from facsim.core import Detector, Events, FacsimError, Variable, look_up
from facsim.data import calochallenge, clouds, edm4hep, lcd, native
from facsim.data.calochallenge import Geometry
from facsim.data.hdf5 import opened
from facsim.data.reader import Open, Reader
from facsim.data.writer import Columns, Writer


class Appends(Protocol):
    """What takes batches of events in a `with` block."""

    def append(self, events: Events) -> None: ...


OpenWriter = Callable[[Path, Detector, tuple[Variable, ...], dict[str, Any]], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Format:
    """A file format: how to know a file of it, read it and write it; `options` are what its reader may be told besides."""

    name: str
    description: str
    recognises: Callable[[Any], bool]
    reader: Callable[..., Reader]
    writer: OpenWriter
    options: tuple[str, ...] = ()
    open: Open = opened


def in_hdf5(columns: Columns, describe: Callable[..., None]) -> OpenWriter:
    """A writer of HDF5: `columns` gives the datasets of a batch, `describe` writes the attributes."""

    def writer(path: Path, detector: Detector, variables: tuple[Variable, ...], about: dict[str, Any]) -> Writer:
        return Writer(path, detector, variables, columns, partial(describe, detector=detector, variables=variables, about=about))

    return writer


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("native", "facsim's own HDF5, self-describing", native.recognises, native.reader, in_hdf5(native.columns, native.describe)),
        Format(
            "calochallenge",
            "HDF5 of the Fast Calorimeter Simulation Challenge",
            calochallenge.recognises,
            calochallenge.reader,
            in_hdf5(calochallenge.columns, calochallenge.describe),
            ("geometry",),
        ),
        Format("lcd", "HDF5 of the LCD calorimeters: ECAL and target", lcd.recognises, lcd.reader, in_hdf5(lcd.columns, lcd.describe)),
        Format(
            "lcd-hcal",
            "the HCAL of the same files",
            partial(lcd.recognises, part="HCAL"),
            partial(lcd.reader, part="HCAL"),
            in_hdf5(partial(lcd.columns, part="HCAL"), lcd.describe),
        ),
        Format("showerdata", "HDF5 of point clouds (ShowerData)", clouds.recognises, clouds.reader, clouds.CloudWriter, ("detector",)),
        Format(
            "edm4hep",
            "ROOT in the style of EDM4hep: hits in cells, incoming particle",
            edm4hep.recognises,
            edm4hep.reader,
            edm4hep.HitWriter,
            ("detector", "collection"),
            edm4hep.opened,
        ),
    )
}


def detect(path: str | Path) -> str:
    """The name of the file's format, found from its content.

    Raises:
        FacsimError: if the file is neither HDF5 nor ROOT, or of no known format.
    """
    path = Path(path)
    open_file = edm4hep.opened if edm4hep.is_root(path) else opened
    with open_file(path) as file:
        for name, format in FORMATS.items():
            if format.open is open_file and format.recognises(file):
                return name
        names = [str(name) for name in file]
    expected = (
        "condition and response (native), incident_energies and showers (calochallenge), ECAL and target (lcd), "
        "num_points and showers (showerdata), or hits and MCParticles (edm4hep)"
    )
    raise FacsimError(f"the format of {path} is unknown", expected=expected, got=f"datasets {', '.join(names)}" if names else "no dataset")


def open_reader(
    path: str | Path,
    format: str | None = None,
    *,
    geometry: Geometry | None = None,
    detector: Detector | None = None,
    collection: str | None = None,
) -> Reader:
    """A reader of the file, of which only asked parts come into memory; the format is found from the content unless given.

    `geometry`: a CaloChallenge binning XML and the particle in it, for files that do not say what their voxels are; `detector`: that of showerdata
    and edm4hep files that do not say it; `collection`: which hits of an edm4hep file are meant.

    Raises:
        FacsimError: if the file cannot be read, or contradicts itself.
    """
    path = Path(path)
    chosen = look_up(FORMATS, format or detect(path), "format")
    given = {"geometry": geometry, "detector": detector, "collection": collection}
    options = {key: value for key, value in given.items() if value is not None}
    for key in options:
        if key not in chosen.options:
            which = ", ".join(name for name, f in FORMATS.items() if key in f.options)
            raise FacsimError(f"a {LONG[key]} is for {which} files only", got=f"{path}, a {chosen.name} file")
    with chosen.open(path) as file:
        return chosen.reader(path, file, **options)


LONG = {"geometry": "binning XML", "detector": "detector", "collection": "collection"}


def read(path: str | Path, format: str | None = None, start: int = 0, stop: int | None = None, *, geometry: Geometry | None = None) -> Events:
    """The events of a file, from row `start` to row `stop`; further as in `open_reader`."""
    return open_reader(path, format, geometry=geometry).read(start, stop)


def open_writer(
    path: str | Path, detector: Detector, variables: tuple[Variable, ...], format: str = "native", *, about: dict[str, Any] | None = None
) -> AbstractContextManager[Appends]:
    """A writer to which batches of events are appended; use it in a `with` block. `about` (JSON-ready) tells where the events come from."""
    return look_up(FORMATS, format, "format").writer(Path(path), detector, tuple(variables), about or {})


def write(events: Events, path: str | Path, format: str = "native", *, about: dict[str, Any] | None = None) -> None:
    """Write the events to a file, wholly or not at all.

    Raises:
        FacsimError: if the file cannot be written, or the format cannot hold the events.
    """
    with open_writer(path, events.detector, events.variables, format, about=about) as writer:
        writer.append(events)
