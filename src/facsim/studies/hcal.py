"""What the studies of the LHCb hadronic calorimeter share: showers, observables of images, separation powers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facsim.core import Events, SplitGranularity, Variable, stream
from facsim.core.detectors import as_image
from facsim.core.events import Array
from facsim.evaluation.distances import distance
from facsim.evaluation.scorecard import Row

if TYPE_CHECKING:
    from facsim.simulators.hadron_showers import ShowerSource
    from facsim.studies.calorimeter import Sample

SATURATION = 6120.0  # MeV
FIRED = 6.0  # MeV: least energy of a pixel that counts
SEPARATION_BAR, VARIETY_BAR = 0.02, 0.2
REPLICAS = 20
ALIKE = 1000  # showers of a library among which those of one track, made many times, are drawn


def showers(library: str) -> ShowerSource:
    """The showers of a folder of Geant4 events, or without one parameterised ones."""
    from facsim.data import read_folder
    from facsim.simulators.hadron_showers import LibraryShowers, ParameterisedShowers

    return LibraryShowers.of(read_folder(library)) if library else ParameterisedShowers()


def showers_of_one(source: ShowerSource) -> ShowerSource:
    """The same for one track made many times: of a library, showers are drawn among more that are alike.

    Among the 100 that are else nearest, the variance of the total energy at one track is off by 20 % (one half of a library against the other).
    """
    from facsim.simulators.hadron_showers import LibraryShowers

    return replace(source, nearest=ALIKE) if isinstance(source, LibraryShowers) else source


def read_out(events: Events, least: float) -> Events:
    """The events without what cells hold below `least` MeV."""
    return replace(events, response=np.where(events.response < least, 0, events.response))


def beside(events: Events, variable: Variable, values: Array) -> Events:
    """The events with one more condition variable after all others."""
    return replace(events, condition=np.concatenate([events.condition, values], axis=1), variables=(*events.variables, variable))


def total(events: Events) -> Array:
    """Transverse energy of all cells, MeV, [n]."""
    return np.asarray(events.cells.sum(1, dtype=np.float64))


def maximum(events: Events) -> Array:
    """The brightest pixel, MeV, [n]."""
    return np.asarray(_pixels(events).max(1))


def fired(events: Events) -> Array:
    """Pixels above 6 MeV, [n]."""
    return np.asarray(np.count_nonzero(_pixels(events) > FIRED, axis=1))


def _pixels(events: Events) -> Array:
    return as_image(wall_of(events), events.cells).reshape(len(events), -1)


def wall_of(events: Events) -> SplitGranularity:
    """The detector, if it is a wall of two kinds of cells."""
    if not isinstance(events.detector, SplitGranularity):
        raise TypeError(f"{type(events.detector).__name__} is no SplitGranularity")
    return events.detector


VARIED: dict[str, Callable[[Events], Array]] = {"total_energy": total, "maximum_pixel": maximum, "pixels_above_6MeV": fired}


def separation_rows(candidate: Events, sample: Sample, observables: Mapping[str, Callable[[Events], Array]]) -> list[Row]:
    """Separation power of the observables; the floor is that of as many training events."""
    parts = (candidate, sample.test, sample.train[: len(sample.test)])
    rows = []
    for name, observable in observables.items():
        found, truth, other = (observable(events) for events in parts)
        rows.append(Row(f"source[{name}]", "separation", *_separation(found, truth), *_separation(other, truth)))
    return rows


def _separation(values: Array, truth: Array) -> tuple[float, float]:
    """Separation power, and its error from samples drawn again."""
    rng = stream(0, "separation")
    again = [distance("separation", *(rng.choice(v, len(v)) for v in (values, truth))) for _ in range(REPLICAS)]
    return distance("separation", values, truth), float(np.std(again, ddof=1))
