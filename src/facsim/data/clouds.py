"""Point clouds of the library ShowerData: for each shower its points (x, y, layer, energy), and the incoming particle.

x and y are those of the cells' centres in mm, the layer its number from 0, energies are in GeV (thresholds of the library are); the incoming
particle is a kinetic energy in GeV, a particle code (0 where it is not known) and a direction. In files that facsim writes, `condition`, the detector
and the variables stand beside, which the library leaves alone. All points are in memory until the file is closed.

Source: Buss, ShowerData 0.7 (package showerdata).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from facsim.core import Detector, Events, FacsimError
from facsim.core.events import Array
from facsim.core.units import factor
from facsim.core.variables import column_index, width
from facsim.data.cells import Hits, cell_at, hits_of, require_cells, require_inside, response_of
from facsim.data.hdf5 import text
from facsim.data.metadata import detector_from_json, detector_to_json, parse, variables_from_json, variables_to_json
from facsim.data.primaries import Primaries, condition_of, primaries_of, variables_of
from facsim.data.reader import Reader
from facsim.data.staged import StagedWriter
from facsim.data.table_formats import readable

GEV = factor("GeV", "MeV")
BLOCK = 256  # showers that the library holds with all their padding
COLUMNS = 4  # of a point: x, y, layer, energy


def recognises(file: h5py.File) -> bool:
    """Whether the file has the library's datasets."""
    return {"showers", "energies", "num_points", "shape"} <= set(file)


def reader(path: Path, file: h5py.File, detector: Detector | None = None) -> Reader:
    """A reader of the file; its detector is what the file says, or `detector`.

    Raises:
        FacsimError: if the detector is not told, or the file is not the library's.
    """
    detector = _detector(path, file, detector)
    with opened(path) as clouds:
        n, told = len(clouds), "variables" in file.attrs
        variables = variables_from_json(text(file.attrs["variables"])) if told else variables_of(_particles(path, 0, n))
    names = None if told else [v.name for v in variables]
    about = parse(text(file.attrs.get("about", "{}")), dict, "about")
    return Reader(path, "showerdata", detector, variables, n, BLOCK, partial(_rows, path, detector, names), about, opened)


class CloudWriter(StagedWriter):
    """Writes point clouds; weights, and conditions that the library has no place for, stand beside."""

    def start(self) -> None:
        """See that the library is there, and that the detector has cells."""
        require_cells(self.detector, "showerdata")
        column_index(self.variables, "energy")
        _library()
        self.parts: list[tuple[Hits, Events]] = []

    def add(self, events: Events) -> None:
        """Keep the points, of which there are fewer than cells."""
        if events.response.min() < 0:
            raise FacsimError("the showerdata format holds no negative energies", got=f"{events.response.min():g} MeV")
        if any(weighted != (events.weight is not None) for weighted in [rest.weight is not None for _, rest in self.parts[-1:]]):
            raise FacsimError("cannot append weighted events to unweighted ones", remedy="give every part a weight")
        nothing = np.broadcast_to(np.float32(0), events.response.shape)
        self.parts.append((hits_of(events), Events(events.condition, nothing, events.detector, events.variables, events.weight)))

    def finish(self, good: bool) -> None:
        """Write all through the library."""
        if good:
            most = max((int(hits.counts.max()) for hits, _ in self.parts), default=0)
            _library().create_empty_file(self.partial, (self.n, most, COLUMNS))
            first = 0
            for hits, events in self.parts:
                _write(hits, events, self.partial, first, most)
                first += len(events)
            self._describe()

    def _describe(self) -> None:
        columns = {"condition": [events.condition for _, events in self.parts]}
        if self.parts and self.parts[0][1].weight is not None:
            columns["weight"] = [events.weights for _, events in self.parts]
        with h5py.File(self.partial, "a") as file:
            for name, arrays in columns.items():
                file[name] = np.concatenate([*arrays, np.zeros((0, width(self.variables)) if name == "condition" else 0, np.float32)])
            file.attrs.update({"detector": detector_to_json(self.detector), "variables": variables_to_json(self.variables)})
            file.attrs["about"] = json.dumps(self.about)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file as the library has it.

    Raises:
        FacsimError: if it is none, or damaged.
    """
    with readable(path), _library().ShowerDataFile(path) as file:
        yield file


def _rows(path: Path, detector: Detector, names: list[str] | None, clouds: Any, start: int, stop: int) -> tuple[Array, Array, Array | None]:
    """Condition, response, and weight if the file has one."""
    parts = [_hits(path, detector, clouds[first : min(first + BLOCK, stop)]) for first in range(start, stop, BLOCK)]
    response = np.concatenate([response_of(hits, detector) for hits in parts]) if parts else np.zeros((0, detector.n_cells), np.float32)
    particles = _particles(path, start, stop)
    weight = clouds.file["weight"][start:stop] if "weight" in clouds.file else None
    if names is not None:
        return condition_of(particles, names), response, weight
    condition = clouds.file["condition"][start:stop]
    at = column_index(variables_from_json(text(clouds.attrs["variables"])), "energy")
    if not np.allclose(condition[:, at], particles.energy, rtol=1e-4, atol=0):
        raise FacsimError(f"'energies' of {path} contradict the energy in 'condition'", remedy="remove 'condition' from the file")
    return condition, response, weight


def _hits(path: Path, detector: Detector, showers: Any) -> Hits:
    """The points of some showers as cells of the detector."""
    there = showers.points[:, :, 3] > 0
    x, y, layer, energy = showers.points[there].T[:COLUMNS].astype(np.float64)
    number = np.rint(layer).astype(np.int64)
    if np.abs(layer - number).max(initial=0) > 0.1:
        raise FacsimError(f"the third number of a point in {path} is no layer", expected="numbers of layers, from 0", got=f"{layer.max():g} at most")
    cell = cell_at(detector, x, y, number)
    require_inside(cell, energy, str(path))
    return Hits(there.sum(1), cell, energy * GEV)


def _particles(path: Path, start: int, stop: int) -> Primaries:
    told = _library().load_inc_particles(path, start, stop)
    length = np.linalg.norm(told.directions, axis=1)[:, None]
    if len(length) and length.min() == 0:
        raise FacsimError(f"a direction in {path} has no length")
    return Primaries(told.energies[:, 0].astype(np.float64) * GEV, told.pdg, told.directions.astype(np.float64) / length, np.zeros((len(length), 2)))


def _write(hits: Hits, events: Events, path: Path, first: int, most: int) -> None:
    """Some events into the file, from row `first` on."""
    library, detector, primaries = _library(), events.detector, primaries_of(events)
    points = np.column_stack([detector.centres[hits.cell, :2], detector.layers[hits.cell], hits.energy / GEV])
    ends = np.cumsum(hits.counts)
    for start in range(0, len(events), BLOCK):
        stop = min(start + BLOCK, len(events))
        cloud = np.zeros((stop - start, most, COLUMNS), dtype=np.float32)
        for row in range(start, stop):
            cloud[row - start, : hits.counts[row]] = points[ends[row] - hits.counts[row] : ends[row]]
        part = slice(start, stop)
        showers = library.Showers(
            cloud, primaries.energy[part, None] / GEV, primaries.pdg[part], primaries.direction[part], np.arange(first + start, first + stop)
        )
        library.save_batch(showers, path, first + start)


def _detector(path: Path, file: h5py.File, given: Detector | None) -> Detector:
    if given is None and "detector" not in file.attrs:
        raise FacsimError(f"{path} does not say what its detector is", remedy="name it: --detector FILE, a file of events or a JSON description")
    found = given or detector_from_json(text(file.attrs["detector"]))
    require_cells(found, "showerdata")
    return found


def _library() -> Any:
    try:
        import showerdata
    except ImportError as error:
        raise FacsimError("point clouds need the library showerdata", remedy="pip install 'facsim[showerdata]'") from error
    return showerdata
