"""CaloChallenge files as others write them: geometry, units and conditions are understood, contradictions refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from facsim.core import Detector, FacsimError, LayeredGrid, PolarLayers, RegularGrid, Variable, concatenate
from facsim.data import open_reader, read, write
from facsim.data.conditions import SCAN_ROWS, column_names
from facsim.data.geometries import CHALLENGE, attributes_of, detector_from_attributes

PHOTONS, PIONS, ELECTRONS, FINE = 368, 533, 6480, 40500


def challenge_file(path: Path, showers: Any, energies: Any, conditions: Any = None, names: list[str] | None = None, **attributes: object) -> Path:
    """A file as others write it."""
    with h5py.File(path, "w") as file:
        file["incident_energies"], file["showers"] = np.reshape(energies, (-1, 1)), showers
        if conditions is not None:
            file["incident_conditions"] = conditions
            file["incident_conditions"].attrs["names"] = json.dumps(names)
        file.attrs.update(attributes)
    return path


def test_the_published_numbers_of_voxels_layers_and_angles() -> None:
    assert sorted(CHALLENGE) == [PHOTONS, PIONS, ELECTRONS, FINE]
    numbers = {cells: [(layer.number, layer.angles, layer.rings) for layer in detector.stack] for cells, detector in CHALLENGE.items()}
    assert numbers[PHOTONS] == [(0, 1, 8), (1, 10, 16), (2, 10, 19), (3, 1, 5), (12, 1, 5)]
    assert numbers[PIONS] == [(0, 1, 8), (1, 10, 10), (2, 10, 10), (3, 1, 5), (12, 10, 15), (13, 10, 16), (14, 1, 10)]
    assert set(numbers[ELECTRONS]) == {(i, 16, 9) for i in range(45)}
    assert set(numbers[FINE]) == {(i, 50, 18) for i in range(45)}


def test_both_electron_datasets_cover_the_same_cylinder() -> None:
    coarse, fine = CHALLENGE[ELECTRONS], CHALLENGE[FINE]
    assert coarse.areas.sum() == pytest.approx(45 * np.pi * 41.85**2)
    assert fine.areas.sum() == pytest.approx(coarse.areas.sum())
    assert coarse.centres[-1, 2] == fine.centres[-1, 2] == pytest.approx(44.5 * 3.4)


@pytest.mark.parametrize("cells", [PHOTONS, PIONS, ELECTRONS])
def test_a_plain_file_is_known_by_its_voxels(cells: int, tmp_path: Path) -> None:
    """Double precision and nothing but the two datasets, as the challenge gives them; angle is outer, radius inner."""
    showers = np.arange(2 * cells, dtype=np.float64).reshape(2, cells)
    events = read(challenge_file(tmp_path / "a.hdf5", showers, [[256.0], [4194304.0]]))
    assert events.detector == CHALLENGE[cells]
    assert events.variables == (Variable("energy", "MeV", 256.0, 4194304.0),)
    assert np.array_equal(events.cells, showers)
    if cells == ELECTRONS:
        assert events.response[0, 2, 3, 4] == 2 * 16 * 9 + 3 * 9 + 4


def test_an_unknown_number_of_voxels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match=r"detector of .* is unknown: expected 368, 533, 6480, 40500 voxels, got 6481; pass a binning XML"):
        read(challenge_file(tmp_path / "a.h5", np.ones((2, 6481)), [1, 2]))


XML = '<Bins><Bin pid="22" name="photon">{}</Bin></Bins>'
LAYERS = [
    '<Layer id="0" r_edges="0,1,3" n_bin_alpha="2"/>',
    '<Layer id="1" r_edges="0" n_bin_alpha="1"/>',
    '<Layer id="7" r_edges="2,5" n_bin_alpha="1"/>',
]


@pytest.mark.parametrize("particle", ["photon", "22"])
def test_a_binning_xml_gives_the_geometry(particle: str, tmp_path: Path) -> None:
    (tmp_path / "bins.xml").write_text(XML.format("".join(LAYERS)).replace(' name="photon"', "" if particle == "22" else ' name="photon"'))
    path = challenge_file(tmp_path / "a.h5", np.ones((1, 5)), [1])
    detector = read(path, geometry=(tmp_path / "bins.xml", particle)).detector
    assert isinstance(detector, PolarLayers)
    assert [(layer.number, layer.angles, layer.edges) for layer in detector.stack] == [(0, 2, (0, 1, 3)), (7, 1, (2, 5))]
    with pytest.raises(FacsimError, match=r"unknown particle .* 'pion'"):
        read(path, geometry=(tmp_path / "bins.xml", "pion"))
    with pytest.raises(FacsimError, match="do not fit their detector: expected 5 cells"):
        read(challenge_file(tmp_path / "b.h5", np.ones((1, 6)), [1]), geometry=(tmp_path / "bins.xml", particle))


def test_a_binning_xml_is_not_for_native_files(tmp_path: Path) -> None:
    events = read(challenge_file(tmp_path / "a.h5", np.ones((1, PHOTONS)), [1]))
    write(events, tmp_path / "native.h5")
    with pytest.raises(FacsimError, match="binning XML is for calochallenge files"):
        read(tmp_path / "native.h5", geometry=("bins.xml", "photon"))


@pytest.mark.parametrize(
    "detector",
    [
        RegularGrid((3, 5), (6.0, 6.0)),
        RegularGrid((3, 5), (6.0, 2.0)),
        RegularGrid((2, 3, 5), (3.5, 6.0, 2.0)),
        PolarLayers.uniform(4, 3, [0, 2, 4], 3.4),
    ],
)
def test_attributes_alone_rebuild_a_detector(detector: Detector) -> None:
    assert detector_from_attributes(attributes_of(detector)) == detector


def test_attributes_that_would_rebuild_another_detector_are_not_written() -> None:
    uneven = PolarLayers.uniform(4, 3, [0, 2, 5], 3.4)
    assert attributes_of(uneven) == {"shape": [4, 3, 2]}
    assert not isinstance(uneven, LayeredGrid)


def test_rows_are_y_and_columns_x(tmp_path: Path) -> None:
    """One hot cell in row 2, column 4 of 3 x 5 cells must lie at y = 20 mm, x = 20 mm."""
    showers = np.zeros((1, 15))
    showers[0, 2 * 5 + 4] = 1
    events = read(challenge_file(tmp_path / "a.h5", showers, [1], shape=(3, 5), cell_mm=[20.0, 10.0]))
    assert events.response[0, 2, 4] == 1
    assert events.detector.centres[int(events.cells[0].argmax())].tolist() == [20.0, 20.0, 0.0]


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"shape": (5, 4), "cell_mm": 1.0}, "do not fit their detector"),
        ({"shape": (3, 5), "cell_mm": 1.0, "axes": "x, y"}, "axes are in another order: expected z, y, x"),
        ({"shape": (3, 5)}, "alone does not make a detector"),
        ({"shape": (3, 5), "cell_mm": 0.0}, "cell sizes must be positive"),
        (
            {"shape": (5, 3, 1), "cell_mm": 1.0, "geometry": "25 x (3 mm W + 0.5 mm Si); pi0"},
            "contradict one another: expected 25 layers on the first axis, got 5",
        ),
    ],
)
def test_attributes_that_contradict_are_refused(attributes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match=said):
        read(challenge_file(tmp_path / "a.h5", np.ones((1, 15)), [1], **attributes))


def test_a_transposed_stack_is_refused(tmp_path: Path) -> None:
    attributes = {"r_edge_mm": 4.65, "geometry": "90 x (1.4 mm W + 0.3 mm Si); one voxel layer = 2 sensor layers"}
    showers = np.ones((1, ELECTRONS))
    assert read(challenge_file(tmp_path / "a.h5", showers, [1], shape=(45, 16, 9), **attributes)).detector == CHALLENGE[ELECTRONS]
    with pytest.raises(FacsimError, match="expected 45 layers on the first axis, got 9"):
        read(challenge_file(tmp_path / "b.h5", showers, [1], shape=(9, 16, 45), **attributes))


def test_showers_may_keep_their_shape_but_not_transposed(tmp_path: Path) -> None:
    images = np.arange(15.0).reshape(1, 3, 5)
    assert np.array_equal(read(challenge_file(tmp_path / "a.h5", images, [1], shape=(3, 5), cell_mm=1.0)).response, images)
    with pytest.raises(FacsimError, match="do not fit their detector"):
        read(challenge_file(tmp_path / "b.h5", images.swapaxes(1, 2), [1], shape=(3, 5), cell_mm=1.0))


def test_declared_units_are_converted(tmp_path: Path) -> None:
    in_gev = challenge_file(
        tmp_path / "a.h5", np.full((1, 15), 0.25), [50.0], [[50.0, 2.0, 90.0]], ["energy", "x_cm", "theta_deg"], shape=(3, 5), cell_mm=1.0, unit="GeV"
    )
    events = read(in_gev)
    assert events.response.max() == 250.0
    assert events.condition[0].tolist() == pytest.approx([50_000.0, 20.0, np.pi / 2])
    assert [(v.name, v.unit) for v in events.variables] == [("energy", "MeV"), ("x", "mm"), ("theta", "rad")]
    with h5py.File(in_gev, "r+") as file:  # each dataset may have its own
        file["incident_energies"].attrs["unit"] = "MeV"
    assert (read(in_gev).response.max(), read(in_gev).column("energy")[0]) == (250.0, 50.0)


def test_a_changed_unit_counts_in_files_of_ours_too(tmp_path: Path) -> None:
    events = read(challenge_file(tmp_path / "a.h5", np.full((1, 15), 2.0), [3], [[3, 7]], ["energy", "x_mm"], shape=(3, 5), cell_mm=1.0))
    write(events, tmp_path / "b.h5", "calochallenge")
    with h5py.File(tmp_path / "b.h5", "r+") as file:
        file.attrs["unit"] = "GeV"
    changed = read(tmp_path / "b.h5")
    assert (changed.response.max(), changed.condition.tolist()) == (2000.0, [[3000.0, 7.0]])


def test_conditions_span_their_ranges_and_codes_are_choices(tmp_path: Path) -> None:
    n = SCAN_ROWS + 10
    table = np.column_stack([np.linspace(5, 1, n), np.where(np.arange(n) % 3, 22, 111), np.linspace(-1, 1, n)])
    variables = open_reader(
        challenge_file(tmp_path / "a.h5", np.ones((n, 1)), table[:, 0], table, ["energy", "pdg", "x_mm"], shape=(1, 1), cell_mm=1.0)
    ).variables
    assert variables == (
        Variable("energy", "MeV", 1.0, 5.0),
        Variable("pdg", "1", 22.0, 111.0, (22.0, 111.0)),
        Variable("x", "mm", -1.0, 1.0),
    )


def test_a_table_without_the_energy_gets_it_first(tmp_path: Path) -> None:
    events = read(challenge_file(tmp_path / "a.h5", np.ones((2, 1)), [5, 6], [[0.1], [0.2]], ["tx"], shape=(1, 1), cell_mm=1.0))
    assert np.array_equal(events.condition, np.array([[5, 0.1], [6, 0.2]], dtype=np.float32))


@pytest.mark.parametrize(("table", "names"), [([[1.0, 2.0]], ["energy"]), ([[1.0]], []), ([1.0], ["energy"])])
def test_columns_without_names_are_refused(table: Any, names: list[str], tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match="have no names"):
        read(challenge_file(tmp_path / "a.h5", np.ones((1, 1)), [1], table, names, shape=(1, 1), cell_mm=1.0))


@pytest.mark.parametrize("energy", [np.nan, np.inf])
def test_conditions_that_are_not_finite_are_refused(energy: float, tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match=r"conditions .* are not finite"):
        read(challenge_file(tmp_path / "a.h5", np.ones((2, PHOTONS)), [1, energy]))


def test_two_energies_an_event_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["incident_energies"], file["showers"] = np.ones((2, 2)), np.ones((2, PHOTONS))
    with pytest.raises(FacsimError, match=r"expected \[2, 1\], got \[2, 2\]"):
        read(tmp_path / "a.h5")


def test_the_written_file_is_the_challenges(tmp_path: Path) -> None:
    """Another reader, which knows only the challenge's layout, finds what it expects; ours needs no more than the plain attributes."""
    source = challenge_file(
        tmp_path / "a.h5", np.arange(30.0).reshape(2, 15), [5, 6], [[5, 1.5], [6, 2.5]], ["energy", "x_mm"], shape=(3, 5), cell_mm=2.0
    )
    events = read(source)
    write(events, tmp_path / "b.h5", "calochallenge")
    with h5py.File(tmp_path / "b.h5", "r+") as file:
        assert file["incident_energies"][:].tolist() == [[5], [6]]
        assert np.array_equal(file["showers"][:], np.arange(30.0).reshape(2, 15))
        assert column_names(file) == ["energy", "x_mm"]
        assert file.attrs["unit"] == "MeV"
        del file.attrs["detector"], file.attrs["variables"]
    assert read(tmp_path / "b.h5") == events


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "shape", "variables"),
    [
        ("electron_gun/e800_train.h5", (64, 64), ["energy"]),
        ("sampling_calo/test.h5", (45, 16, 9), ["energy"]),
        ("lhcb_ecal/test.h5", (30, 30), ["energy", "x", "y", "tx", "ty"]),
        ("lcd_ecal/test.h5", (25, 25, 25), ["energy", "pdg"]),
        ("hcal_hadrons/neutron.h5", (64, 64), ["energy", "tx", "ty"]),
    ],
)
def test_geant4_samples_are_read(name: str, shape: tuple[int, ...], variables: list[str], shared_data: Path, tmp_path: Path) -> None:
    reader = open_reader(shared_data / name)
    assert reader.format == "calochallenge"
    assert reader.detector.shape == shape
    assert [v.name for v in reader.variables] == variables
    parts = reader.read(0, 300), reader.read(300, 310)
    assert not concatenate(parts).extrapolated.any()
    for format in ("native", "calochallenge"):
        write(parts[1], tmp_path / "a.h5", format)
        assert read(tmp_path / "a.h5") == parts[1]


@pytest.mark.shared
def test_geant4_samples_know_their_depth(shared_data: Path) -> None:
    assert open_reader(shared_data / "sampling_calo" / "test.h5").detector == CHALLENGE[ELECTRONS]
    assert open_reader(shared_data / "lcd_ecal" / "test.h5").detector == RegularGrid((25, 25, 25), (3.5, 5.1, 5.1))
