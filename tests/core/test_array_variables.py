"""Conditions that are arrays: one variable, many columns, from Events through a file and a training to a surrogate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facsim.core import Events, FacsimError, RegularGrid, Variable, concatenate, stream
from facsim.core.variables import checked_condition, describe_variable, places, variable_from, width
from facsim.data import open_reader, write
from facsim.data.memory import InMemory
from facsim.evaluation.evaluate import evaluate
from facsim.report.words import condition_text, ranges
from facsim.studies.workflow import Plan, train
from facsim.surrogate import load_bundle, save_bundle
from facsim.training import Settings
from facsim.transforms import Chain, encoding

ENERGY, TRACKS = Variable("energy", "MeV", 0.0, 100.0), Variable("tracks", "MeV", 0.0, 50.0, shape=(3, 4))
GRID = RegularGrid((3, 4), (5.0, 5.0))


def sample(n: int = 64) -> Events:
    """Tracks in half of the cells; the response is the image of tracks itself."""
    rng = stream(0, "tracks")
    tracks = rng.uniform(0, 50, (n, 3, 4)) * (rng.uniform(size=(n, 3, 4)) < 0.5)
    return Events(np.hstack([tracks.sum((1, 2))[:, None] / 20, tracks.reshape(n, 12)]), tracks, GRID, (ENERGY, TRACKS))


def test_columns_by_name() -> None:
    events = sample()
    assert events.condition.shape == (64, 13)
    assert events.column("energy").shape == (64,)
    np.testing.assert_array_equal(events.column("tracks"), events.response)
    np.testing.assert_array_equal(events[3:5].column("tracks"), events.response[3:5])
    assert events.numbers == (ENERGY,)
    assert (places(events.variables), width(events.variables)) == ([slice(0, 1), slice(1, 13)], 13)


def test_one_cell_out_of_range_makes_the_event_extrapolated() -> None:
    events = sample()
    condition = events.condition.copy()
    condition[5, 7] = 60.0
    assert np.flatnonzero(Events(condition, events.response, GRID, events.variables).extrapolated).tolist() == [5]
    with pytest.raises(FacsimError, match="'tracks' is outside its range"):
        checked_condition(condition, events.variables)
    assert checked_condition(condition, events.variables, extrapolate=True).shape == (64, 13)
    with pytest.raises(FacsimError, match=r"expected \[n, 13\]"):
        checked_condition(condition[:, :12], events.variables)


def test_description_and_back_and_none_for_a_number() -> None:
    assert variable_from(describe_variable(TRACKS)) == TRACKS
    assert "shape" not in describe_variable(ENERGY)
    assert TRACKS.covering(np.array([1.0, 2.0])) == Variable("tracks", "MeV", 1.0, 2.0, shape=(3, 4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Variable("x", shape=(3, 0)), "no columns"),
        (lambda: width((TRACKS, ENERGY)), "arrays come after"),
        (
            lambda: concatenate([sample(), Events(sample().condition, sample().response, GRID, (ENERGY, Variable("tracks", "MeV", shape=(12,))))]),
            "differ",
        ),
        (lambda: Chain((12,), [("Encode", {"columns": encoding((ENERGY, TRACKS))})]), "expected 13 columns, got 12|does not fit"),
    ],
)
def test_bad_arrays_are_refused(make: Any, message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        make()


def test_a_native_file_holds_one_variable(tmp_path: Path) -> None:
    events = sample()
    write(events, tmp_path / "a.h5")
    reader = open_reader(tmp_path / "a.h5")
    assert reader.variables == events.variables
    assert reader.read() == events
    with pytest.raises(FacsimError, match="no arrays among the conditions"):
        write(events, tmp_path / "b.h5", "calochallenge")


def test_the_report_names_the_numbers_and_the_range_of_the_array() -> None:
    events = sample()
    assert condition_text(events.variables, events.condition[0]).startswith("energy ")
    assert len(ranges(events)) == 2
    assert ranges(events)[1].startswith("tracks 0 MeV to ")


def test_events_with_arrays_are_judged_by_their_numbers_and_sums() -> None:
    first, second = sample(300), sample(600)[300:]
    rows = evaluate(second, first, recipe=("conditions", "observables")).rows
    assert {r.observable for r in rows if r.observable.startswith("condition:")} == {"condition:energy", "condition:tracks"}
    assert any(r.observable == "total_energy" for r in rows)


def test_encoding_keeps_empty_cells_at_zero_and_hits_at_order_one() -> None:
    events = sample()
    columns = encoding(events.variables, events.condition)
    assert [sorted(column) for column in columns] == [["high", "log", "low"], ["by", "cells"]]
    hit = events.response[events.response > 0].astype(np.float64)
    assert columns[1]["by"] == pytest.approx(np.sqrt(np.mean(hit**2)))


def test_an_image_is_translated_from_events_to_bundle(tmp_path: Path) -> None:
    events = sample(256)
    settings = {"images": 1, "channels": 4, "depth": 1, "window": 1, "last": "identity"}
    plan = Plan(model="pix2pix", settings=settings, batch_size=64, training=Settings(epochs=40, learning_rate=5e-3, betas=(0.5, 0.9), device="cpu"))
    surrogate, _ = train(InMemory(events, "test"), plan)
    encoded = surrogate.prepare(events[:8]).condition
    np.testing.assert_array_equal((encoded[:, 1:] == 0).numpy(), events.condition[:8, 1:] == 0)
    save_bundle(surrogate, tmp_path / "bundle")
    restored = load_bundle(tmp_path / "bundle")
    assert restored.variables[1].shape == (3, 4)
    found = surrogate.model(encoded, surrogate.model.draw_noise(8, torch.Generator()))
    assert np.corrcoef(found.detach().numpy().ravel(), events.response[:8].ravel())[0, 1] > 0.9
