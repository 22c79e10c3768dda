"""Conditions in CaloChallenge-like files: `incident_energies`, and `incident_conditions` with named columns where there is more to tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import h5py
import numpy as np

from facsim.core import FacsimError, Variable
from facsim.core.events import Array
from facsim.core.units import factor
from facsim.core.variables import column_index
from facsim.data.columns import file_name, named_unit
from facsim.data.hdf5 import dataset, text
from facsim.data.metadata import parse, variables_from_json

SCAN_ROWS = 2**16


@dataclass(frozen=True)
class Conditions:
    """What the condition's columns are, and the factor of each from the file's unit into facsim's."""

    variables: tuple[Variable, ...]
    factors: tuple[float, ...]

    def read(self, file: h5py.File, start: int, stop: int) -> Array:
        """The condition [stop - start, c] of some rows.

        Raises:
            FacsimError: if the file's two accounts of the energy differ.
        """
        energies = dataset(file, "incident_energies")[start:stop].reshape(-1, 1)
        if "incident_conditions" not in file:
            return np.asarray(energies * self.factors)
        table = dataset(file, "incident_conditions")[start:stop]
        if table.shape[1] < len(self.variables):
            return np.asarray(np.hstack([energies, table]) * self.factors)
        at = column_index(self.variables, "energy")
        if not np.allclose(table[:, at], energies[:, 0], rtol=1e-4, atol=0, equal_nan=True):
            raise FacsimError(f"'incident_energies' of {file.filename} contradicts the energy column of 'incident_conditions'")
        return np.asarray(table * self.factors)


def conditions_of(file: h5py.File, n: int) -> Conditions:
    """The conditions of a file of n events, from the attribute `variables`, else from the columns' names and values.

    Raises:
        FacsimError: if names, units, or values cannot be those of conditions.
    """
    names = column_names(file)
    energy = factor(energy_unit(file, "incident_energies"), "MeV")
    if "variables" in file.attrs:
        told = variables_from_json(text(file.attrs["variables"]))
        if [file_name(v) for v in told] != names:
            raise FacsimError(f"attribute 'variables' of {file.filename} contradicts the columns", expected=names, got=[file_name(v) for v in told])
        return Conditions(told, tuple(energy if v.name == "energy" else 1.0 for v in told))
    found = [("energy", "MeV", energy) if name == "energy" else named_unit(name) for name in names]
    plain = Conditions(tuple(Variable(name, unit) for name, unit, _ in found), tuple(scale for _, _, scale in found))
    return replace(plain, variables=_measured(plain, file, n))


def column_names(file: h5py.File) -> list[str]:
    """Names of the condition's columns as the file has them; the energy comes first where the table of conditions leaves it out."""
    if "incident_conditions" not in file:
        return ["energy"]
    table = dataset(file, "incident_conditions")
    names = [str(n) for n in parse(text(table.attrs.get("names", "[]")), list, "names")]
    if len(table.shape) != 2 or len(names) != table.shape[1]:
        got = f"{names} for shape {list(table.shape)}"
        raise FacsimError(f"columns of 'incident_conditions' in {file.filename} have no names", expected="attribute 'names', a JSON list", got=got)
    return names if "energy" in names else ["energy", *names]


def energy_unit(file: h5py.File, name: str) -> str:
    """The energy unit of a dataset: its own attribute `unit`, else the file's, else MeV."""
    return text(dataset(file, name).attrs.get("unit", file.attrs.get("unit", "MeV")))


def _measured(conditions: Conditions, file: h5py.File, n: int) -> tuple[Variable, ...]:
    """The variables with the ranges that the file's conditions span; a particle code with its values."""
    if n == 0:
        return conditions.variables
    low, high, codes = np.inf, -np.inf, set[float]()
    pdg = [i for i, v in enumerate(conditions.variables) if v.name == "pdg"]
    for block in _blocks(conditions, file, n):
        low, high = np.minimum(low, block.min(0)), np.maximum(high, block.max(0))
        codes.update(np.unique(block[:, pdg]).tolist())
    choices = [tuple(sorted(codes)) if v.name == "pdg" else () for v in conditions.variables]
    ranges = zip(conditions.variables, np.atleast_1d(low), np.atleast_1d(high), choices, strict=True)
    return tuple(Variable(v.name, v.unit, float(a), float(b), c) for v, a, b, c in ranges)


def _blocks(conditions: Conditions, file: h5py.File, n: int) -> Iterator[Array]:
    """All conditions, a block at a time, rounded as events hold them."""
    for start in range(0, n, SCAN_ROWS):
        block = conditions.read(file, start, min(n, start + SCAN_ROWS)).astype(np.float32)
        if not np.isfinite(block).all():
            got = "NaN or infinity"
            raise FacsimError(f"conditions in {file.filename} are not finite", expected="finite numbers", got=got, remedy="remove these events")
        yield block
