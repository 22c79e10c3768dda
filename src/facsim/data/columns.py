"""Names of columns that may end in their unit: p_GeV, x_cm."""

from __future__ import annotations

from facsim.core import Variable
from facsim.core.units import UNITS, factor

SUFFIXES = {unit for unit in UNITS if len(unit) > 1}  # single letters end too many plain names
BASE = {kind.dimension: unit for unit, kind in UNITS.items() if kind.factor == 1}


def named_unit(column: str) -> tuple[str, str, float]:
    """Name, facsim's unit, and factor into it, of a column whose name may end in its unit.

    Examples:
        >>> named_unit("x_cm"), named_unit("tx")
        (('x', 'mm', 10.0), ('tx', '1', 1.0))
    """
    name, _, unit = column.rpartition("_")
    if not name or unit not in SUFFIXES:
        return column, "1", 1.0
    base = BASE[UNITS[unit].dimension]
    return name, base, factor(unit, base)


def column_name(name: str, unit: str) -> str:
    """A name as a column's: with its unit, unless that is a plain number.

    Examples:
        >>> column_name("p", "MeV"), column_name("eta", "1")
        ('p_MeV', 'eta')
    """
    return name if unit == "1" else f"{name}_{unit}"


def file_name(variable: Variable) -> str:
    """A variable's name as a column's in CaloChallenge-like files: with its unit, unless it is the energy or a plain number."""
    return variable.name if variable.name == "energy" else column_name(variable.name, variable.unit)
