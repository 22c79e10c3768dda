"""Events: validation, selection, equality, splitting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facsim.core import Events, FacsimError, RegularGrid, Variable, Vector, coarsen, concatenate, stream
from facsim.core.coarsen import coarsening_factor

GRID = RegularGrid((2, 3), (5.0, 5.0))
ENERGY = (Variable("energy", "MeV", 100.0, 2000.0),)


def events(n: int = 10, **changes: Any) -> Events:
    response = np.arange(n * 6, dtype=np.float32).reshape(n, 2, 3)
    return Events(**{"condition": np.linspace(100, 2000, n)[:, None], "response": response, "detector": GRID, "variables": ENERGY, **changes})


def test_arrays_are_float32_and_read_only() -> None:
    batch = events()
    assert batch.condition.dtype == batch.response.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        batch.response[0, 0, 0] = 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"response": np.ones((10, 3, 2))}, r"response has the wrong shape: expected \[10, 2, 3\], got \[10, 3, 2\]"),
        ({"condition": np.ones((9, 1))}, "condition has the wrong shape"),
        ({"condition": np.ones((10, 2))}, "condition has the wrong shape"),
        ({"weight": np.ones(9)}, "weight has the wrong shape"),
        ({"response": np.full((10, 2, 3), -1.0)}, "negative energies"),
        ({"response": np.full((10, 2, 3), np.nan)}, "not finite"),
        ({"response": np.full((10, 2, 3), np.inf)}, "not finite"),
        ({"condition": np.full((10, 1), np.nan)}, "not finite"),
    ],
)
def test_bad_arrays_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        events(**changes)


@pytest.mark.parametrize("place", [(0, 0, 0), (4, 1, 2), (9, 1, 1)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_bad_value_anywhere_is_seen(place: tuple[int, ...], value: float) -> None:
    response = np.ones((10, 2, 3))
    response[place] = value
    with pytest.raises(FacsimError, match="not finite"):
        events(response=response)


def test_signed_detectors_take_negative_values() -> None:
    assert len(Events(np.zeros((2, 0)), -np.ones((2, 1)), Vector(("dll",)), ())) == 2


def test_selection_keeps_rows_together() -> None:
    batch = events(weight=np.arange(10))
    part = batch[np.array([7, 2])]
    assert part.weight is not None
    assert part.weight.tolist() == [7, 2]
    assert np.array_equal(part.response[0], batch.response[7])
    assert part.column("energy")[1] == batch.column("energy")[2]


def test_split_is_disjoint_complete_and_repeatable() -> None:
    batch = events(100)
    first, second = batch.split(0.8, seed=1)
    assert (len(first), len(second)) == (80, 20)
    assert sorted([*first.cells[:, 0], *second.cells[:, 0]]) == batch.cells[:, 0].tolist()
    assert batch.split(0.8, seed=1)[0] == first
    assert batch.split(0.8, seed=2)[0] != first


def test_concatenate_restores_what_was_cut_and_widens_ranges() -> None:
    batch = events()
    assert concatenate([batch[:4], batch[4:]]) == batch
    wider = events(variables=(Variable("energy", "MeV", 50.0, 500.0),))
    assert concatenate([batch, wider]).variables[0] == Variable("energy", "MeV", 50.0, 2000.0)


@pytest.mark.parametrize(
    "changes", [{"variables": (Variable("energy", "GeV"),)}, {"detector": RegularGrid((2, 3), (4.0, 5.0))}, {"weight": np.ones(10)}]
)
def test_unlike_events_are_not_concatenated(changes: dict[str, Any]) -> None:
    with pytest.raises(FacsimError):
        concatenate([events(), events(**changes)])


def test_unknown_column_names_the_closest() -> None:
    with pytest.raises(FacsimError, match="did you mean 'energy'"):
        events().column("enrgy")


def test_extrapolated_events_are_told() -> None:
    batch = events(variables=(Variable("energy", "MeV", 100.0, 1000.0),))
    assert batch.extrapolated.tolist() == [False] * 5 + [True] * 5


def test_coarsening_sums_energy_and_is_found_from_the_grids() -> None:
    fine = RegularGrid((4, 4), (2.5, 2.5))
    batch = Events(np.zeros((1, 0)), np.arange(16).reshape(1, 4, 4), fine, ())
    coarse = coarsen(batch, 2)
    assert coarse.response.tolist() == [[[10.0, 18.0], [42.0, 50.0]]]
    assert coarse.detector == RegularGrid((2, 2), (5.0, 5.0))
    assert coarsening_factor(fine, coarse.detector) == 2
    assert coarsening_factor(fine, RegularGrid((2, 2), (2.5, 2.5))) is None


def test_streams_do_not_disturb_each_other() -> None:
    assert stream(1, "a").random() == stream(1, "a").random()
    assert len({stream(1, "a").random(), stream(1, "b").random(), stream(2, "a").random(), stream(1, "a", 0).random()}) == 4
