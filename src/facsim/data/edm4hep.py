"""ROOT files in the style of EDM4hep: a tree `events` with collections of simulated calorimeter hits, and the incoming particle.

A hit is `NAME.cellID`, `NAME.energy` in GeV and `NAME.position.x|y|z` in mm; the incoming particle is the first of `MCParticles` with generator
status 1: `PDG`, `mass` and `momentum` in GeV, `vertex` in mm on the front face. In files that facsim writes, the cell's number is the cellID, and
detector and variables are told in the object `facsim`; of others the position alone decides on the cell, so their detector must be named.

Source: EDM4hep, edm4hep.yaml (key4hep/EDM4hep): SimCalorimeterHit, MCParticle, EventHeader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facsim.core import Detector, Events, FacsimError
from facsim.core.events import Array
from facsim.core.units import factor
from facsim.data.cells import Hits, cell_at, hits_of, layer_at, require_cells, require_inside, response_of
from facsim.data.metadata import detector_from_json, detector_to_json, variables_from_json, variables_to_json
from facsim.data.primaries import PLACE, SLOPES, Primaries, condition_of, primaries_of, variables_of
from facsim.data.reader import Reader
from facsim.data.staged import StagedWriter
from facsim.data.table_formats import readable, uproot_library

GEV = factor("GeV", "MeV")
TREE, TOLD, HITS, PARTICLES, HEADER = "events", "facsim", "CaloHits", "MCParticles", "EventHeader"
HIT = {"cellID": "uint64", "energy": "float32", "position.x": "float32", "position.y": "float32", "position.z": "float32"}
VECTORS = [f"{vector}.{axis}" for vector in ("vertex", "momentum") for axis in "xyz"]
PARTICLE = {"PDG": "int32", "generatorStatus": "int32", "mass": "float64", **dict.fromkeys(VECTORS, "float64")}
HELD = ("energy", "pdg", *SLOPES, *PLACE)  # conditions that have a place
FINAL = 1  # the status of a particle that the generator hands to the simulation
CHUNK = 256
MASS = {  # GeV, by the absolute value of the particle code (Particle Data Group 2024)
    0: 0.0, 11: 0.00051099895, 13: 0.1056583755, 22: 0.0, 111: 0.1349768, 130: 0.497611, 211: 0.13957039, 310: 0.497611, 311: 0.497611,
    321: 0.493677, 2112: 0.93956542052, 2212: 0.93827208816,
}  # fmt: skip


def is_root(path: Path) -> bool:
    """Whether the file begins as ROOT files do."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"root"
    except OSError:
        return False


def recognises(file: Any) -> bool:
    """Whether the ROOT file has collections of hits and particles."""
    tree = file.get(TREE)
    return tree is not None and bool(collections(tree)) and f"{PARTICLES}.PDG" in _keys(tree)


def collections(tree: Any) -> list[str]:
    """The names of the collections of simulated hits in cells."""
    keys = _keys(tree)
    names = [name.removesuffix(".cellID") for name in keys if name.endswith(".cellID")]
    return [name for name in names if all(f"{name}.{field}" in keys for field in HIT)]


def reader(path: Path, file: Any, detector: Detector | None = None, collection: str | None = None) -> Reader:
    """A reader of one collection of the file; its detector is what the file says, or `detector`.

    Raises:
        FacsimError: if collection or detector are not told, or the file has no hits or particles.
    """
    if not recognises(file):
        raise FacsimError(f"{path} has no collections of EDM4hep", expected=f"a tree {TREE!r} with hits in cells and {PARTICLES}", got="others")
    name, told = _collection(path, file[TREE], collection), json.loads(str(file[TOLD])) if TOLD in file.keys(cycle=False) else {}
    if detector is None and not told:
        raise FacsimError(f"{path} does not say what its detector is", remedy="name it: --detector FILE, a file of events or a JSON description")
    cells = detector or detector_from_json(told["detector"])
    require_cells(cells, "edm4hep")
    n = int(file[TREE].num_entries)
    variables = variables_from_json(told["variables"]) if told else variables_of(_primaries(path, file[TREE], 0, n))
    names = tuple(v.name for v in variables)
    rows = _Rows(path, cells, names, name, numbered=bool(told) and detector is None, weighted=told.get("weighted", False))
    return Reader(path, "edm4hep", cells, variables, n, CHUNK, rows, told.get("about", {}), opened)


class HitWriter(StagedWriter):
    """Writes collections of hits, batch after batch."""

    def start(self) -> None:
        """Begin the tree."""
        require_cells(self.detector, "edm4hep")
        other = [v.name for v in self.variables if v.name not in HELD or v.shape]
        if other:
            raise FacsimError("the edm4hep format cannot hold these conditions", expected=", ".join(HELD), got=", ".join(other))
        self.file, self.weighted = uproot_library().recreate(self.partial), False
        types = {HITS: HIT, PARTICLES: PARTICLE, HEADER: {"eventNumber": "int32", "weight": "float64"}}
        forms = {name: f"var * {{{', '.join(f'{json.dumps(k)}: {t}' for k, t in fields.items())}}}" for name, fields in types.items()}
        self.tree = self.file.mktree(TREE, forms, counter_name=lambda name: f"n{name}", field_name=_field)

    def add(self, events: Events) -> None:
        """Write a batch of events."""
        if self.n and self.weighted != (events.weight is not None):
            raise FacsimError("cannot append weighted events to unweighted ones", remedy="give every part a weight")
        self.weighted, one = events.weight is not None, np.ones(len(events), dtype=np.int64)
        hits, number = hits_of(events), np.arange(self.n, self.n + len(events), dtype=np.int32)
        header: dict[str, Array] = {"eventNumber": number, "weight": events.weights.astype(np.float64)}
        self.tree.extend({
            HITS: _jagged(_hit_fields(hits, events.detector), hits.counts),
            PARTICLES: _jagged(_particle_fields(primaries_of(events)), one),
            HEADER: _jagged(header, one),
        })  # fmt: skip

    def finish(self, good: bool) -> None:
        """Tell detector and variables, and close the file."""
        if good:
            described = {"detector": detector_to_json(self.detector), "variables": variables_to_json(self.variables)}
            self.file[TOLD] = json.dumps({**described, "weighted": self.weighted, "about": self.about})
        self.file.close()


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The ROOT file, open for reading.

    Raises:
        FacsimError: if it is none, or damaged.
    """
    with readable(path), uproot_library().open(path) as file:
        yield file


@dataclass(frozen=True)
class _Rows:
    """Reads rows of one collection: into which detector, which conditions; whether cellIDs are the detector's, and weights facsim's."""

    path: Path
    detector: Detector
    names: tuple[str, ...]
    collection: str
    numbered: bool
    weighted: bool

    def __call__(self, file: Any, start: int, stop: int) -> tuple[Array, Array, Array | None]:
        """Condition, response, and weight if facsim wrote one."""
        tree = file[TREE]
        condition = condition_of(_primaries(self.path, tree, start, stop), self.names)
        weight = _flat(tree, HEADER, ["weight"], start, stop)[1]["weight"] if self.weighted else None
        return condition, response_of(self._hits(tree, start, stop), self.detector), weight

    def _hits(self, tree: Any, start: int, stop: int) -> Hits:
        counts, fields = _flat(tree, self.collection, list(HIT), start, stop)
        x, y, z = (fields[f"position.{axis}"].astype(np.float64) for axis in "xyz")
        cell = cell_at(self.detector, x, y, layer_at(self.detector, z))
        require_inside(cell, fields["energy"], str(self.path))
        wrong = int((cell != fields["cellID"].astype(np.int64)).sum()) if self.numbered else 0
        if wrong:
            what = f"positions and cellIDs of {self.path} contradict each other"
            raise FacsimError(what, expected="each hit in its cell", got=f"{wrong} hits elsewhere")
        return Hits(counts, cell, fields["energy"].astype(np.float64) * GEV)


def _hit_fields(hits: Hits, detector: Detector) -> dict[str, Array]:
    x, y, z = detector.centres[hits.cell].astype(np.float32).T
    energy = (hits.energy / GEV).astype(np.float32)
    return {"cellID": hits.cell.astype(np.uint64), "energy": energy, "position.x": x, "position.y": y, "position.z": z}


def _particle_fields(primaries: Primaries) -> dict[str, Array]:
    unknown = set(np.abs(primaries.pdg).tolist()) - set(MASS)
    if unknown:
        raise FacsimError("the mass of a particle is not known", expected=f"one of the codes {sorted(MASS)}", got=sorted(unknown))
    mass = np.array([MASS[abs(int(code))] for code in primaries.pdg])
    kinetic = primaries.energy / GEV
    momentum = np.sqrt(kinetic * (kinetic + 2 * mass))[:, None] * primaries.direction
    vectors = np.column_stack([primaries.place, np.zeros(len(mass)), momentum])
    status = np.full(len(mass), FINAL, dtype=np.int32)
    return {"PDG": primaries.pdg.astype(np.int32), "generatorStatus": status, "mass": mass, **dict(zip(VECTORS, vectors.T, strict=True))}


def _primaries(path: Path, tree: Any, start: int, stop: int) -> Primaries:
    """The first particle of each event that the generator handed to the simulation."""
    count, fields = _flat(tree, PARTICLES, list(PARTICLE), start, stop)
    event = np.repeat(np.arange(len(count)), count)
    final = np.flatnonzero(fields["generatorStatus"] == FINAL)
    found, first = np.unique(event[final], return_index=True)
    if len(found) < len(count):
        got = f"none in {len(count) - len(found)} of {len(count)}"
        raise FacsimError(f"events of {path} have no incoming particle", expected=f"a particle of generator status {FINAL} in {PARTICLES}", got=got)
    mass, vertex, momentum = fields["mass"], *(np.column_stack([fields[f"{v}.{axis}"] for axis in "xyz"]) for v in ("vertex", "momentum"))
    rows = final[first]
    size = np.linalg.norm(momentum[rows], axis=1)
    if len(size) and size.min() == 0:
        raise FacsimError(f"an incoming particle of {path} is at rest")
    kinetic = np.sqrt(size**2 + mass[rows] ** 2) - mass[rows]
    return Primaries(kinetic * GEV, fields["PDG"][rows], momentum[rows] / size[:, None], vertex[rows, :2])


def _flat(tree: Any, name: str, fields: Sequence[str], start: int, stop: int) -> tuple[Array, dict[str, Array]]:
    """How many entries each event has, and the fields of all of them, event after event."""
    import awkward

    keys = _keys(tree)
    arrays = {field: tree[keys[f"{name}.{field}"]].array(entry_start=start, entry_stop=stop) for field in fields}
    count = awkward.to_numpy(awkward.num(arrays[fields[0]])).astype(np.int64)
    return count, {field: awkward.to_numpy(awkward.flatten(array)) for field, array in arrays.items()}


def _jagged(fields: dict[str, Array], counts: Array) -> Any:
    import awkward

    return awkward.unflatten(awkward.zip(fields), counts)


def _field(outer: str, inner: str) -> str:
    return f"{outer}.{inner}" if outer else inner


def _keys(tree: Any) -> dict[str, str]:
    """Where each branch is, by its name without the branches above it."""
    return {key.rsplit("/", 1)[-1]: key for key in tree.keys()}  # noqa: SIM118 - a tree is no dictionary


def _collection(path: Path, tree: Any, name: str | None) -> str:
    found = collections(tree)
    if name is None and len(found) > 1:
        raise FacsimError(f"{path} has several collections of hits", got=", ".join(found), remedy="choose one with --collection")
    if name is not None and name not in found:
        raise FacsimError(f"{path} has no collection {name!r}", got=", ".join(found))
    return name or found[0]
