"""Arrays of stations: where they stand, how they are drawn, what a station without trigger looks like."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facsim.core import Events, FacsimError, StationArray
from facsim.core.detectors import arrival_times, describe, from_description, pack_stations, saturated, signals, traces, triggered

KM = 1e6
PLAIN, TRACED = StationArray(), StationArray(bins=4, timed=True)


@pytest.mark.parametrize("array", [PLAIN, TRACED, StationArray(3, 4, "axial", bins=2), StationArray(2, 2, "cartesian", timed=True)])
def test_contract(array: StationArray) -> None:
    assert array.n_cells == np.prod(array.shape) == len(array.centres) == len(array.areas) == len(array.layers)
    assert array.stations.shape == (array.rows, array.columns, 3)
    assert from_description(json.loads(json.dumps(describe(array)))) == array
    assert (array.centres[:, 2] == 1.4 * KM).all()


def test_positions_by_hand() -> None:
    """The middle stands at the origin; one row up is 1.5 km sin 60 away, shifted by half a spacing, two rows up only where rows are axial."""
    up = 1.5 * np.sqrt(3) / 2 * KM
    for layout, one, two in (("offset", 0.75, 0.0), ("axial", 0.75, 1.5), ("cartesian", 0.0, 0.0)):
        stations = StationArray(layout=layout).stations
        height = 1.5 * KM if layout == "cartesian" else up
        assert stations[4, 4].tolist() == [0.0, 0.0, 1.4 * KM]
        assert stations[4, 6, :2].tolist() == [3.0 * KM, 0.0]
        assert stations[5, 4, :2].tolist() == pytest.approx([one * KM, height])
        assert stations[6, 4, :2].tolist() == pytest.approx([two * KM, 2 * height])


@pytest.mark.parametrize(("layout", "neighbours"), [("offset", 6), ("axial", 6), ("cartesian", 4)])
def test_number_of_nearest_neighbours(layout: str, neighbours: int) -> None:
    stations = StationArray(layout=layout).stations[..., :2].reshape(-1, 2)
    distance = np.linalg.norm(stations - stations[40], axis=1)
    assert np.isclose(distance, 1.5 * KM).sum() == neighbours


@pytest.mark.parametrize("layout", ["offset", "axial", "cartesian"])
def test_drawing_puts_the_signal_where_the_station_is(layout: str) -> None:
    array = StationArray(5, 7, layout, bins=3, timed=True)
    for row, column in ((0, 0), (4, 6), (2, 3), (1, 5)):
        response = np.zeros(array.shape)
        response[row, column] = [1.0, 2.0, 3.0, 41_000.0]
        picture = array.image(response)
        assert picture.sum() == pytest.approx(6.0)  # the time is not drawn
        rows, columns = np.indices(picture.shape)
        half = np.array(array.half_sides)
        size = 2 * half / picture.shape[::-1]
        place = [(i * picture).sum() / 6.0 - (n - 1) / 2 for i, n in zip((columns, rows), picture.shape[::-1], strict=True)] * size
        assert np.allclose(place, array.stations[row, column, :2], atol=0.05 * array.spacing)


def test_cells_are_hexagons() -> None:
    """The area of a drawn cell is that of the lattice, and no pixel further from its station than a hexagon's corner (1 / root 3) belongs to it."""
    array = StationArray(5, 5)
    picture = array.image(np.where(np.arange(25).reshape(5, 5) == 12, 1.0, 0.0)) > 0
    size = 2 * np.array(array.half_sides) / picture.shape[::-1]
    assert picture.sum() * size.prod() == pytest.approx(array.areas[0], rel=0.05)
    rows, columns = np.nonzero(picture)
    reach = np.hypot((columns - (picture.shape[1] - 1) / 2) * size[0], (rows - (picture.shape[0] - 1) / 2) * size[1])
    assert reach.max() <= array.spacing / np.sqrt(3) + size[0]


def test_stations_without_trigger_come_as_nan_and_are_kept_as_zero() -> None:
    trace = np.random.default_rng(0).random((2, 9, 9, 4)) + 0.1
    arrival = np.random.default_rng(1).normal(0.0, 500.0, (2, 9, 9))
    trace[1, 3, 5], arrival[1, 3, 5] = np.nan, np.nan
    response = pack_stations(TRACED, trace, arrival)
    Events(np.zeros((2, 0)), response, TRACED, ())  # finite and not negative
    assert (response[1, 3, 5] == 0).all()
    assert np.argwhere(~triggered(TRACED, response)).tolist() == [[1, 3, 5]]
    np.testing.assert_allclose(arrival_times(TRACED, response), arrival, atol=0.01)
    np.testing.assert_allclose(traces(TRACED, response), np.nan_to_num(trace), rtol=1e-6)
    np.testing.assert_allclose(signals(TRACED, response), np.nan_to_num(trace).sum(-1), rtol=1e-6)


def test_a_single_signal_is_a_trace_of_one_bin() -> None:
    signal = np.full((1, 9, 9, 1), 7.0)
    signal[0, 0, 0] = np.nan
    response = pack_stations(PLAIN, signal)
    assert response.shape == (1, 9, 9)
    assert signals(PLAIN, response).sum() == 80 * 7


def test_saturated_stations_by_hand() -> None:
    response = np.zeros((9, 9))
    response[4, 4], response[4, 5] = 0.95e7, 0.85e7
    assert np.argwhere(saturated(PLAIN, response)).tolist() == [[4, 4]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda trace, time: trace.__setitem__((0, 1, 1, 2), np.nan),
        lambda trace, time: time.__setitem__((0, 1, 1), np.nan),
        lambda trace, time: time.__setitem__((0, 1, 1), -41_000.0),
    ],
    ids=["half a trace", "no time", "before the window"],
)
def test_half_measured_stations_are_refused(spoil: object) -> None:
    trace, time = np.ones((1, 9, 9, 4)), np.zeros((1, 9, 9))
    spoil(trace, time)  # type: ignore[operator]
    with pytest.raises(FacsimError):
        pack_stations(TRACED, trace, time)


@pytest.mark.parametrize(
    "build",
    [
        lambda: StationArray(layout="hexagonal"),
        lambda: StationArray(0, 9),
        lambda: StationArray(spacing=-1.0),
        lambda: arrival_times(PLAIN, np.zeros((9, 9))),
        lambda: pack_stations(TRACED, np.ones((1, 9, 9, 3)), np.zeros((1, 9, 9))),
    ],
)
def test_nonsense_is_refused(build: object) -> None:
    with pytest.raises(FacsimError):
        build()  # type: ignore[operator]
