"""Calorimeters in which showers are ready to use.

Every builder takes plain numbers: the energy range of the prior in MeV, the particle, and `extrapolate`. With `tuned=True` the response's
scale and width, and the start, depth, shape and radius of the shower are set to those of Geant4 training samples of the same stack;
with `tuned=False` all is as the formulas print it. The samples are `sampling_calo/train.h5`, the photons of
`lcd_ecal/train.h5` and part of `hcal_hadrons/pi+.h5`; other particles share their numbers unchecked.
"""

from __future__ import annotations

from typing import TypedDict

from facsim.core import PolarLayers, RegularGrid
from facsim.simulators.depth import Depth
from facsim.simulators.gflash import GFlash
from facsim.simulators.hadronic import AVERAGE_RESPONSE, HadronResponse, HadronShowers
from facsim.simulators.medium import homogeneous, material, sampling
from facsim.simulators.prior import EnergyRange
from facsim.simulators.tuning import Tuning


class Adjusted(TypedDict, total=False):
    """Settings of GFlash that a full simulation decides."""

    resolution: float
    sampling_fraction: float
    tuning: Tuning


SAMPLING_CALO_TUNING = Tuning(earlier=(0.456, 0.197), deeper=(0.26, 0.136), fuller=(1.072, 0.058), wider=1.87)
SAMPLING_CALO: Adjusted = {"resolution": 0.13, "sampling_fraction": 0.0321, "tuning": SAMPLING_CALO_TUNING}
LCD_ECAL: Adjusted = {"resolution": 0.205, "sampling_fraction": 0.0234, "tuning": Tuning(deeper=(-0.2, 0.0), wider=1.45)}
HADRON_CALO = HadronResponse(
    stochastic=0.45, constant=0.05, h_over_e=0.93, free_path=1.27, core=0.38, halo=0.9, core_weight=0.8, em_wider=4.5
)  # by hand to pi+ in hcal_hadrons/pi+.h5, mainly its first 8,000 events
PBWO4_RESOLUTION = 0.028  # sqrt(GeV): photon statistics of the CMS crystals, CMS physics technical design report I (2006)


def sampling_calo(
    energy_low: float = 1e3, energy_high: float = 1e5, particle: str = "electron", tuned: bool = True, extrapolate: bool = False
) -> GFlash:
    """90 x (1.4 mm W + 0.3 mm Si) read out in 45 layers of 16 angles and 9 rings of 4.65 mm: two silicon plates to a layer."""
    return GFlash(
        sampling(material("tungsten"), 1.4, material("silicon"), 0.3),
        PolarLayers.uniform(layers=45, angles=16, edges=[4.65 * i for i in range(10)], depth=3.4),
        Depth.uniform(45, 3.4),
        particle=particle,
        energies=EnergyRange(energy_low, energy_high),
        extrapolate=extrapolate,
        **(SAMPLING_CALO if tuned else {}),
    )


def lcd_ecal(energy_low: float = 1e4, energy_high: float = 1e5, particle: str = "photon", tuned: bool = True, extrapolate: bool = False) -> GFlash:
    """25 x (3 mm W + 0.5 mm Si), 25 x 25 cells of 5.1 mm; the grid calls a layer 5.1 mm deep, as the LCD files do, the stack has 3.5 mm."""
    return GFlash(
        sampling(material("tungsten"), 3.0, material("silicon"), 0.5),
        RegularGrid((25, 25, 25), (5.1, 5.1, 5.1)),
        Depth.uniform(25, 3.5),
        particle=particle,
        energies=EnergyRange(energy_low, energy_high),
        extrapolate=extrapolate,
        **(LCD_ECAL if tuned else {}),
    )


def pbwo4(
    energy_low: float = 1e3, energy_high: float = 1e5, particle: str = "electron", resolution: float = PBWO4_RESOLUTION, extrapolate: bool = False
) -> GFlash:
    """11 x 11 crystals of PbWO4, 22 mm x 22 mm x 230 mm, an image of the energy summed over depth."""
    return GFlash(
        homogeneous(material("PbWO4")),
        RegularGrid((11, 11), (22.0, 22.0)),
        Depth.uniform(1, 230.0),
        particle=particle,
        resolution=resolution,
        energies=EnergyRange(energy_low, energy_high),
        extrapolate=extrapolate,
    )


def hadron_calo(
    energy_low: float = 2e3, energy_high: float = 3e4, charged: bool = True, tuned: bool = True, extrapolate: bool = False
) -> HadronShowers:
    """60 x (16 mm Fe + 4 mm polystyrene), 64 x 64 pixels of 32.75 mm summed over depth: a quarter of an inner cell of the LHCb HCAL each."""
    return HadronShowers(
        sampling(material("iron"), 16.0, material("polystyrene"), 4.0),
        RegularGrid((64, 64), (32.75, 32.75)),
        Depth.uniform(1, 1200.0),
        tuning=HADRON_CALO if tuned else AVERAGE_RESPONSE,
        charged=charged,
        energies=EnergyRange(energy_low, energy_high),
        extrapolate=extrapolate,
    )
