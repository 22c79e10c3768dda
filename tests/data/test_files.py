"""Files: what is written is read, in every format, and every fault of a file is one line."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facsim.core import Detector, Events, FacsimError, GridLayer, LayeredGrid, PolarLayer, PolarLayers, RegularGrid, Variable, Vector, stream
from facsim.data import detect, open_reader, open_writer, read, write
from facsim.data.writer import CHUNK

ENERGY = Variable("energy", "MeV", 100.0, 2000.0)
GRID = RegularGrid((3, 5), (20.0, 10.0))
ANY_CALORIMETER = ("native", "calochallenge")  # formats that hold what any calorimeter gives; the others have tests of their own
CODES = Variable("pdg", choices=(22.0, 111.0))
DETECTORS: dict[str, Detector] = {
    "grid": GRID,
    "volume": RegularGrid((4, 3, 5), (3.5, 5.1, 5.1)),
    "alike polar": PolarLayers.uniform(4, 3, [0.0, 1.5, 3.0], 2.0),
    "uneven polar": PolarLayers((PolarLayer(1, (0, 5, 30), 0), PolarLayer(4, (0, 1), 12, 7.5))),
    "layered": LayeredGrid((GridLayer(4, 2, (5.0, 5.0), 1.0), GridLayer(2, 1, (10.0, 10.0), 4.0))),
    "signed": RegularGrid((2, 2), (1.0, 1.0), signed=True),
}


def make(n: int = 10, detector: Detector = GRID, variables: tuple[Variable, ...] = (ENERGY,), seed: int = 0) -> Events:
    rng = stream(seed, "test-files")
    condition = np.column_stack([rng.uniform(200, 1900, n) if v.unit == "MeV" else rng.choice(v.choices or (-0.1, 0.2), n) for v in variables])
    return Events(condition, rng.exponential(10, (n, *detector.shape)), detector, variables)


@pytest.mark.parametrize("format", ANY_CALORIMETER)
@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)
def test_what_is_written_is_read(format: str, detector: Detector, tmp_path: Path) -> None:
    events = make(7, detector, (ENERGY, Variable("x", "mm", -1, 1), Variable("tx"), CODES))
    write(events, tmp_path / "a.h5", format, about={"seed": 3})
    assert detect(tmp_path / "a.h5") == format
    assert read(tmp_path / "a.h5") == events
    assert read(tmp_path / "a.h5", start=2, stop=5) == events[2:5]
    assert read(tmp_path / "a.h5", start=-2) == events[5:]
    assert len(read(tmp_path / "a.h5", start=5, stop=2)) == 0
    assert open_reader(tmp_path / "a.h5").about == {"seed": 3}


@pytest.mark.parametrize("format", ANY_CALORIMETER)
def test_no_events_make_a_file_too(format: str, tmp_path: Path) -> None:
    write(make(0), tmp_path / "a.h5", format)
    assert read(tmp_path / "a.h5") == make(0)


def test_native_keeps_weights_and_tells_the_extrapolated(tmp_path: Path) -> None:
    narrow = (Variable("energy", "MeV", 100.0, 1000.0), Variable("free"))
    events = Events([[500, 0], [1500, 0]], np.ones((2, 1)), Vector(("pt",), ("MeV",)), narrow, np.array([1.0, -2.0]))
    write(events, tmp_path / "a.h5")
    back = read(tmp_path / "a.h5")
    assert back == events
    assert back.variables[1].high == math.inf
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["extrapolated"].dtype == bool
        assert file["extrapolated"][:].tolist() == [False, True]
        assert (file.attrs["format"], file.attrs["format_version"]) == ("facsim", 1)
        assert json.loads(file.attrs["variables"])[1]["high"] is None


def test_batches_of_any_length_append(tmp_path: Path) -> None:
    events = make(2 * CHUNK + 37)
    with open_writer(tmp_path / "a.h5", events.detector, events.variables) as writer:
        for start, stop in [(0, 1), (1, 1), (1, CHUNK + 5), (CHUNK + 5, len(events))]:
            writer.append(events[start:stop])
    assert read(tmp_path / "a.h5") == events
    reader = open_reader(tmp_path / "a.h5")
    assert (reader.n, reader.chunk) == (len(events), CHUNK)
    with h5py.File(tmp_path / "a.h5") as file:
        assert (file["response"].compression, file["response"].shuffle) == ("gzip", True)


def test_weights_that_come_late_are_one_before(tmp_path: Path) -> None:
    light, heavy = make(2), make(1)
    with open_writer(tmp_path / "a.h5", GRID, (ENERGY,)) as writer:
        writer.append(light)
        writer.append(Events(heavy.condition, heavy.response, GRID, (ENERGY,), np.array([3.0])))
        writer.append(light)
    assert read(tmp_path / "a.h5").weights.tolist() == [1, 1, 3, 1, 1]


def test_the_same_events_are_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write(make(300), tmp_path / name)
    write(make(300, seed=1), tmp_path / "c")
    prints = [open_reader(tmp_path / name).fingerprint for name in "abc"]
    assert prints[0] == prints[1] != prints[2]


def test_reading_does_not_import_torch(tmp_path: Path) -> None:
    write(make(), tmp_path / "a.h5")
    code = "import sys; from facsim.data import read; read(sys.argv[1]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.h5")], check=False).returncode == 0


# writing that fails


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write(make(3), tmp_path / "a.h5")
    with pytest.raises(KeyboardInterrupt):
        _interrupted(tmp_path / "a.h5")
    assert read(tmp_path / "a.h5") == make(3)
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def _interrupted(path: Path) -> None:
    with open_writer(path, GRID, (ENERGY,)) as writer:
        writer.append(make(500))
        raise KeyboardInterrupt


FULL_DISK = """
import resource, signal, sys
import numpy as np
from facsim.core import Events, FacsimError, RegularGrid, Variable
from facsim.data import write
grid = RegularGrid((32, 32), (1.0, 1.0))
events = Events(np.full((2000, 1), 5.0), np.random.default_rng(0).random((2000, 32, 32)), grid, (Variable("energy", "MeV"),))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    write(events, sys.argv[1], sys.argv[3])
except FacsimError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("format", ANY_CALORIMETER)
@pytest.mark.parametrize("limit", [10, 3_000, 500_000, 5_000_000])
def test_a_full_disk_is_one_line_and_the_old_file_survives(limit: int, format: str, tmp_path: Path) -> None:
    """The limit on the size of files fails writes as a full disk does; the process must also end in good order."""
    (tmp_path / "a.h5").write_text("old")
    ran = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path / "a.h5", str(limit), format], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"cannot write {tmp_path}/a.h5: got File too large")
    assert ran.stderr.count("\n") == 1
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.h5", "old")]


def test_a_folder_that_is_not_there_or_is_the_target(tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match="No such file or directory"):
        write(make(), tmp_path / "absent" / "a.h5")
    with pytest.raises(FacsimError, match="expected a file, got a folder"):
        write(make(), tmp_path)


def test_only_events_of_the_writers_kind_append(tmp_path: Path) -> None:
    turned = make(1, RegularGrid((5, 3), (10.0, 20.0)))
    with pytest.raises(FacsimError, match="cannot append"), open_writer(tmp_path / "a.h5", GRID, (ENERGY,)) as writer:
        writer.append(turned)
    assert not list(tmp_path.iterdir())


def test_what_the_challenge_cannot_hold_is_refused(tmp_path: Path) -> None:
    events = make(2)
    for broken, said in [
        (Events(events.condition, events.response, GRID, (ENERGY,), np.ones(2)), "no weights"),
        (Events(events.condition, events.response, GRID, (Variable("energy", "EeV"),)), "energy in MeV"),
        (Events(events.condition, events.response, GRID, (Variable("pt", "MeV"),)), "unknown condition variable 'energy'"),
    ]:
        with pytest.raises(FacsimError, match=said):
            write(broken, tmp_path / "a.h5", "calochallenge")
    assert not list(tmp_path.iterdir())


# bad input

Change = Callable[[h5py.File], object]


def broken(path: Path, how: str) -> Path:
    """A file with one fault."""
    write(make(500, variables=(ENERGY, Variable("tx"))), path, "calochallenge" if "incident" in how or "showers" in how else "native")
    if how == "truncated":
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        return path
    with h5py.File(path, "r+") as file:
        FAULTS[how](file)
    return path


def _set(name: str, at: tuple[int, ...], value: float) -> Change:
    def change(file: h5py.File) -> None:
        data = file[name][:]
        data[at] = value
        file[name][...] = data

    return change


def _cut(name: str) -> Change:
    return lambda file: file[name].resize(499, axis=0)


def _rename(old: str, new: str) -> Change:
    return lambda file: file.move(old, new)


def _attribute(name: str, value: object) -> Change:
    return lambda file: file.attrs.modify(name, value)


def _drop(name: str) -> Change:
    return lambda file: file.attrs.pop(name)


def _transpose(file: h5py.File) -> None:
    data = file["response"][:]
    del file["response"]
    file["response"] = data.swapaxes(1, 2)


FAULTS: dict[str, Change] = {
    "nan in response": _set("response", (499, 1, 1), np.nan),
    "infinity in condition": _set("condition", (0, 1), np.inf),
    "negative response": _set("response", (300, 0, 0), -3.0),
    "negative energy": _set("condition", (300, 0), -3.0),
    "rows of condition": _cut("condition"),
    "wrong names": _rename("response", "images"),
    "transposed response": _transpose,
    "later version": _attribute("format_version", 2),
    "detector is no json": _attribute("detector", "{"),
    "detector is a list": _attribute("detector", "[]"),
    "detector of no kind": _attribute("detector", '{"kind": "Cube"}'),
    "detector of other fields": _attribute("detector", '{"kind": "RegularGrid", "faces": 6}'),
    "variables without name": _attribute("variables", '[{"unit": "MeV"}]'),
    "no variables": _drop("variables"),
    "nan in showers": _set("showers", (499, 1), np.nan),
    "negative showers": _set("showers", (0, 0), -1.0),
    "nan in incident_conditions": _set("incident_conditions", (7, 1), np.nan),
    "other energy in incident_energies": _set("incident_energies", (7, 0), 1.0),
    "rows of incident_energies": _cut("incident_energies"),
    "rows of showers": _cut("showers"),
    "rows of incident_conditions": _cut("incident_conditions"),
    "wrong name of showers": _rename("showers", "shower"),
    "shape of showers": _attribute("shape", (5, 3)),
    "unit of showers": _attribute("unit", "mm"),
    "unknown unit of showers": _attribute("unit", "GEV"),
    "variables against incident_conditions": _attribute("variables", '[{"name": "energy", "unit": "MeV"}, {"name": "x", "unit": "mm"}]'),
}
MESSAGES = {
    "truncated": "truncated",
    "nan in response": "response has values that are not finite",
    "infinity in condition": "condition has values that are not finite",
    "negative response": "response has negative energies: expected energies >= 0, got -3",
    "negative energy": "incident energies are negative: expected energies >= 0, got -3",
    "rows of condition": "different numbers of rows.*condition 499, response 500",
    "wrong names": "no dataset 'response': got condition, images",
    "transposed response": r"contradicts the file's description: expected rows of \(3, 5\), got rows of \(5, 3\)",
    "later version": "unknown format version: expected 1 to 1, got 2; update facsim",
    "detector is no json": "attribute 'detector' is not JSON",
    "detector is a list": "expected a JSON dict, got list",
    "detector of no kind": "unknown detector 'Cube'",
    "detector of other fields": "does not fit a RegularGrid",
    "variables without name": "a variable cannot be read",
    "no variables": "no attribute 'variables'",
    "nan in showers": "response has values that are not finite",
    "negative showers": "response has negative energies",
    "nan in incident_conditions": "condition has values that are not finite",
    "other energy in incident_energies": "'incident_energies' of .* contradicts the energy column",
    "rows of incident_energies": "incident_energies 499, showers 500",
    "rows of showers": "incident_energies 500, showers 499",
    "rows of incident_conditions": "incident_conditions 499",
    "wrong name of showers": "is unknown: expected condition and response .*, got datasets incident_conditions, incident_energies, shower",
    "shape of showers": r"do not fit their detector: .*attribute shape \(5, 3\)",
    "unit of showers": "'mm' is not a unit of energy",
    "unknown unit of showers": "unknown unit 'GEV': .*did you mean 'GeV'",
    "variables against incident_conditions": "contradicts the columns",
}


@pytest.mark.parametrize("how", ["truncated", *FAULTS])
def test_every_fault_is_one_line(how: str, tmp_path: Path) -> None:
    path = broken(tmp_path / "a.h5", how)
    with pytest.raises(FacsimError, match=MESSAGES[how]) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_hdf5(tmp_path: Path) -> None:
    (tmp_path / "empty.h5").touch()
    (tmp_path / "text.h5").write_text("energy,response\n")
    h5py.File(tmp_path / "nothing.h5", "w").close()
    for name, said in [
        ("absent.h5", "no such file"),
        ("empty.h5", "an empty file"),
        ("text.h5", "expected an HDF5 file"),
        ("nothing.h5", "got no dataset"),
        (".", "expected a file, got a folder"),
    ]:
        with pytest.raises(FacsimError, match=said):
            read(tmp_path / name)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    write(make(40), tmp_path / "whole.h5")
    whole = (tmp_path / "whole.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(FacsimError):
        read(tmp_path / "cut.h5")


def test_a_damaged_chunk_is_told_when_it_is_read(tmp_path: Path) -> None:
    write(make(CHUNK + 1), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        at = file["response"].id.get_chunk_info(1).byte_offset
    with (tmp_path / "a.h5").open("r+b") as raw:
        raw.seek(at)
        raw.write(b"\xff" * 16)
    assert read(tmp_path / "a.h5", stop=CHUNK) == make(CHUNK + 1)[:CHUNK]
    with pytest.raises(FacsimError, match=r"cannot read .*filter returned failure"):
        read(tmp_path / "a.h5")


def test_the_format_can_be_forced_and_must_fit(tmp_path: Path) -> None:
    write(make(), tmp_path / "a.h5", "calochallenge")
    with pytest.raises(FacsimError, match="no dataset 'condition'"):
        read(tmp_path / "a.h5", "native")
    with pytest.raises(FacsimError, match=r"unknown format 'calochalenge': .*did you mean 'calochallenge'"):
        read(tmp_path / "a.h5", "calochalenge")
    with h5py.File(tmp_path / "a.h5", "r+") as file:  # a file that looks like both
        file.attrs["format"] = "facsim"
    assert detect(tmp_path / "a.h5") == "native"
    assert read(tmp_path / "a.h5", "calochallenge") == make()


def test_events_without_conditions_are_written(tmp_path: Path) -> None:
    events = Events(np.zeros((3, 0)), np.arange(12.0).reshape(3, 2, 2), RegularGrid((2, 2), (1.0, 1.0)), ())
    write(events, tmp_path / "a.h5")
    assert read(tmp_path / "a.h5") == events
