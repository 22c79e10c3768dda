"""Samples that come with the package."""

from __future__ import annotations

from importlib import resources

from facsim.core import Events, look_up
from facsim.data.files import open_reader

SAMPLES = {"electron-gun": "electron_gun.h5", "lhcb-events": "lhcb_events.h5"}


def load_sample(name: str) -> Events:
    """The events of a packaged sample; `electron-gun` is Geant4: 800 MeV electrons on 9 mm Pb + 75 mm polystyrene, 32 x 32 pixels of 6.25 mm.

    `lhcb-events` are full events of the LHCb hadronic calorimeter as the simulator of that name makes them: B -> D mu nu from Pythia 8, lists of
    particles, tracker images and transverse energies, with showers of Geant4.

    Raises:
        FacsimError: if there is no sample of that name.

    Examples:
        >>> load_sample("electron-gun").detector
        RegularGrid(cells=(32, 32), size=(6.25, 6.25), signed=False)
    """
    with resources.as_file(resources.files("facsim.data") / "samples" / look_up(SAMPLES, name, "sample")) as path:
        return open_reader(path).read()
