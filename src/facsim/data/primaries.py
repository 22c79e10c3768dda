"""The incoming particle in files that tell it as particle code, kinetic energy and direction: conditions <-> primary particles.

`energy` is kinetic, as that of Geant4's gun; `tx` and `ty` are the slopes dx/dz and dy/dz of a particle that flies towards positive z.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from facsim.core import Events, FacsimError, Variable
from facsim.core.events import Array
from facsim.core.variables import column_index

SLOPES = ("tx", "ty")
PLACE = ("x", "y")
UNKNOWN = 0  # the particle code where no condition tells it


class Primaries(NamedTuple):
    """Kinetic energy in MeV [n], particle code [n], direction [n, 3] of length 1, place (x, y) on the front face in mm [n, 2]."""

    energy: Array
    pdg: Array
    direction: Array
    place: Array


def primaries_of(events: Events) -> Primaries:
    """The incoming particles that the conditions tell of; along z through the origin where they tell nothing else.

    Raises:
        FacsimError: if there is no energy in MeV.
    """
    energy = events.variables[column_index(events.variables, "energy")]
    if energy.unit != "MeV":
        raise FacsimError("the incoming energy must be in MeV", got=energy.unit)
    names = {v.name for v in events.numbers}
    slopes, place = ([events.column(n).astype(np.float64) if n in names else np.zeros(len(events)) for n in pair] for pair in (SLOPES, PLACE))
    direction = np.column_stack([*slopes, np.ones(len(events))])
    pdg = events.column("pdg").astype(np.int32) if "pdg" in names else np.full(len(events), UNKNOWN, dtype=np.int32)
    return Primaries(events.column("energy").astype(np.float64), pdg, direction / np.linalg.norm(direction, axis=1)[:, None], np.column_stack(place))


def condition_of(primaries: Primaries, names: Sequence[str]) -> Array:
    """The columns of that name, [n, c]."""
    along = primaries.direction[:, 2]
    known = {"energy": primaries.energy, "pdg": primaries.pdg}
    known |= {name: primaries.direction[:, i] / along for i, name in enumerate(SLOPES)}
    known |= {name: primaries.place[:, i] for i, name in enumerate(PLACE)}
    return np.column_stack([known[name] for name in names])


def variables_of(primaries: Primaries) -> tuple[Variable, ...]:
    """What varies among the particles, and the energy always, with the ranges that they span."""
    _require_forwards(primaries.direction)
    varies = [name for name in (*SLOPES, *PLACE) if len(primaries.pdg) and np.abs(condition_of(primaries, [name])).max() > 1e-6]
    pdg = ["pdg"] if np.any(primaries.pdg != UNKNOWN) else []
    columns = {name: condition_of(primaries, [name])[:, 0].astype(np.float32) for name in ("energy", *pdg, *varies)}
    return tuple(_variable(name, values) for name, values in columns.items())


def _variable(name: str, values: Array) -> Variable:
    unit = {"energy": "MeV", "x": "mm", "y": "mm"}.get(name, "1")
    choices = tuple(np.unique(values).tolist()) if name == "pdg" else ()
    return Variable(name, unit, choices=choices).covering(values)


def _require_forwards(direction: Array) -> None:
    if len(direction) and direction[:, 2].min() <= 0:
        raise FacsimError("a particle does not fly towards the detector", expected="directions with positive z", got=f"{direction[:, 2].min():g}")
