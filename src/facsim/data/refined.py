"""Files of refined events: what the refiner made of each event is the response, and the original is beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from facsim.core import Detector, Events, Variable
from facsim.core.events import Array
from facsim.data import native
from facsim.data.hdf5 import dataset, opened
from facsim.data.writer import Writer

ORIGINAL = "original"


@dataclass(frozen=True, eq=False)
class Refined(Events):
    """Refined events, and the responses [n, *detector.shape] that they were before."""

    original: Array | None = None


def beside(events: Events, originals: Events) -> Refined:
    """Refined events with their originals beside them."""
    return Refined(events.condition, events.response, events.detector, events.variables, events.weight, originals.response)


def refined_writer(path: str | Path, detector: Detector, variables: tuple[Variable, ...], *, about: dict[str, Any] | None = None) -> Writer:
    """A writer of native files to which `Refined` events are appended; any reader of native files finds the refined events in them."""

    def columns(events: Events) -> dict[str, Array]:
        original = getattr(events, ORIGINAL, None)
        return {**native.columns(events), **({} if original is None else {ORIGINAL: np.asarray(original, dtype=np.float32)})}

    def describe(file: h5py.File) -> None:
        native.describe(file, detector, tuple(variables), {**(about or {}), "refined": True})

    return Writer(path, detector, variables, columns, describe)


def read_originals(path: str | Path) -> Array:
    """The responses before refinement, [n, *detector.shape].

    Raises:
        FacsimError: if the file cannot be read, or holds no originals.
    """
    with opened(Path(path)) as file:
        return np.asarray(dataset(file, ORIGINAL)[:])
