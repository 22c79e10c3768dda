"""Observables: numbers derived by hand, a slow twin, empty events, every detector kind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facsim.core import Events, FacsimError, GridLayer, LayeredGrid, PolarLayer, PolarLayers, RegularGrid, SplitGranularity, Variable, Vector
from facsim.evaluation.observables import OBSERVABLES, applicable, brightest, columns, features
from facsim.evaluation.observables.geometry import neighbour_axes, neighbours

ENERGY = (Variable("energy", "MeV"),)
UNEQUAL_POLAR = PolarLayers((PolarLayer(1, (0.0, 5.0, 10.0), 0, 0.0), PolarLayer(8, (0.0, 2.0, 7.0, 9.0), 12, 30.0)))
DETECTORS = {
    "grid 2D": RegularGrid((5, 6), (2.0, 3.0)),
    "grid 3D": RegularGrid((4, 5, 3), (10.0, 2.0, 3.0)),
    "signed grid": RegularGrid((4, 4), (1.0, 1.0), signed=True),
    "layers alike": LayeredGrid((GridLayer(3, 4, (5.0, 6.0), 10.0), GridLayer(3, 4, (5.0, 6.0), 25.0))),
    "layers unlike": LayeredGrid((GridLayer(3, 4, (5.0, 6.0), 10.0), GridLayer(2, 2, (9.0, 9.0), 25.0))),
    "polar alike": PolarLayers.uniform(3, 8, [0.0, 4.0, 8.0], depth=2.0),
    "polar unlike": UNEQUAL_POLAR,
    "split": SplitGranularity((8, 12), (4, 8), (2, 2), pixel=10.0, distance=500.0),
    "vector": Vector(("a", "b"), ("MeV", "1")),
}


def sparse(detector, n: int = 7, seed: int = 1) -> Events:
    rng = np.random.default_rng(seed)
    response = rng.exponential(3.0, (n, *detector.shape)) * (rng.random((n, *detector.shape)) < 0.4)
    if detector.signed:
        response = response - 0.5
    return Events(rng.uniform(10, 90, (n, 1)), response, detector, ENERGY)


def column(events: Events, name: str) -> np.ndarray:
    matrix, names = features(events)
    return matrix[:, names.index(name)]


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS.keys())
def test_every_observable_is_finite_and_named_also_for_empty_single_and_no_events(detector) -> None:
    events = sparse(detector)
    empty = Events(events.condition, np.zeros_like(events.response), detector, ENERGY)
    for sample in (events, events[:1], events[:0], empty):
        matrix, names = features(sample)
        assert matrix.shape == (len(sample), len(names))
        assert np.isfinite(matrix).all()
        assert len(set(names)) == len(names)
        assert tuple(c.name for c in columns(sample)) == names
        for observable in applicable(sample):
            assert observable.compute(sample).shape[0] == len(sample)
    for observable in applicable(empty):
        if observable.name not in ("sparsity", "layer_sparsity"):
            assert not observable.compute(empty).any(), observable.name


def slow_event(detector, cells: np.ndarray) -> dict[str, float]:
    """Observables of one event, cell by cell, as one would explain them."""
    cells = [float(e) for e in cells]
    places = [(x, y, z) for x, y, z in detector.centres.tolist()]
    result: dict[str, float] = {"total_energy": sum(cells), "sparsity": sum(e <= 0 for e in cells) / len(cells), "maximum_cell": max(cells)}
    for t in (0.1, 1, 10):
        result[f"hits[>{t:g}MeV]"] = sum(e > t for e in cells)

    def moments(values: list[float], energies: list[float]) -> tuple[float, float]:
        total = sum(energies)
        if total <= 0:
            return 0.0, 0.0
        mean = sum(v * e for v, e in zip(values, energies)) / total
        return mean, (sum((v - mean) ** 2 * e for v, e in zip(values, energies)) / total) ** 0.5

    positive = [max(e, 0.0) for e in cells]
    result["centre_x"], result["width_x"] = moments([p[0] for p in places], positive)
    result["centre_y"], result["width_y"] = moments([p[1] for p in places], positive)
    result["radius"], result["radial_width"] = moments([(p[0] ** 2 + p[1] ** 2) ** 0.5 for p in places], positive)
    if detector.n_layers > 1:
        result["depth"], result["depth_width"] = moments([p[2] for p in places], positive)
        for layer in range(detector.n_layers):
            inside = [i for i in range(len(cells)) if detector.layers[i] == layer]
            energies = [positive[i] for i in inside]
            result[f"layer_energy[{layer}]"] = sum(cells[i] for i in inside)
            result[f"layer_sparsity[{layer}]"] = sum(cells[i] <= 0 for i in inside) / len(inside)
            result[f"layer_centre_x[{layer}]"], result[f"layer_width_x[{layer}]"] = moments([places[i][0] for i in inside], energies)
            result[f"layer_centre_y[{layer}]"], result[f"layer_width_y[{layer}]"] = moments([places[i][1] for i in inside], energies)
            radii = [(places[i][0] ** 2 + places[i][1] ** 2) ** 0.5 for i in inside]
            result[f"layer_radius[{layer}]"], result[f"layer_radial_width[{layer}]"] = moments(radii, energies)
    return result


@pytest.mark.parametrize("name", ["grid 2D", "grid 3D", "signed grid", "layers alike", "layers unlike", "polar alike"])
def test_equals_a_slow_twin(name: str) -> None:
    events = sparse(DETECTORS[name])
    matrix, names = features(events)
    for row, cells in zip(matrix, events.cells, strict=True):
        for key, expected in slow_event(events.detector, cells).items():
            assert row[names.index(key)] == pytest.approx(expected, rel=1e-6, abs=1e-6), key


def test_columns_are_x_and_rows_are_y() -> None:
    grid = RegularGrid((3, 5), (10.0, 1.0))
    response = np.zeros((1, 3, 5))
    response[0, 2, 0] = 4.0  # last row: y = +10; first column: x = -2
    events = Events(np.zeros((1, 0)), response, grid, ())
    assert column(events, "centre_x") == [-2.0]
    assert column(events, "centre_y") == [10.0]
    assert column(events, "width_x") == column(events, "width_y") == [0.0]


def test_two_equal_cells_have_half_their_distance_as_width() -> None:
    grid = RegularGrid((4, 1, 3), (10.0, 1.0, 6.0))
    response = np.zeros((1, 4, 1, 3))
    response[0, 1, 0, 0] = response[0, 3, 0, 2] = 5.0  # x = -6 and 6, z = 15 and 35
    events = Events(np.full((1, 1), 100.0), response, grid, ENERGY)
    found = {name: column(events, name)[0] for name in ("width_x", "depth", "depth_width", "maximum_depth", "energy_ratio", "peak_fraction")}
    assert found == {
        "width_x": 6.0,
        "depth": 25.0,
        "depth_width": 10.0,
        "maximum_depth": 15.0,
        "energy_ratio": pytest.approx(0.1),
        "peak_fraction": 0.5,
    }


def test_the_incident_energy_may_be_in_another_unit() -> None:
    events = Events(np.full((1, 1), 2.0), np.full((1, 2, 2), 100.0), RegularGrid((2, 2), (1.0, 1.0)), (Variable("energy", "GeV"),))
    assert column(events, "energy_ratio") == [0.2]


def test_whole_rings_have_no_x_but_a_radius_and_layers_keep_their_numbers() -> None:
    response = np.zeros((1, *UNEQUAL_POLAR.shape))
    response[0, 1] = 3.0  # outer ring of the undivided layer, r = 7.5
    events = Events(np.zeros((1, 0)), response, UNEQUAL_POLAR, ())
    assert column(events, "layer_centre_x[0]") == column(events, "centre_x") == [0.0]
    assert column(events, "layer_radius[0]") == [7.5]
    assert column(events, "layer_energy[12]") == [0.0]


def test_negative_cells_count_in_the_energy_but_not_in_the_moments() -> None:
    grid = RegularGrid((1, 3), (1.0, 1.0), signed=True)
    events = Events(np.zeros((1, 0)), [[[-2.0, 0.0, 3.0]]], grid, ())
    assert column(events, "total_energy") == [1.0]
    assert column(events, "centre_x") == [1.0]


def test_vector_columns_carry_their_own_names_and_units() -> None:
    events = sparse(DETECTORS["vector"])
    matrix, names = features(events)
    assert names == ("a", "b")
    assert [c.unit for c in columns(events)] == ["MeV", "1"]
    np.testing.assert_array_equal(matrix, events.response)


@given(st.integers(1, 40), st.integers(0, 10_000))
def test_brightest_equals_sorting(size: int, seed: int) -> None:
    cells = np.random.default_rng(seed).integers(0, 5, (6, size)).astype(float)
    ordered = -np.sort(-cells, axis=1)
    ranks = (1, 2, 3, 5, 10)
    np.testing.assert_array_equal(brightest(cells, ranks), ordered[:, [min(r, size) - 1 for r in ranks]])


@pytest.mark.parametrize("name", [n for n in DETECTORS if n != "vector"])
def test_neighbours_lie_next_to_each_other(name: str) -> None:
    detector = DETECTORS[name]
    numbers = np.arange(detector.n_cells)[None]
    for axis in neighbour_axes(detector):
        for a, b in neighbours(detector, numbers, axis):
            one, other = detector.centres[a.ravel()], detector.centres[b.ravel()]
            same = [i for i, other_axis in enumerate(("x", "y", "z")) if axis in "xyz" and other_axis != axis]
            np.testing.assert_allclose(one[:, same], other[:, same])
            assert (np.abs(one - other).sum(1) > 0).all()
            if axis == "angle":
                np.testing.assert_allclose(np.hypot(one[:, 0], one[:, 1]), np.hypot(other[:, 0], other[:, 1]))


def test_neighbour_overlap_of_a_row_of_cells() -> None:
    events = Events(np.zeros((1, 0)), [[[1.0, 2.0, 0.0]]], RegularGrid((1, 3), (1.0, 1.0)), ())
    assert column(events, "neighbour_overlap[x]") == pytest.approx([2 / 5])
    assert column(events, "neighbour_overlap[y]") == [0.0]


def test_the_ring_closes_in_angle() -> None:
    response = np.zeros((1, 1, 8, 2))
    response[0, 0, 0, 1] = response[0, 0, 7, 1] = 1.0
    events = Events(np.zeros((1, 0)), response, PolarLayers.uniform(1, 8, [0.0, 4.0, 8.0]), ())
    assert column(events, "neighbour_overlap[angle]") == [0.5]


def test_an_unknown_observable_lists_the_choices() -> None:
    with pytest.raises(FacsimError, match="did you mean 'sparsity'"):
        features(sparse(DETECTORS["grid 2D"]), ("sparsty",))


def test_the_table_is_complete() -> None:
    for name, observable in OBSERVABLES.items():
        assert name == observable.name
        assert observable.label
        assert observable.description
