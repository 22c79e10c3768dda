"""Point clouds and collections of hits: cells at their places, units, the incoming particle, and files that contradict themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
import showerdata
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.cli.main import run
from facsim.core import (
    Detector,
    Events,
    FacsimError,
    GridLayer,
    LayeredGrid,
    PolarLayer,
    PolarLayers,
    RegularGrid,
    SplitGranularity,
    StationArray,
    Variable,
    Vector,
    stream,
)
from facsim.core.detectors import describe
from facsim.data import detect, load_sample, open_reader, open_writer, read, write
from facsim.data.cells import cell_at, layer_at

BOX = RegularGrid((3, 2, 4), (3.5, 10.0, 5.0))  # z, y, x
POLAR = PolarLayers((PolarLayer(1, (0, 5, 10), 0, 1.0), PolarLayer(4, (0, 2, 8, 20), 1, 3.0)))
STACK = LayeredGrid((GridLayer(4, 4, (5.0, 5.0), 10.0), GridLayer(2, 2, (10.0, 10.0), 30.0)))
DETECTORS: dict[str, Detector] = {
    "box": BOX,
    "plane": RegularGrid((6, 5), (3.0, 4.0)),
    "polar": POLAR,
    "stack": STACK,
    "split": SplitGranularity(),
    "challenge": PolarLayers.uniform(45, 16, [4.65 * i for i in range(10)], 3.4),
}
GUN = (
    Variable("energy", "MeV", 100.0, 1e5),
    Variable("pdg", "1", 11, 211, (11.0, 22.0, 211.0)),
    Variable("tx", "1", -0.5, 0.5),
    Variable("ty", "1", -0.5, 0.5),
)
FORMATS = {"showerdata": "p.h5", "edm4hep": "h.root"}


def some(detector: Detector, n: int = 40, variables: tuple[Variable, ...] = GUN, weight: bool = False) -> Events:
    """Sparse events with every number its own."""
    rng = stream(3, "hit formats")
    columns = {
        "energy": rng.uniform(100, 1e5, n),
        "pdg": rng.choice([11, 22, 211], n),
        "tx": rng.uniform(-0.5, 0.5, n),
        "ty": rng.uniform(-0.5, 0.5, n),
        "x": rng.uniform(-9, 9, n),
    }
    response = np.where(rng.random((n, *detector.shape)) < 0.2, rng.exponential(5.0, (n, *detector.shape)), 0)
    condition = np.column_stack([columns[v.name] for v in variables])
    return Events(condition, response, detector, variables, rng.normal(1, 0.5, n) if weight else None)


def one(detector: Detector, cell: tuple[int, ...], energy: float = 7.0) -> Events:
    """One electron of 800 MeV along z, one hit."""
    response = np.zeros((1, *detector.shape))
    response[(0, *cell)] = energy
    return Events([[800.0, 11.0]], response, detector, (Variable("energy", "MeV", 800, 800), Variable("pdg", "1", 11, 11, (11.0,))))


@pytest.mark.parametrize("kind", DETECTORS)
@pytest.mark.parametrize("format", FORMATS)
def test_events_come_back(format: str, kind: str, tmp_path: Path) -> None:
    events = some(DETECTORS[kind], weight=kind == "box")
    path = tmp_path / FORMATS[format]
    write(events, path, format, about={"made": "here"})
    assert detect(path) == format
    reader = open_reader(path)
    back = reader.read()
    assert (back.detector, back.variables, reader.about) == (events.detector, events.variables, {"made": "here"})
    assert np.array_equal(back.response > 0, events.response > 0)
    assert np.allclose(back.response, events.response, rtol=2e-7)
    assert np.allclose(back.condition, events.condition, rtol=1e-6, atol=1e-7)
    assert (back.weight is None) == (events.weight is None)
    assert np.array_equal(back.weights, events.weights)
    assert reader.read(7, 9) == back[7:9]
    assert [p for p in tmp_path.iterdir() if p != path] == []


@pytest.mark.parametrize("format", FORMATS)
def test_batches_and_no_events(format: str, tmp_path: Path) -> None:
    events = some(BOX, 11)
    for parts in ([events], [events[:4], events[4:4], events[4:]], []):
        path = tmp_path / f"{len(parts)}-{FORMATS[format]}"
        with open_writer(path, events.detector, events.variables, format) as writer:
            for part in parts:
                writer.append(part)
        assert len(read(path)) == sum(map(len, parts))
    assert read(tmp_path / f"1-{FORMATS[format]}") == read(tmp_path / f"3-{FORMATS[format]}")


def test_a_point_by_hand(tmp_path: Path) -> None:
    """Layer 2, row 0 (y = -5 mm), column 3 (x = +7.5 mm), 7 MeV of an electron of 800 MeV along z: what the library finds in the file."""
    write(one(BOX, (2, 0, 3)), tmp_path / "p.h5", "showerdata")
    showers = showerdata.load(tmp_path / "p.h5")
    assert showers.points.shape == (1, 1, 4)
    assert showers.points[0, 0] == pytest.approx([7.5, -5.0, 2.0, 0.007])
    assert showers.energies[0, 0] == pytest.approx(0.8)
    assert showers.pdg.tolist() == [11]
    assert showers.directions.tolist() == [[0, 0, 1]]
    assert showerdata.observables.calc_energy_per_layer(showers, 3)[0] == pytest.approx([0, 0, 0.007])


def test_a_hit_by_hand(tmp_path: Path) -> None:
    """The same hit: cell 2 * 8 + 0 * 4 + 3 at z = 2.5 x 3.5 mm; and a pion of 1 GeV with slope 3/4 has |p| = sqrt(T (T + 2 m))."""
    write(one(BOX, (2, 0, 3)), tmp_path / "h.root", "edm4hep")
    pion = Events([[1000.0, 211, 0.75, 0.0]], np.zeros((1, *BOX.shape)), BOX, GUN)
    write(pion, tmp_path / "pion.root", "edm4hep")
    with uproot.open(tmp_path / "h.root") as file:
        hit = {name: file[f"events/CaloHits.{name}"].array()[0, 0] for name in ("cellID", "energy", "position.x", "position.y", "position.z")}
    assert hit == pytest.approx({"cellID": 19, "energy": 0.007, "position.x": 7.5, "position.y": -5.0, "position.z": 8.75})
    with uproot.open(tmp_path / "pion.root") as file:
        momentum = [file[f"events/MCParticles.momentum.{axis}"].array()[0, 0] for axis in "xyz"]
        assert ak.to_list(file["events/CaloHits.energy"].array()) == [[]]
    size = np.sqrt(1.0 * (1.0 + 2 * 0.13957039))
    assert momentum == pytest.approx([0.6 * size, 0.0, 0.8 * size])


def planted(tmp_path: Path, **changes: Any) -> Path:
    """A file of hits in which fields of a good one are replaced by functions of them all."""
    write(one(BOX, (2, 0, 3)), tmp_path / "good.root", "edm4hep")
    with uproot.open(tmp_path / "good.root") as file:
        fields = {key: file["events"][key].array() for key in file["events"].keys() if "." in key}  # noqa: SIM118
        told = str(file["facsim"])
    hits = {key.removeprefix("CaloHits."): array for key, array in fields.items() if key.startswith("CaloHits")}
    hits |= {key.replace("_", "."): change(dict(hits)) for key, change in changes.items()}
    particles = {key.removeprefix("MCParticles."): array for key, array in fields.items() if key.startswith("MCP")}
    path = tmp_path / "planted.root"
    with uproot.recreate(path) as file:
        tree = {"CaloHits": ak.zip(hits), "MCParticles": ak.zip(particles)}
        types = {name: array.type.content for name, array in tree.items()}
        file.mktree("events", types, counter_name=lambda n: f"n{n}", field_name=lambda o, i: f"{o}.{i}" if o else i).extend(tree)
        file["facsim"] = told
    return path


def test_transposed_positions_and_cells_are_caught(tmp_path: Path) -> None:
    assert read(planted(tmp_path)) == read(tmp_path / "good.root")
    transposed = planted(tmp_path, position_x=lambda h: h["position.y"], position_y=lambda h: h["position.x"])
    with pytest.raises(FacsimError, match=r"positions and cellIDs .* contradict each other"):
        read(transposed)
    in_other_order = planted(tmp_path, cellID=lambda h: h["cellID"] * 0 + 3 * 6 + 0 * 3 + 2)  # x slowest
    with pytest.raises(FacsimError, match="contradict each other"):
        read(in_other_order)
    in_centimetres = planted(tmp_path, position_z=lambda h: h["position.z"] / 10)
    with pytest.raises(FacsimError, match="contradict each other"):
        read(in_centimetres)
    with pytest.raises(FacsimError, match=r"1 of 1 outside, with 100.00% of the energy"):
        read(planted(tmp_path, position_x=lambda h: h["position.x"] * 10))


def test_a_cloud_of_others(tmp_path: Path) -> None:
    """A file of the library alone: points anywhere in their cells, two in one; a known detector, and one that is transposed."""
    points = np.array([[[9.9, -0.1, 2, 0.004], [5.1, -9.9, 2, 0.003], [-1, 1, 0, 0.002], [0, 0, 0, 0]]], dtype=np.float32)
    showerdata.Showers(points, [[0.8]], 22, directions=[[0.6, 0.0, 0.8]]).save(tmp_path / "p.h5")
    with pytest.raises(FacsimError, match="does not say what its detector is"):
        read(tmp_path / "p.h5")
    events = open_reader(tmp_path / "p.h5", detector=BOX).read()
    assert events.response.sum() == pytest.approx(9.0)
    assert events.response[0, 2, 0, 3] == pytest.approx(7.0)
    assert events.response[0, 0, 1, 1] == pytest.approx(2.0)
    assert [v.name for v in events.variables] == ["energy", "pdg", "tx"]
    assert events.condition[0] == pytest.approx([800.0, 22.0, 0.75])
    with pytest.raises(FacsimError, match="1 of 3 outside"):
        open_reader(tmp_path / "p.h5", detector=RegularGrid((3, 4, 2), (3.5, 5.0, 9.0))).read()
    (tmp_path / "box.json").write_text(json.dumps(describe(BOX)))
    assert run(["convert", str(tmp_path / "p.h5"), str(tmp_path / "out.h5"), "--detector", str(tmp_path / "box.json")]) == 0
    assert np.array_equal(read(tmp_path / "out.h5").response, events.response)


def test_a_cloud_with_depths_in_place_of_layers_is_refused(tmp_path: Path) -> None:
    points = np.array([[[1, 1, 1.75, 0.004]]], dtype=np.float32)
    showerdata.Showers(points, [[0.8]], 22).save(tmp_path / "p.h5")
    with pytest.raises(FacsimError, match="is no layer"):
        open_reader(tmp_path / "p.h5", detector=BOX).read()


def test_several_collections_and_secondaries(tmp_path: Path) -> None:
    """What other software writes: two collections, secondaries before the incoming particle, hits with more fields than we need."""
    hit = {"cellID": [[2**62, 5]], "energy": [[0.004, 0.003]], "position.x": [[7.0, 7.1]], "position.y": [[5.0, 5.0]], "position.z": [[1.0, 1.0]]}
    arrays = {key: ak.values_astype(ak.Array(value), np.uint64 if key == "cellID" else np.float32) for key, value in hit.items()}
    vectors = {f"{v}.{a}": ak.Array([[0.0, 3.0 * (v == "momentum" and a == "z")]]) for v in ("vertex", "momentum") for a in "xyz"}
    particles = {"PDG": ak.Array([[22, 11]]), "generatorStatus": ak.Array([[0, 1]]), "mass": ak.Array([[0.0, 4.0]]), **vectors}
    tree = {"EcalHits": ak.zip(arrays), "HcalHits": ak.zip({**arrays, "time": arrays["energy"]}), "MCParticles": ak.zip(particles)}
    with uproot.recreate(tmp_path / "h.root") as file:
        types = {name: array.type.content for name, array in tree.items()}
        file.mktree("events", types, counter_name=lambda n: f"n{n}", field_name=lambda o, i: f"{o}.{i}" if o else i).extend(tree)
    with pytest.raises(FacsimError, match="several collections of hits: got EcalHits, HcalHits; choose one with --collection"):
        open_reader(tmp_path / "h.root", detector=BOX)
    events = open_reader(tmp_path / "h.root", detector=BOX, collection="EcalHits").read()
    assert events.response[0, 0, 1, 3] == pytest.approx(7.0)
    assert events.column("energy").tolist() == [1000.0]  # sqrt(3^2 + 4^2) - 4 GeV
    assert events.column("pdg").tolist() == [11]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(DETECTORS)))
def test_points_belong_to_the_cell_that_they_came_from(seed: int, kind: str) -> None:
    detector = DETECTORS[kind]
    rng = np.random.default_rng(seed)
    cell = rng.integers(detector.n_cells, size=20)
    x, y, z = detector.centres[cell].T
    assert np.array_equal(cell_at(detector, x, y, detector.layers[cell]), cell)
    assert np.array_equal(layer_at(detector, z), detector.layers[cell])
    if kind in ("box", "plane", "stack", "split"):
        side = np.sqrt(detector.areas[cell].min()) if kind != "box" else 5.0
        dx, dy = rng.uniform(-0.49, 0.49, (2, 20)) * min(side, 3.0)
        assert np.array_equal(cell_at(detector, x + dx, y + dy, detector.layers[cell]), cell)


def test_a_border_of_small_and_large_cells() -> None:
    """Just inside an outer cell of the wall the nearest centre is that of an inner one."""
    wall = SplitGranularity()
    x, y = 16 * 131.0 + 20.0, 10.0  # the inner part ends at 16 pixels; centres at 15.5 and 17 pixels
    [cell] = cell_at(wall, np.array([x]), np.array([y]), np.array([0]))
    assert cell >= wall.inner_cells
    assert np.abs(wall.centres[cell, :2] - [x, y]).max() <= 131.0
    assert cell_at(wall, np.zeros(1), np.zeros(1), np.zeros(1, dtype=int)).tolist() == [-1]  # the hole


@pytest.mark.parametrize(
    ("events", "format", "message"),
    [
        (Events([[1.0]], [[1.0, 2.0]], Vector(("a", "b"), ("1", "1")), GUN[:1]), "showerdata", "expected a calorimeter, got a Vector"),
        (Events([[1.0]], [[1.0, 2.0]], Vector(("a", "b"), ("1", "1")), GUN[:1]), "edm4hep", "expected a calorimeter, got a Vector"),
        (replace(one(replace(BOX, signed=True), (0, 0, 0)), response=np.full((1, 3, 2, 4), -1.0)), "showerdata", "no negative energies"),
        (Events([[1.0, 2.0]], np.zeros((1, 3, 2, 4)), BOX, (GUN[0], Variable("age", "ns"))), "edm4hep", "cannot hold these conditions"),
        (Events([[1.0, 15.0]], np.zeros((1, 3, 2, 4)), BOX, (GUN[0], Variable("pdg"))), "edm4hep", "the mass of a particle is not known"),
        (Events([[1.0]], np.zeros((1, 3, 2, 4)), BOX, (Variable("energy", "mm"),)), "showerdata", "must be in MeV"),
    ],
)
def test_what_a_format_cannot_hold(events: Events, format: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match=message):
        write(events, tmp_path / "x", format)
    assert list(tmp_path.iterdir()) == []


def test_arrays_of_stations_are_no_cells(tmp_path: Path) -> None:
    stations = StationArray(3, 3)
    with pytest.raises(FacsimError, match="got a StationArray"), open_writer(tmp_path / "x", stations, GUN[:1], "edm4hep"):
        pass


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_files_are_one_line(format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / FORMATS[format]
    write(some(BOX), path, format)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert run(["convert", str(path), str(tmp_path / "o.h5")]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "cannot read" in told
    assert not (tmp_path / "o.h5").exists()


def test_energies_that_contradict_the_conditions(tmp_path: Path) -> None:
    write(some(BOX), tmp_path / "p.h5", "showerdata")
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        file["energies"][...] *= 1000  # planted: MeV
    with pytest.raises(FacsimError, match="contradict the energy in 'condition'"):
        read(tmp_path / "p.h5")


@pytest.mark.parametrize(("key", "other"), [("detector", "native"), ("collection", "showerdata")])
def test_options_of_other_formats_are_refused(key: str, other: str, tmp_path: Path) -> None:
    write(some(BOX), tmp_path / "x.h5", other)
    with pytest.raises(FacsimError, match=f"a {key} is for .*edm4hep files only"):
        open_reader(tmp_path / "x.h5", **{key: BOX if key == "detector" else "EcalHits"})


def test_convert_round_the_formats(tmp_path: Path) -> None:
    """Native -> points -> hits -> challenge -> native: the packaged Geant4 sample comes back."""
    sample = load_sample("electron-gun")[:300]
    names = ["a.h5", "b.h5", "c.root", "d.h5", "e.h5"]
    write(sample, tmp_path / names[0])
    for source, target, to in zip(names, names[1:], ["showerdata", "edm4hep", "calochallenge", "native"], strict=False):
        assert run(["convert", str(tmp_path / source), str(tmp_path / target), "--to", to]) == 0
    back = read(tmp_path / "e.h5")
    assert back.detector == sample.detector
    assert np.allclose(back.response, sample.response, rtol=5e-7)
    assert np.allclose(back.condition, sample.condition, rtol=1e-6)


def test_a_surrogate_takes_conditions_from_hits_and_writes_hits(tmp_path: Path) -> None:
    write(load_sample("electron-gun")[:20], tmp_path / "like.root", "edm4hep")
    arguments = ["sample", "zoo:electron-gun-vae", "--like", str(tmp_path / "like.root"), "--format", "edm4hep"]
    assert run([*arguments, "--out", str(tmp_path / "made.root")]) == 0
    made = read(tmp_path / "made.root")
    assert len(made) == 20
    assert made.column("energy").tolist() == [800.0] * 20
    assert (
        run(["evaluate", str(tmp_path / "made.root"), "--truth", str(tmp_path / "like.root"), "--out", str(tmp_path / "o")]) == 1
    )  # 20 events are few
