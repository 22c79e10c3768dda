"""Files of the LCD calorimeter study: `ECAL` [n, x, y, z] and `HCAL` in GeV, `target` [n, 1, 5] with particle code, energy and momentum in GeV.

Source: CERN OpenLab LCD data set; Guthrie, Malkin, Pine (2017). Facsim's axes are (z, y, x), its energies MeV.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from facsim.core import Detector, Events, FacsimError, RegularGrid, Variable
from facsim.core.events import Array
from facsim.core.units import factor
from facsim.core.variables import column_index
from facsim.data.hdf5 import chunk_rows, common_rows, dataset, text
from facsim.data.metadata import detector_from_json, detector_to_json
from facsim.data.reader import Reader
from facsim.data.writer import CHUNK

GEV = factor("GeV", "MeV")
CELL_MM = {"ECAL": (5.1, 5.1, 5.1), "HCAL": (30.0, 30.0, 30.0)}  # (z, y, x) of the LCD concept, where the file does not say
MOMENTUM = ("px", "py", "pz")
NAMES = ("pdg", "energy", *MOMENTUM)  # the columns of `target`


def recognises(file: h5py.File, part: str = "ECAL") -> bool:
    """Whether the file has this calorimeter and `target`."""
    return part in file and "target" in file


def reader(path: Path, file: h5py.File, part: str = "ECAL") -> Reader:
    """A reader of one calorimeter of the file.

    Raises:
        FacsimError: if a dataset is missing or has the wrong shape.
    """
    n = common_rows(file, [part, "target"])
    _require_shapes(file, part)
    detector = _detector(file, part)
    return Reader(path, "lcd", detector, _variables(file), n, chunk_rows(file[part], CHUNK), partial(_rows, part=part), _about(file, part))


def columns(events: Events, part: str = "ECAL") -> dict[str, Array]:
    """The datasets of the events; a particle without momentum among its conditions flies along z.

    Raises:
        FacsimError: if the detector is no grid in three dimensions, energy or pdg are missing, or there are weights or other conditions.
    """
    if not isinstance(events.detector, RegularGrid) or len(events.detector.shape) != 3:
        raise FacsimError("the lcd format holds grids in three dimensions", expected="cells (z, y, x)", got=events.detector.shape)
    if events.weight is not None:
        raise FacsimError("the lcd format has no weights", remedy="write format 'native', or drop the weights")
    other = [v.name for v in events.variables if v.name not in NAMES]
    if other:
        raise FacsimError("the lcd format cannot hold these conditions", expected=", ".join(NAMES), got=", ".join(other))
    return {part: np.ascontiguousarray(events.response.transpose(0, 3, 2, 1)) / GEV, "target": _target(events)[:, None, :]}


def describe(file: h5py.File, detector: Detector, variables: tuple[Variable, ...], about: dict[str, Any]) -> None:
    """Write what the format itself has no place for: the cells, and the origin."""
    file.attrs["detector"] = detector_to_json(detector)
    file.attrs["unit"] = "GeV"
    if about:
        file.attrs["about"] = json.dumps(about)


def _rows(file: h5py.File, start: int, stop: int, part: str) -> tuple[Array, Array, None]:
    cells = dataset(file, part)[start:stop].transpose(0, 3, 2, 1) * GEV
    return _condition(dataset(file, "target")[start:stop, 0]), cells, None


def _condition(target: Array) -> Array:
    """Energy, particle code and momentum, in MeV."""
    return np.asarray(np.column_stack([target[:, 1] * GEV, target[:, 0], target[:, 2:] * GEV]))


def _target(events: Events) -> Array:
    """The rows of `target`, in GeV."""
    names = [v.name for v in events.variables]
    energy = events.condition[:, column_index(events.variables, "energy")]
    code = events.condition[:, column_index(events.variables, "pdg")]
    told = [name for name in MOMENTUM if name in names]
    if told and told != list(MOMENTUM):
        raise FacsimError("the momentum is not whole", expected=", ".join(MOMENTUM), got=", ".join(told))
    along_z = np.column_stack([0 * energy, 0 * energy, energy])
    momentum = np.column_stack([events.condition[:, column_index(events.variables, name)] for name in MOMENTUM]) if told else along_z
    return np.asarray(np.column_stack([code, energy / GEV, momentum / GEV]), dtype=np.float32)


def _variables(file: h5py.File) -> tuple[Variable, ...]:
    """The conditions with the ranges that they span in the file."""
    values = _condition(dataset(file, "target")[:, 0].astype(np.float32)).astype(np.float32)
    if not len(values):
        return (Variable("energy", "MeV"), Variable("pdg", "1"), *(Variable(name, "MeV") for name in MOMENTUM))
    spans = [(float(column.min()), float(column.max())) for column in values.T]
    codes = tuple(float(code) for code in np.unique(values[:, 1]))
    named = (("energy", "MeV", ()), ("pdg", "1", codes), *((name, "MeV", ()) for name in MOMENTUM))
    return tuple(Variable(name, unit, low, high, choices) for (name, unit, choices), (low, high) in zip(named, spans, strict=True))


def _detector(file: h5py.File, part: str) -> Detector:
    shape = tuple(reversed(dataset(file, part).shape[1:]))
    if "detector" in file.attrs:
        detector = detector_from_json(text(file.attrs["detector"]))
        if detector.shape == shape:
            return detector
        raise FacsimError(f"{part} of {file.filename} contradicts the attribute 'detector'", expected=detector.shape, got=shape)
    return RegularGrid(shape, CELL_MM[part])


def _require_shapes(file: h5py.File, part: str) -> None:
    cells, target = dataset(file, part).shape, dataset(file, "target").shape
    if len(cells) != 4:
        raise FacsimError(f"{part} of {file.filename} has the wrong shape", expected="[n, x, y, z]", got=list(cells))
    if target[1:] != (1, 5):
        raise FacsimError(f"'target' of {file.filename} has the wrong shape", expected="[n, 1, 5]", got=list(target))


def _about(file: h5py.File, part: str) -> dict[str, Any]:
    """The origin, and which calorimeters of the file are not read."""
    told = json.loads(text(file.attrs["about"])) if "about" in file.attrs else {}
    unread = [name for name in CELL_MM if name in file and name != part]
    return {**told, **({"not read": ", ".join(unread)} if unread else {})}
