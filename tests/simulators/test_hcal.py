"""Single hadrons on the LHCb HCAL: exact placing, libraries, saturation, resolution."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.core import Events, FacsimError, RegularGrid, SplitGranularity, Variable
from facsim.data import read_folder
from facsim.simulators import SIMULATORS
from facsim.simulators.hadron_showers import KINDS, VISIBLE, Hits, LibraryShowers, Shelf, Shots
from facsim.simulators.hcal import WALL, Impacts, SingleHadrons, lacking_width, on_cells, place, respond, sine_at

GRID = RegularGrid((8, 8), (32.75, 32.75))
VARIABLES = (Variable("energy", "MeV"), Variable("tx"), Variable("ty"))


def shots(n: int, energy: float = 1e4, tx: float = 0.1, ty: float = 0.1) -> Shots:
    return Shots(np.zeros(n, dtype=int), np.full(n, energy), np.full(n, tx), np.full(n, ty))


def library(response: np.ndarray, condition: list[tuple[float, float, float]]) -> LibraryShowers:
    return LibraryShowers({0: Shelf.of(Events(np.array(condition), response, GRID, VARIABLES))}, 32.75)


def one_pixel(row: int, column: int) -> np.ndarray:
    response = np.zeros((1, 8, 8))
    response[0, row, column] = 10.0
    return response


places = st.tuples(st.floats(-3500, 3500), st.floats(-2800, 2800))


@settings(max_examples=60, deadline=None)
@given(at=places, column=st.integers(-4, 3), row=st.integers(-4, 3))
def test_a_pixel_gives_cells_their_shares_of_its_area(at: tuple[float, float], column: int, row: int) -> None:
    """A slow twin: 40 x 40 points in the pixel, each to the cell under it."""
    hits = Hits(np.array([0]), np.array([column]), np.array([row]), np.array([100.0]))
    found = place(WALL, Impacts(np.array([0]), shots(1), np.array([at[0]]), np.array([at[1]])), hits, 32.75, 1)[0]
    steps = (np.arange(40) + 0.5) / 40
    x, y = np.meshgrid(at[0] + (column + steps) * 32.75, at[1] + (row + steps) * 32.75)
    under = WALL.cell_of_pixel[np.floor(y / 131).astype(int) + 26, np.floor(x / 131).astype(int) + 32]
    twin = np.bincount(under[under >= 0], minlength=1488) * 100 / 1600
    assert np.abs(found - twin).max() < 100 * 2 / 40
    assert found.sum() == pytest.approx(twin.sum(), abs=100 * 2 / 40)
    if (under >= 0).all():
        assert found.sum() == pytest.approx(100, rel=1e-5)


def test_energy_beyond_the_face_and_in_the_hole_is_lost() -> None:
    hits = Hits(np.arange(3), np.zeros(3, dtype=int), np.zeros(3, dtype=int), np.full(3, 100.0))
    impacts = Impacts(np.arange(3), shots(3), np.array([0.0, 4192.0 - 32.75 / 2, 1e6]), np.array([0.0, 0.0, 0.0]))
    found = place(WALL, impacts, hits, 32.75, 3).sum(1)
    assert found == pytest.approx([0.0, 50.0, 0.0])


@pytest.mark.parametrize(("tx", "ty", "cell"), [(0.1, 0.1, (1, 2)), (-0.1, 0.1, (-2, 2)), (0.1, -0.1, (1, -3)), (-0.1, -0.1, (-2, -3))])
def test_library_showers_are_mirrored_to_the_slopes(tx: float, ty: float, cell: tuple[int, int]) -> None:
    """The library's shower at slopes (+, +) has its energy in column 1 and row 2 from the impact."""
    hits = library(one_pixel(6, 5), [(1e4, 0.1, 0.1)]).shower(shots(1, tx=tx, ty=ty), np.random.default_rng(0))
    assert (hits.column[0], hits.row[0]) == cell


def test_library_showers_are_scaled_and_chosen_near() -> None:
    response = np.concatenate([one_pixel(4, 4), 3 * one_pixel(0, 0)])
    near = LibraryShowers({0: Shelf.of(Events(np.array([(2e3, 0, 0), (2e4, 0, 0)]), response, GRID, VARIABLES))}, 32.75)
    hits = near.shower(shots(400, energy=4e4, tx=0, ty=0), np.random.default_rng(0))
    assert set(np.round(hits.energy * VISIBLE).tolist()) == {200.0, 60.0}  # both of two are drawn, scaled from their own energies


@pytest.mark.parametrize(("nearest", "expected"), [(1, {0}), (2, {0, 1}), (9, {0, 1, 2})])
def test_a_library_is_told_among_how_many_showers_to_choose(nearest: int, expected: set[int]) -> None:
    """Three showers further and further in energy, each in a column of its own."""
    response = np.concatenate([one_pixel(4, 4 + i) for i in range(3)])
    source = replace(library(response, [(1e4, 0.1, 0.1), (1.2e4, 0.1, 0.1), (2e4, 0.1, 0.1)]), nearest=nearest)
    assert set(source.shower(shots(100, tx=0.1, ty=0.1), np.random.default_rng(0)).column.tolist()) == expected


def test_only_the_nearest_are_drawn() -> None:
    rng = np.random.default_rng(0)
    energy = np.exp(rng.uniform(np.log(2e3), np.log(3e4), 3000))
    near = Shelf.of(Events(np.column_stack([energy, np.zeros((3000, 2))]), rng.random((3000, 8, 8)), GRID, VARIABLES))
    chosen = near.choose(shots(2000, energy=8e3, tx=0, ty=0), rng)
    assert np.abs(near.condition[chosen, 0] / 8e3 - 1).max() < 0.1
    assert 90 <= len(np.unique(chosen)) <= 100


def test_resolution_is_the_printed_one_where_showers_are_narrower() -> None:
    energy = np.full(40_000, 4e3)
    source = library(one_pixel(4, 4), [(4e3, 0.1, 0.1)])
    found = respond(WALL, source, Impacts(np.arange(40_000) % 40_000, Shots(np.zeros(40_000, dtype=int), energy, energy * 0, energy * 0),
                    np.full(40_000, 3000.0), np.full(40_000, 2000.0)), 40_000, np.random.default_rng(0)).sum(1)  # fmt: skip
    assert found.std() / found.mean() == pytest.approx(lacking_width(np.array([4e3]))[0], rel=0.02)
    assert np.hypot(lacking_width(np.array([5.7e3]))[0], 0.243) == pytest.approx(np.hypot(0.69 / np.sqrt(5.7), 0.09))
    assert lacking_width(np.array([25e3]))[0] == 0.0


def test_transverse_energy_and_saturation() -> None:
    """All energy in one pixel, 1 mm from the middle of an outer cell: its sine times the energy, cut at 6.12 GeV."""
    x, y = WALL.centres[-1, :2] - 0.5
    source = library(VISIBLE * 1e4 / 10 * one_pixel(4, 4), [(1e4, 0.1, 0.1)])
    simulator = SingleHadrons(source)
    for transverse in (1000.0, 20_000.0):
        events = simulator.simulate(np.full((500, 3), (x, y, transverse)), np.random.default_rng(0))
        mean = np.minimum(events.cells.max(1), 6120).mean()
        assert events.cells.max() <= 6120
        if transverse == 1000.0:
            assert mean == pytest.approx(1000 * WALL.sine[-1] / sine_at(WALL, x, y), rel=0.05)
        else:
            assert mean == 6120


def test_prior_hits_cells_only() -> None:
    simulator = SIMULATORS["lhcb-hcal"].build()
    assert isinstance(simulator.detector, SplitGranularity)
    x, y, transverse = simulator.prior(5000, np.random.default_rng(0)).T.astype(float)
    assert on_cells(WALL, x, y).all()
    energy = transverse / sine_at(WALL, x, y)
    assert energy.min() == pytest.approx(2e3, rel=0.01)
    assert energy.max() == pytest.approx(3e4, rel=0.01)
    assert not on_cells(WALL, np.array([0.0, 5000.0, 0.0, -5000.0]), np.array([0.0, 0.0, 3500.0, 0.0])).any()


def test_showers_lie_where_the_hadron_hits() -> None:
    simulator = SIMULATORS["lhcb-hcal"].build()
    condition = np.array([(1500.0, 700.0, 2000.0), (-1500.0, 700.0, 2000.0), (1500.0, -700.0, 2000.0)]).repeat(100, axis=0)
    events = simulator.simulate(condition, np.random.default_rng(0))
    for axis in (0, 1):
        centre = (events.cells * WALL.centres[:, axis]).sum(1) / events.cells.sum(1)
        ahead = (centre - condition[:, axis]).reshape(3, 100).mean(1) / condition[::100, axis] * WALL.distance  # mm of depth: they fly outwards
        assert (ahead > 200).all()
        assert (ahead < 900).all()


def test_a_library_without_a_kind_is_refused() -> None:
    with pytest.raises(FacsimError, match=r"proton"):
        LibraryShowers.of({"pi+": [Events(np.array([(1e4, 0, 0)]), one_pixel(4, 4), GRID, VARIABLES)]})


def test_a_library_in_parts_is_the_library_whole() -> None:
    rng = np.random.default_rng(0)
    events = Events(np.column_stack([rng.uniform(2e3, 3e4, 9), np.zeros((9, 2))]), rng.poisson(0.3, (9, 8, 8)), GRID, VARIABLES)
    whole, parts = (LibraryShowers.of(dict.fromkeys(KINDS, parts)) for parts in ([events], [events[:4], events[4:5], events[5:]]))
    ours, theirs = (source.shower(shots(50, tx=0, ty=0), np.random.default_rng(1)) for source in (whole, parts))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert whole.pixel == 32.75


@pytest.mark.shared
def test_geant4_library(shared_data: Path) -> None:
    source = LibraryShowers.of(read_folder(shared_data / "hcal_hadrons", most=2000))
    simulator = SingleHadrons(source)
    rng = np.random.default_rng(1)
    x, y = rng.uniform(700, 3000, 3000), rng.uniform(-2500, 2500, 3000)
    condition = np.column_stack([x, y, rng.uniform(7e3, 9e3, 3000) * sine_at(WALL, x, y)])
    ratio = simulator.simulate(condition, rng).cells.sum(1) / condition[:, 2]
    assert ratio.mean() == pytest.approx(1.0, abs=0.06)
    assert ratio.std() / ratio.mean() == pytest.approx(np.hypot(0.69 / np.sqrt(8), 0.09), rel=0.1)
