"""The LCD format: axes, units, momentum, both sizes, refusals."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from facsim.core import Events, FacsimError, RegularGrid, Variable
from facsim.data import detect, open_reader, read, write

ENERGY, PDG = Variable("energy", "MeV", 1e4, 1e5), Variable("pdg", "1", 22, 111, (22, 111))


def lcd_file(path: Path, shape: tuple[int, int, int] = (25, 25, 25), n: int = 6) -> np.ndarray:
    """A file as the study has them, ECAL [n, x, y, z] in GeV; returns ECAL."""
    rng = np.random.default_rng(0)
    ecal = (rng.exponential(0.1, (n, *shape)) * (rng.random((n, *shape)) < 0.1)).astype(np.float32)
    target = np.array([[[22 if i % 2 else 111, 50 + i, 1.0, 2.0, 49.0 + i]] for i in range(n)])
    with h5py.File(path, "w") as file:
        file["ECAL"], file["HCAL"], file["target"] = ecal, np.ones((n, 4, 4, 60), np.float32), target
    return ecal


@pytest.mark.parametrize("shape", [(25, 25, 25), (51, 51, 25)])
def test_axes_and_units(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    """Planted: a transposed reader fails on unequal axes and here on a single known cell."""
    ecal = lcd_file(tmp_path / "a.h5", shape)
    events = read(tmp_path / "a.h5")
    assert detect(tmp_path / "a.h5") == "lcd"
    assert events.detector.shape == (shape[2], shape[1], shape[0])
    assert events.response[3, 7, 11, 4] == pytest.approx(1000 * ecal[3, 4, 11, 7])
    np.testing.assert_allclose(events.response.sum((1, 2, 3)), 1000 * ecal.sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(events.response.sum((2, 3)), 1000 * ecal.sum((1, 2)), rtol=1e-4)
    assert events.condition[2].tolist() == [52000.0, 111.0, 1000.0, 2000.0, 51000.0]
    assert [(v.name, v.unit) for v in events.variables] == [("energy", "MeV"), ("pdg", "1"), ("px", "MeV"), ("py", "MeV"), ("pz", "MeV")]
    assert events.variables[1].choices == (22.0, 111.0)


def test_the_other_calorimeter_is_named_and_can_be_read(tmp_path: Path) -> None:
    lcd_file(tmp_path / "a.h5")
    assert open_reader(tmp_path / "a.h5").about == {"not read": "HCAL"}
    hcal = read(tmp_path / "a.h5", "lcd-hcal")
    assert hcal.detector.shape == (60, 4, 4)
    assert hcal.response[0].sum() == pytest.approx(960_000)


def test_round_trip(tmp_path: Path) -> None:
    lcd_file(tmp_path / "a.h5")
    events = read(tmp_path / "a.h5")
    write(events, tmp_path / "b.h5", "lcd")
    again = read(tmp_path / "b.h5")
    np.testing.assert_allclose(again.response, events.response, rtol=1e-6)
    np.testing.assert_allclose(again.condition, events.condition, rtol=1e-6)
    assert again.detector == events.detector


def test_without_momentum_the_particle_flies_along_z(tmp_path: Path) -> None:
    grid = RegularGrid((3, 2, 2), (8.0, 5.0, 5.0))
    events = Events(np.array([[2e4, 22], [3e4, 111]]), np.ones((2, 3, 2, 2)), grid, (ENERGY, PDG))
    write(events, tmp_path / "a.h5", "lcd")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["target"][:, 0].tolist() == [[22, 20, 0, 0, 20], [111, 30, 0, 0, 30]]
        assert file["ECAL"].shape == (2, 2, 2, 3)
    assert read(tmp_path / "a.h5").detector == grid


@pytest.mark.parametrize("name", ["ECAL", "target"])
def test_wrong_shapes_are_refused(tmp_path: Path, name: str) -> None:
    lcd_file(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        flat = file[name][:].reshape(6, -1)
        del file[name]
        file[name] = flat
    with pytest.raises(FacsimError, match="wrong shape"):
        read(tmp_path / "a.h5")


def test_what_the_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    grid, condition, cells = RegularGrid((3, 2, 2), (8.0, 5.0, 5.0)), np.array([[2e4, 22.0]]), np.ones((1, 3, 2, 2))
    for bad, message in (
        (Events(condition, cells, grid, (ENERGY, PDG), np.ones(1)), "weights"),
        (Events(np.array([[2e4, 22.0, 1.0]]), cells, grid, (ENERGY, PDG, Variable("x", "mm"))), "these conditions"),
        (Events(np.array([[2e4, 22.0, 1.0]]), cells, grid, (ENERGY, PDG, Variable("px", "MeV"))), "momentum is not whole"),
    ):
        with pytest.raises(FacsimError, match=message):
            write(bad, tmp_path / "a.h5", "lcd")
    assert not (tmp_path / "a.h5").exists()
