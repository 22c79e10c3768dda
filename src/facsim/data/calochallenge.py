"""Files of the Fast Calorimeter Simulation Challenge: `incident_energies` [n, 1], `showers` [n, voxels], and other conditions where there are any.

Source: Krause et al., CaloChallenge 2022, arXiv:2410.21611.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from facsim.core import Detector, Events, FacsimError, PolarLayers, Variable
from facsim.core.events import Array
from facsim.core.units import factor
from facsim.core.variables import column_index
from facsim.data.columns import file_name
from facsim.data.conditions import Conditions, conditions_of, energy_unit
from facsim.data.geometries import CHALLENGE, attributes_of, detector_from_attributes
from facsim.data.hdf5 import chunk_rows, common_rows, dataset, text
from facsim.data.metadata import detector_from_json, detector_to_json, parse, variables_to_json
from facsim.data.reader import Reader
from facsim.data.writer import CHUNK

Geometry = tuple[str | Path, str]  # a binning XML and the particle in it


def recognises(file: h5py.File) -> bool:
    """Whether the file has the challenge's two datasets."""
    return "incident_energies" in file and "showers" in file


def reader(path: Path, file: h5py.File, geometry: Geometry | None = None) -> Reader:
    """A reader of the file; the detector is that of `geometry`, else what the file says, else the challenge's with that many voxels.

    Raises:
        FacsimError: if a dataset is missing, datasets or attributes contradict one another, or the detector is unknown.
    """
    n = common_rows(file, ["incident_energies", "showers", *(["incident_conditions"] if "incident_conditions" in file else [])])
    if dataset(file, "incident_energies").size != n:
        raise FacsimError(f"'incident_energies' of {path} has the wrong shape", expected=[n, 1], got=list(file["incident_energies"].shape))
    detector, conditions = detector_of(file, geometry), conditions_of(file, n)
    rows = partial(_rows, conditions, factor(energy_unit(file, "showers"), "MeV"))
    return Reader(path, "calochallenge", detector, conditions.variables, n, chunk_rows(file["showers"], CHUNK), rows, _about(file))


def detector_of(file: h5py.File, geometry: Geometry | None = None) -> Detector:
    """The detector of the file's showers.

    Raises:
        FacsimError: if it is unknown, or does not fit the showers or the attribute `shape`.
    """
    shape = dataset(file, "showers").shape[1:]
    cells = int(np.prod(shape))
    detector = _detector(file, cells, geometry)
    told = tuple(int(n) for n in np.atleast_1d(file.attrs.get("shape", detector.shape)))
    if shape not in {(detector.n_cells,), detector.shape} or told != detector.shape:
        expected, got = f"{detector.n_cells} cells of shape {detector.shape}", f"rows of {shape}, attribute shape {told}"
        raise FacsimError(f"the showers of {file.filename} do not fit their detector", expected=expected, got=got)
    return detector


def columns(events: Events) -> dict[str, Array]:
    """The datasets of the events.

    Raises:
        FacsimError: if there is no energy in MeV, or there are weights, which the format cannot hold.
    """
    energy = events.variables[column_index(events.variables, "energy")]
    if energy.unit != "MeV":
        raise FacsimError("the calochallenge format needs the energy in MeV", got=energy.unit)
    if events.weight is not None:
        raise FacsimError("the calochallenge format has no weights", remedy="write format 'native', or drop the weights")
    if len(events.numbers) < len(events.variables):
        raise FacsimError("the calochallenge format has no arrays among the conditions", remedy="write format 'native'")
    conditions = {"incident_conditions": events.condition} if len(events.variables) > 1 else {}
    return {"incident_energies": events.column("energy").reshape(-1, 1), "showers": events.cells, **conditions}


def describe(file: h5py.File, detector: Detector, variables: tuple[Variable, ...], about: dict[str, Any]) -> None:
    """Write the attributes from which detector and variables are rebuilt."""
    file.attrs.update(attributes_of(detector))
    file.attrs["unit"] = "MeV"
    file.attrs["detector"] = detector_to_json(detector)
    file.attrs["variables"] = variables_to_json(variables)
    if about:
        file.attrs["about"] = json.dumps(about)
    if "incident_conditions" in file:
        file["incident_conditions"].attrs["names"] = json.dumps([file_name(v) for v in variables])


def _rows(conditions: Conditions, shower_factor: float, file: h5py.File, start: int, stop: int) -> tuple[Array, Array, None]:
    showers = dataset(file, "showers")[start:stop]
    return conditions.read(file, start, stop), showers if shower_factor == 1 else showers * shower_factor, None


def _detector(file: h5py.File, cells: int, geometry: Geometry | None) -> Detector:
    if geometry is not None:
        return PolarLayers.from_xml(*geometry)
    if "detector" in file.attrs:
        return detector_from_json(text(file.attrs["detector"]))
    if "shape" in file.attrs:
        return detector_from_attributes(file.attrs)
    if cells not in CHALLENGE:
        known = ", ".join(map(str, sorted(CHALLENGE)))
        raise FacsimError(
            f"the detector of {file.filename} is unknown", expected=f"{known} voxels", got=cells, remedy="pass a binning XML and its particle"
        )
    return CHALLENGE[cells]


def _about(file: h5py.File) -> dict[str, Any]:
    """What the file tells of its origin: `about`, else its plain text attributes."""
    if "about" in file.attrs:
        return dict(parse(text(file.attrs["about"]), dict, "about"))
    return {key: value for key, value in file.attrs.items() if isinstance(value, str) and key not in {"detector", "variables", "unit"}}
