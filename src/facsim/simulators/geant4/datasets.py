"""The data that Geant4 reads its cross-sections from: what is there, and where to get what is not. Nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from facsim.core import FacsimError

SOURCE = "https://cern.ch/geant4-data/datasets"
FOLDER = "GEANT4_DATA_DIR"


class DataSet(NamedTuple):
    """A data set: the name of its folder, of the variable that may point to it, and of its archive."""

    folder: str
    variable: str
    archive: str


NEEDED = (  # by FTFP_BERT, of the versions that geant4-pybind 0.1.3 (Geant4 11.4) asks for
    DataSet("G4EMLOW8.8", "G4LEDATA", "G4EMLOW.8.8.tar.gz"),
    DataSet("PhotonEvaporation6.1.2", "G4LEVELGAMMADATA", "G4PhotonEvaporation.6.1.2.tar.gz"),
    DataSet("G4PARTICLEXS4.2", "G4PARTICLEXSDATA", "G4PARTICLEXS.4.2.tar.gz"),
    DataSet("G4SAIDDATA2.0", "G4SAIDXSDATA", "G4SAIDDATA.2.0.tar.gz"),
    DataSet("G4ENSDFSTATE3.0", "G4ENSDFSTATEDATA", "G4ENSDFSTATE.3.0.tar.gz"),
)


def find(environment: Mapping[str, str]) -> dict[str, Path]:
    """The folders of the data sets that are there, by variable: where the variable says, else in GEANT4_DATA_DIR, else in ~/.geant4_pybind."""
    parents = [Path(environment[FOLDER])] if FOLDER in environment else []
    parents.append(Path(environment.get("HOME", "/")) / ".geant4_pybind")
    found = {}
    for data in NEEDED:
        places = [Path(environment[data.variable])] if data.variable in environment else [parent / data.folder for parent in parents]
        there = [place for place in places if place.is_dir()]
        if there:
            found[data.variable] = there[0]
    return found


def require(environment: Mapping[str, str]) -> dict[str, Path]:
    """All folders of data, by variable.

    Raises:
        FacsimError: if some are missing: which, and where to get them.
    """
    found = find(environment)
    missing = [data for data in NEEDED if data.variable not in found]
    if missing:
        archives = ", ".join(data.archive for data in missing)
        remedy = f"unpack {archives} of {SOURCE} into one folder and set {FOLDER} to it"
        raise FacsimError("Geant4's data sets are missing", got=f"no {', '.join(data.folder for data in missing)}", remedy=remedy)
    return found
