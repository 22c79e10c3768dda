"""facsim's own HDF5: `condition`, `response`, optional `weight` and `extrapolated`, and attributes that explain them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py

import facsim
from facsim.core import Detector, Events, FacsimError, Variable
from facsim.core.events import Array
from facsim.core.variables import width
from facsim.data.hdf5 import chunk_rows, common_rows, dataset, text
from facsim.data.metadata import detector_from_json, detector_to_json, parse, variables_from_json, variables_to_json
from facsim.data.reader import Reader
from facsim.data.writer import CHUNK

VERSION = 1


def recognises(file: h5py.File) -> bool:
    """Whether the file says it is ours."""
    return text(file.attrs.get("format", "")) == "facsim"


def reader(path: Path, file: h5py.File) -> Reader:
    """A reader of the file.

    Raises:
        FacsimError: if a dataset or attribute is missing, shapes contradict the detector, or the file is of a later version.
    """
    datasets = ["condition", "response", *(["weight"] if "weight" in file else [])]
    n = common_rows(file, datasets)
    _require_version(path, file)
    detector, variables = detector_from_json(_attribute(file, "detector")), variables_from_json(_attribute(file, "variables"))
    _require_shape(file, "condition", (width(variables),))
    _require_shape(file, "response", detector.shape)
    about = parse(text(file.attrs.get("about", "{}")), dict, "about")
    return Reader(path, "native", detector, variables, n, chunk_rows(file["response"], CHUNK), rows, about)


def rows(file: h5py.File, start: int, stop: int) -> tuple[Array, Array, Array | None]:
    """Condition, response and weight of some rows."""
    weight = dataset(file, "weight")[start:stop] if "weight" in file else None
    return dataset(file, "condition")[start:stop], dataset(file, "response")[start:stop], weight


def columns(events: Events) -> dict[str, Array]:
    """The datasets of the events; `extrapolated` only where some event is."""
    extrapolated = events.extrapolated
    return {
        "condition": events.condition,
        "response": events.response,
        **({} if events.weight is None else {"weight": events.weight}),
        **({"extrapolated": extrapolated} if extrapolated.any() else {}),
    }


def describe(file: h5py.File, detector: Detector, variables: tuple[Variable, ...], about: dict[str, Any]) -> None:
    """Write the attributes that make the file self-describing."""
    file.attrs["format"] = "facsim"
    file.attrs["format_version"] = VERSION
    file.attrs["facsim_version"] = facsim.__version__
    file.attrs["detector"] = detector_to_json(detector)
    file.attrs["variables"] = variables_to_json(variables)
    if about:
        file.attrs["about"] = json.dumps(about)


def _require_version(path: Path, file: h5py.File) -> None:
    version = int(file.attrs.get("format_version", 0))
    if not 0 < version <= VERSION:
        raise FacsimError(f"{path} is of an unknown format version", expected=f"1 to {VERSION}", got=version, remedy="update facsim")


def _require_shape(file: h5py.File, name: str, shape: tuple[int, ...]) -> None:
    found = dataset(file, name).shape[1:]
    if found != shape:
        raise FacsimError(
            f"dataset {name!r} of {file.filename} contradicts the file's description", expected=f"rows of {shape}", got=f"rows of {found}"
        )


def _attribute(file: h5py.File, name: str) -> str:
    if name not in file.attrs:
        raise FacsimError(f"{file.filename} has no attribute {name!r}", remedy="a native file needs 'detector' and 'variables' as JSON")
    return text(file.attrs[name])
