"""The electron gun's events: the Geant4 files where a folder of them is given, else the sample that comes with the package.

The folder holds e800_train.h5 and e800_test.h5 (800 MeV) and e100_800_1800.h5 (three energies, shuffled), at 64x64. The packaged sample has 800 MeV
at 32x32 only, of which a third is held out to score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from facsim.core import Events, FacsimError, coarsen
from facsim.core.events import Array
from facsim.data import load_sample, open_reader

ENERGIES = (100.0, 800.0, 1800.0)  # MeV
HELD_OUT = 800.0  # MeV: the energy that a model of interpolation never sees
CONDITIONAL_TRAIN = 40_000  # events of the shuffled file of three energies to train on; the others are to score
GEANT4_MS = 0.27  # of one core for an event of 800 MeV; 3,700 a second
SAMPLE_TRAIN = 2 / 3  # of the packaged sample
QUICK_TRAIN, QUICK_TEST = 640, 500


@dataclass(frozen=True)
class Sample:
    """Events to train on and to score on, none in both, and where they come from; `other` are truth events like those to score on, for the floor."""

    train: Events
    test: Events
    other: Events
    source: str

    def short(self) -> Sample:
        """The first few events of both."""
        source = f"{self.source}, first {QUICK_TRAIN} and {QUICK_TEST}"
        return Sample(self.train[:QUICK_TRAIN], self.test[:QUICK_TEST], self.other[:QUICK_TRAIN], source)


def samples(folder: Path | None) -> Mapping[str, Callable[[], Sample]]:
    """The samples there are, by name; each is read when it is called.

    Raises:
        FacsimError: if the folder lacks one of the files.
    """
    return {"32": packaged} if folder is None else _of_files(folder)


@cache
def packaged() -> Sample:
    """The packaged sample, 32x32."""
    from facsim.studies.tabular import fingerprint

    events = load_sample("electron-gun")
    train, test = events.split(SAMPLE_TRAIN, seed=0)
    return Sample(train, test, train, f"packaged sample of {len(events)} events, fingerprint {fingerprint(events)}")


def _of_files(folder: Path) -> Mapping[str, Callable[[], Sample]]:
    for name in ("e800_train.h5", "e800_test.h5", "e100_800_1800.h5"):
        if not (folder / name).is_file():
            raise FacsimError(f"{folder} has no {name}", expected="the three electron-gun files", remedy="leave data out to use the packaged sample")
    return {
        "32": lambda: single(folder, 2),
        "64": lambda: single(folder, 1),
        "conditional": lambda: conditional(folder, ENERGIES),
        "interpolation": lambda: conditional(folder, tuple(e for e in ENERGIES if e != HELD_OUT)),
    }


@cache
def single(folder: Path, factor: int) -> Sample:
    """800 MeV, cells summed in squares of `factor`."""
    train, test = (open_reader(folder / f"e800_{part}.h5") for part in ("train", "test"))
    source = f"e800_train.h5 ({train.fingerprint[:16]}) and e800_test.h5 ({test.fingerprint[:16]}), coarsened by {factor}"
    events = coarsen(train.read(), factor)
    return Sample(events, coarsen(test.read(), factor), events, source)


@cache
def _three_energies(folder: Path) -> tuple[Events, str]:
    """All events of three energies at 32x32, and their name."""
    reader = open_reader(folder / "e100_800_1800.h5")
    return coarsen(reader.read(), 2), f"e100_800_1800.h5 ({reader.fingerprint[:16]}), coarsened by 2"


def conditional(folder: Path, trained: tuple[float, ...]) -> Sample:
    """Three energies at 32x32 to score on, of which `trained` are to train on."""
    events, name = _three_energies(folder)
    train, test = events[:CONDITIONAL_TRAIN], events[CONDITIONAL_TRAIN:]
    seen = np.any([at(train, energy) for energy in trained], axis=0)
    energies = ", ".join(f"{e:g}" for e in trained)
    return Sample(train[seen], test, train, f"{name}, {energies} MeV of the first {CONDITIONAL_TRAIN}")


def at(events: Events, energy: float) -> Array:
    """Which events have the energy in MeV, [n]."""
    return np.asarray(events.condition[:, 0] == energy)
