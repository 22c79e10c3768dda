"""Geant4 up to its physics: cards, data sets, the process, and with straight lines the geometry as Geant4 itself has it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from facsim.cli.main import run
from facsim.core import Events, FacsimError
from facsim.core.detectors.locate import locator
from facsim.data import open_reader, read
from facsim.simulators.geant4 import CARDS, Geant4, Setup, geant4, read_card
from facsim.simulators.geant4.datasets import NEEDED, find, require
from facsim.simulators.geant4.gun import last_words, quiet_environment

SAMPLES = {
    "electron_gun": ["electron_gun/e800_train.h5", "electron_gun/e800_test.h5"],
    "electron_gun_energies": ["electron_gun/e100_800_1800.h5"],
    "sampling_calo": ["sampling_calo/train.h5", "sampling_calo/test.h5"],
    "lhcb_ecal": ["lhcb_ecal/train.h5", "lhcb_ecal/test.h5"],
    "lcd_ecal": ["lcd_ecal/train.h5", "lcd_ecal/test.h5"],
    "hcal_hadrons": [f"hcal_hadrons/{name}.h5" for name in ("pi+", "proton", "neutron", "kaon+", "kaon0L")],
}
MATERIALS = {"Pb": "G4_Pb", "polystyrene": "G4_POLYSTYRENE", "W": "G4_W", "Si": "G4_Si", "Fe": "G4_Fe"}
FAKE = """
import json, sys
from pathlib import Path
import numpy as np
folder = Path(sys.argv[1])
shots, card = np.load(folder / "shots.npz"), json.loads((folder / "card.json").read_text())
n = len(shots["energy"])
assert len(card["slabs"]) == 2
"""
GOOD = (
    FAKE
    + """
cell = np.floor(shots["x"]).astype(int) + 5
np.savez(folder / "hits.npz", event=np.arange(n), cell=cell, energy=shots["energy"] / 1000 + shots["seed"])
"""
)


def fake(tmp_path: Path, script: str, card: str = "lhcb_ecal") -> Geant4:
    """The simulator with a script in place of Geant4."""
    (tmp_path / "fake.py").write_text(script)
    setup = read_card(card).model_copy(update={"physics": "transport"})
    return Geant4(setup, process=(sys.executable, str(tmp_path / "fake.py")))


def straight(setup: Setup, condition: np.ndarray, names: list[str]) -> np.ndarray:
    """The slow twin: the length of straight lines in each cell, slab by slab."""
    told = dict(zip(names, condition.T.astype(np.float64), strict=True))
    x, y, tx, ty = (told.get(name, np.zeros(len(condition))) for name in ("x", "y", "tx", "ty"))
    response, find_cell = np.zeros((len(condition), setup.detector.n_cells)), locator(setup.detector)
    front, seen, per_layer = 0.0, 0, sum(s.scored for s in setup.stack) // setup.detector.n_layers
    for slab in setup.stack:
        if slab.scored:
            z = front + slab.mm / 2
            layer = np.full(len(condition), seen // per_layer)
            cell = find_cell(x + tx * z, y + ty * z, layer)
            inside = cell >= 0
            response[np.flatnonzero(inside), cell[inside]] += (slab.mm * np.sqrt(1 + tx**2 + ty**2))[inside]
            seen += 1
        front += slab.mm
    return response.reshape(-1, *setup.detector.shape)


@pytest.mark.parametrize("card", [c for c in CARDS if c != "electron_gun_energies"])
def test_geant4_has_the_geometry_of_the_card(card: str) -> None:
    """Geantinos through the real geometry, their way in the scored slabs as response: layers, rows, columns, gun."""
    plain = {"physics": "transport", "score": "length", "particles": ("geantino",)}
    setup = read_card(card).model_copy(update={**plain, "place_mm": 4.9, "slope": 0.08})
    gun = Geant4(setup)
    condition = gun.prior(5, np.random.default_rng(1))
    events = gun.simulate(condition, np.random.default_rng(2))
    expected = straight(setup, condition, [v.name for v in gun.variables])
    assert expected.sum() > 0
    assert events.response == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.shared
@pytest.mark.parametrize(("card", "file"), [(card, file) for card, files in SAMPLES.items() for file in files])
def test_cards_describe_the_samples(card: str, file: str, shared_data: Path) -> None:
    setup, reader = read_card(card), open_reader(shared_data / file)
    with h5py.File(shared_data / file) as sample:
        told, geometry = dict(sample.attrs), str(sample.attrs["geometry"]).split(";")[0].split(",")[0]
    stack = [(f"{float(mm):g}", MATERIALS[name]) for mm, name in re.findall(r"([\d.]+) mm (\w+)", geometry)]
    repeats = re.match(r"(\d+) x \(", geometry)
    assert [(f"{slab.mm:g}", slab.material) for slab in setup.slabs] == stack
    assert setup.repeats == (int(repeats[1]) if repeats else 1)
    scored = {slab.material for slab in setup.slabs if slab.scored}
    assert scored == ({"G4_Pb", "G4_POLYSTYRENE"} if "both" in told["score"] else {MATERIALS[re.split(r"[ ,]", told["score"])[0]]})
    width = re.search(r"([\d.]+) m x [\d.]+ m", str(told["geometry"]))
    assert setup.width_mm == (1000 * float(width[1]) if width else 1000)
    assert setup.detector == reader.detector
    particle = {"particle": str(told["particle"])} if "particle" in told else {}
    gun = geant4(card=card, physics="transport", **particle)
    assert [(v.name, v.unit) for v in gun.variables] == [(v.name, v.unit) for v in reader.variables]
    for ours, theirs in zip(gun.variables, reader.variables, strict=True):
        assert ours.low <= theirs.low
        assert theirs.high <= ours.high
        assert theirs.high - theirs.low >= 0.9 * (ours.high - ours.low)
        assert ours.choices == theirs.choices


def test_every_card_is_that_of_a_sample() -> None:
    assert set(CARDS) == set(SAMPLES)


def test_hits_become_events(tmp_path: Path) -> None:
    gun = fake(tmp_path, GOOD)
    condition = gun.prior(20, np.random.default_rng(0))
    events = gun.simulate(condition, np.random.default_rng(1))
    assert np.array_equal(events.condition, condition)
    assert events.cells.argmax(1).tolist() == (np.floor(events.column("x")).astype(int) + 5).tolist()
    same, other = (gun.simulate(condition, np.random.default_rng(seed)) for seed in (1, 2))
    assert events == same
    assert not np.array_equal(events.response, other.response)
    assert [v.name for v in gun.variables] == ["energy", "x", "y", "tx", "ty"]


def test_hits_beside_the_readout_are_lost(tmp_path: Path) -> None:
    gun = fake(tmp_path, FAKE + 'np.savez(folder / "hits.npz", event=np.array([0, 1, 1]), cell=np.array([-1, 2, 2]), energy=np.array([5.0, 2, 3]))')
    events = gun.simulate(gun.prior(2, np.random.default_rng(0)), np.random.default_rng(0))
    assert events.cells.sum(1).tolist() == [0.0, 5.0]
    assert events.cells[1, 2] == 5.0


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11: nothing said"),
        (
            "import os; print('*** G4Exception : X1\\n issued by : G4Y\\nno data\\n*** Fatal ***', flush=True); os.abort()",
            "signal 6: X1, issued by : G4Y, no data",
        ),
        ("import sys; sys.exit('Geant4 knows no material G4_X')", "exit code 1: Geant4 knows no material G4_X"),
        ("input('Would you like to download? ')", "exit code 1: .*EOF"),
        ("pass", "exit code 0"),
    ],
)
def test_whatever_ends_the_process_is_one_line(script: str, message: str, tmp_path: Path) -> None:
    gun = fake(tmp_path, script)
    with pytest.raises(FacsimError, match=f"Geant4 ended badly: got .*{message}"):
        gun.simulate(gun.prior(2, np.random.default_rng(0)), np.random.default_rng(0))


def test_missing_data_are_named_before_anything_runs(tmp_path: Path) -> None:
    empty = {"HOME": str(tmp_path)}
    with pytest.raises(FacsimError) as all_missing:
        require(empty)
    for data in NEEDED:
        assert data.folder in str(all_missing.value)
        assert data.archive in str(all_missing.value)
    assert "set GEANT4_DATA_DIR" in str(all_missing.value)
    assert "\n" not in str(all_missing.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FacsimError, match="data sets are missing"):
        Geant4(read_card("electron_gun"), environment=empty, process=("no such program",))
    for data in NEEDED[:-1]:
        (tmp_path / "data" / data.folder).mkdir(parents=True)
    partly = {**empty, "GEANT4_DATA_DIR": str(tmp_path / "data")}
    with pytest.raises(FacsimError, match=f"got no {NEEDED[-1].folder};"):
        require(partly)
    (tmp_path / "elsewhere").mkdir()
    assert require({**partly, NEEDED[-1].variable: str(tmp_path / "elsewhere")})[NEEDED[-1].variable] == tmp_path / "elsewhere"
    (tmp_path / ".geant4_pybind" / NEEDED[-1].folder).mkdir(parents=True)
    assert len(require(partly)) == len(NEEDED)
    assert find({"HOME": "/nowhere"}) == {}


def test_geant4_itself_aborts_without_harm(tmp_path: Path) -> None:
    """Planted: folders of data that are there and empty. The physics list is built, finds no file, and aborts its process."""
    for data in NEEDED:
        (tmp_path / data.folder).mkdir()
    (tmp_path / "G4ENSDFSTATE3.0" / "ENSDFSTATE.dat").touch()
    gun = Geant4(read_card("electron_gun"), environment={**os.environ, "GEANT4_DATA_DIR": str(tmp_path)})
    with pytest.raises(FacsimError, match=r"Geant4 ended badly: got signal 6: .*is not opened") as told:
        gun.simulate(np.full((2, 1), 800.0), np.random.default_rng(0))
    assert "\n" not in str(told.value)


def test_the_process_can_neither_ask_nor_fetch(tmp_path: Path) -> None:
    """geant4-pybind asks for downloads when it is imported, and under CI=true fetches without asking, unless GEANT4_DATA_DIR is set."""
    environment = quiet_environment({"CI": "true", "PATH": "/bin"}, {"G4LEDATA": tmp_path / "G4EMLOW8.8"})
    assert environment == {"PATH": "/bin", "GEANT4_DATA_DIR": str(tmp_path), "G4LEDATA": str(tmp_path / "G4EMLOW8.8")}
    assert Path(quiet_environment({}, {})["GEANT4_DATA_DIR"]).is_dir()


def test_last_words() -> None:
    assert last_words("a\nb\n\n ----\n") == "b"
    assert last_words("") == "nothing said"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("colour: red", "not right at 'colour'"),
        ("polar: {layers: 1, angles: 1, rings: 1, ring_mm: 1, layer_mm: 1}", "one readout"),
        ("grid: {cells: [2, 4, 4], mm: [1, 1, 1]}", "a multiple of 2, got 1"),
        ("particles: [elektron]", "unknown particle"),
        ("energy: {low: 5, high: 1}", "energies are empty"),
        ("repeats: 0", "not right at 'repeats'"),
        ("simulator: [", "cannot read the card"),
    ],
)
def test_bad_cards(change: str, message: str, tmp_path: Path) -> None:
    good = "slabs: [{material: G4_Pb, mm: 1, scored: true}]\nwidth_mm: 10\n"
    parts = {"particles": "particles: [e-]", "energy": "energy: {low: 1, high: 1}", "grid": "grid: {cells: [4, 4], mm: [1, 1]}"}
    parts[change.split(":")[0]] = change
    (tmp_path / "c.yaml").write_text(good + "\n".join(parts.values()))
    with pytest.raises(FacsimError, match=message):
        read_card(tmp_path / "c.yaml")


def test_the_prior_is_the_cards() -> None:
    rng = np.random.default_rng(0)
    three = geant4(card="electron_gun_energies", physics="transport").prior(300, rng)
    assert sorted(set(three[:, 0].tolist())) == [100, 800, 1800]
    flat, log = (geant4(card=card, physics="transport").prior(4000, rng)[:, 0] for card in ("lcd_ecal", "sampling_calo"))
    assert np.median(flat) == pytest.approx(55e3, rel=0.05)
    assert np.median(log) == pytest.approx(10e3, rel=0.1)
    assert set(geant4(card="lcd_ecal", physics="transport").prior(50, rng)[:, 1].tolist()) == {22.0, 111.0}


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GEANT4_DATA_DIR", raising=False)
    for name in (["electron_gun.yaml"], ["geant4", "--card", "electron_gun.yaml"], ["geant4", "--set", "card=lcd_ecal"]):
        assert run(["simulate", *name, "--n", "10", "--out", "o.h5"]) == 1
        told = capsys.readouterr().err
        assert "Geant4's data sets are missing" in told
        assert told.count("\n") == 1
    assert run(["simulate", "geant4", "--card", "electron_gum.yaml", "--n", "10", "--out", "o.h5"]) == 1
    assert "did you mean 'electron_gun'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine.yaml").write_text(CARDS["electron_gun"].read_text() + "physics: transport\nscore: length\n")
    assert run(["simulate", "mine.yaml", "--n", "7", "--out", "o.h5", "--set", "particle=geantino"]) == 0
    events: Events = read("o.h5")
    assert events.cells.sum(1) == pytest.approx([84.0] * 7)
    assert open_reader("o.h5").about["geant4"]["slabs"][0] == {"material": "G4_Pb", "mm": 9.0, "scored": True}
