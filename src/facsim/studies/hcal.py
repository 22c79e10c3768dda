"""What the studies of the LHCb hadronic calorimeter share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facsim.simulators.hadron_showers import ShowerSource


def showers(library: str) -> ShowerSource:
    """The showers of a folder of Geant4 events, or without one parameterised ones."""
    from facsim.data import read_folder
    from facsim.simulators.hadron_showers import LibraryShowers, ParameterisedShowers

    return LibraryShowers.of(read_folder(library)) if library else ParameterisedShowers()
