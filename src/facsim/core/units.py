"""Units: facsim computes in MeV, mm, ns and rad; files and users declare theirs, and conversion happens here, at the boundary."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from facsim.core.errors import FacsimError
from facsim.core.table import look_up


@dataclass(frozen=True)
class Unit:
    """A unit of one dimension; `factor` is its size in facsim's own unit of that dimension."""

    dimension: str
    factor: float


UNITS: dict[str, Unit] = {
    "1": Unit("number", 1.0),
    "eV": Unit("energy", 1e-6),
    "keV": Unit("energy", 1e-3),
    "MeV": Unit("energy", 1.0),
    "GeV": Unit("energy", 1e3),
    "TeV": Unit("energy", 1e6),
    "EeV": Unit("energy", 1e12),
    "um": Unit("length", 1e-3),
    "mm": Unit("length", 1.0),
    "cm": Unit("length", 10.0),
    "m": Unit("length", 1e3),
    "km": Unit("length", 1e6),
    "ps": Unit("time", 1e-3),
    "ns": Unit("time", 1.0),
    "us": Unit("time", 1e3),
    "s": Unit("time", 1e9),
    "rad": Unit("angle", 1.0),
    "mrad": Unit("angle", 1e-3),
    "deg": Unit("angle", math.pi / 180),
    "g/cm2": Unit("depth", 1.0),
}

QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")


def factor(unit: str, into: str) -> float:
    """The number that turns values in `unit` into values in `into`.

    Raises:
        FacsimError: for an unknown unit, or units of two dimensions.

    Examples:
        >>> factor("GeV", "MeV")
        1000.0
    """
    source, target = look_up(UNITS, unit, "unit"), look_up(UNITS, into, "unit")
    if source.dimension != target.dimension:
        raise FacsimError(f"{unit!r} is not a unit of {target.dimension}", expected=f"one like {into!r}", got=f"a unit of {source.dimension}")
    return source.factor / target.factor


def parse_quantity(text: str, into: str) -> float:
    """A number with a unit, as a user writes it, in units of `into`; without a unit it is taken to be in `into` already.

    Examples:
        >>> parse_quantity("50GeV", "MeV")
        50000.0
        >>> parse_quantity("800", "MeV")
        800.0
    """
    match = QUANTITY.fullmatch(text)
    if match is None:
        raise FacsimError(f"cannot read the quantity {text!r}", expected=f"a number and a unit, such as 1.5{into if into != '1' else ''}")
    number, unit = match.groups()
    return float(number) * factor(unit or into, into)
