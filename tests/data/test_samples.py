"""The packaged sample: small, real, and cut from the file that it names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import facsim.data
from facsim.core import FacsimError, RegularGrid, SplitGranularity
from facsim.core.detectors import as_image
from facsim.data import SAMPLES, load_sample, open_reader

FOLDER = Path(facsim.data.__file__).parent / "samples"


def test_the_electron_gun_is_small_and_large_enough() -> None:
    events = load_sample("electron-gun")
    assert (FOLDER / SAMPLES["electron-gun"]).stat().st_size <= 4e6
    assert len(events) >= 5000
    assert events.detector == RegularGrid((32, 32), (6.25, 6.25))
    assert set(events.column("energy").tolist()) == {800.0}


def test_the_electron_gun_obeys_physics() -> None:
    """No event deposits more than the electron had; the beam is centred: the mean shower is the same in all four quadrants, within its errors."""
    events = load_sample("electron-gun")
    totals = events.cells.sum(1)
    assert 0 < totals.max() <= 800.511  # the kinetic energy and, from annihilation, the mass
    quadrants = events.response.reshape(-1, 2, 16, 2, 16).sum((2, 4)).reshape(-1, 4)
    difference = quadrants - quadrants.mean(1, keepdims=True)
    assert np.all(np.abs(difference.mean(0)) < 4.5 * difference.std(0) / np.sqrt(len(events)))


def test_full_events_of_lhcb() -> None:
    """Small; a signal of three hadrons near the face, tracks and cells that go together; nothing above saturation."""
    events = load_sample("lhcb-events")
    assert (FOLDER / SAMPLES["lhcb-events"]).stat().st_size <= 2e6
    assert len(events) >= 500
    assert isinstance(events.detector, SplitGranularity)
    assert events.cells.max() <= events.detector.saturation
    tracks = events.column("tracks")
    assert tracks.shape[1:] == (64, 64)
    assert np.corrcoef(tracks.sum((1, 2)), events.cells.sum(1))[0, 1] > 0.5
    x, y = ((tracks.mean(0).sum(axis) * (np.arange(64) - 31.5) * 131).sum() / tracks.mean(0).sum() for axis in (0, 1))
    assert (np.abs([x, y]) < 150).all()
    image = as_image(events.detector, events.cells.mean(0), (64, 64))
    assert np.corrcoef(tracks.mean(0).ravel(), image.ravel())[0, 1] > 0.5


def test_an_unknown_sample_is_told() -> None:
    with pytest.raises(FacsimError, match="unknown sample 'electron_gun': expected one of electron-gun, lhcb-events; did you mean 'electron-gun'"):
        load_sample("electron_gun")


@pytest.mark.shared
def test_the_electron_gun_is_the_file_it_names(shared_data: Path) -> None:
    source, sample = open_reader(shared_data / "electron_gun" / "e800_train.h5"), open_reader(FOLDER / SAMPLES["electron-gun"])
    assert sample.about["source_sha256"] == source.fingerprint
    fine = source.read(100, 110).response
    for i, event in enumerate(sample.read(100, 110).response):
        for y, x in np.ndindex(32, 32):
            assert event[y, x] == pytest.approx(fine[i, 2 * y, 2 * x : 2 * x + 2].sum() + fine[i, 2 * y + 1, 2 * x : 2 * x + 2].sum(), rel=1e-6)
