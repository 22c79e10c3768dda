"""Simulators: where truth comes from without a detector simulation at hand; the table SIMULATORS holds those ready to use."""

from __future__ import annotations

from facsim.simulators.airshower import AirShowers, VerticalShowers
from facsim.simulators.analytic import Beta, Gaussian
from facsim.simulators.calorimeters import hadron_calo, lcd_ecal, pbwo4, sampling_calo
from facsim.simulators.depth import Depth
from facsim.simulators.entry import Entry, Gun
from facsim.simulators.full_events import FullEvents, lhcb_events
from facsim.simulators.geant4 import Geant4, geant4
from facsim.simulators.gflash import GFlash
from facsim.simulators.hadron_showers import LibraryShowers
from facsim.simulators.hadronic import HadronResponse, HadronShowers
from facsim.simulators.hcal import SingleHadrons, lhcb_hcal
from facsim.simulators.materials import MATERIALS, Material
from facsim.simulators.medium import Medium, homogeneous, material, sampling
from facsim.simulators.observatories import airshower, airshower_vertical
from facsim.simulators.prior import EnergyRange
from facsim.simulators.rich import Rich, rich
from facsim.simulators.rich_calibration import MassPeak, RichCalibration, rich_calibration
from facsim.simulators.rich_optics import AEROGEL, C4F10, CF4, Radiator
from facsim.simulators.smearing import Region, SmearingCard, TrackSmearing, track_smearing
from facsim.simulators.tuning import Tuning

GFLASH = "Grindhammer and Peters, The parameterized simulation of electromagnetic showers (1993), hep-ex/0001020"
WALZ = "Erdmann, Glombitza and Walz (2018), arXiv:1708.00647"
RICH = "LHCb RICH group (2012), arXiv:1211.6759"
BOCK = "Bock, Hansl-Kozanecka and Shah, Nucl. Instrum. Meth. 186 (1981) 533"
PYTHIA = "Bierlich et al. (2022), arXiv:2203.11601; the LHCb HCAL study of 2019"
ALLISON = "Allison et al., Recent developments in Geant4, Nucl. Instrum. Meth. A 835 (2016) 186"
LIBRARY = {"library": LibraryShowers.of}

SIMULATORS: dict[str, Entry] = {
    "geant4": Entry("Geant4 itself in layered calorimeters that cards describe (needs geant4-pybind and Geant4's data sets)", geant4, ALLISON),
    "gflash-sampling-calo": Entry("electrons in 90 x (1.4 mm W + 0.3 mm Si), 45 x 16 x 9 polar voxels", sampling_calo, GFLASH),
    "gflash-lcd-ecal": Entry("photons in 25 x (3 mm W + 0.5 mm Si), 25 x 25 x 25 cells of 5.1 mm", lcd_ecal, GFLASH),
    "gflash-pbwo4": Entry("electrons in a block of lead tungstate, 11 x 11 crystals of 22 mm", pbwo4, GFLASH),
    "hadron-calo": Entry("charged hadrons in 60 x (16 mm Fe + 4 mm polystyrene), 64 x 64 pixels of 32.75 mm", hadron_calo, BOCK),
    "lhcb-hcal": Entry("single charged pions on the cells of the LHCb HCAL, showers from a library or parameterised", lhcb_hcal, BOCK, LIBRARY),
    "lhcb-events": Entry("full events of B -> D mu nu in the LHCb HCAL, with tracker images (needs Pythia 8)", lhcb_events, PYTHIA, LIBRARY),
    "airshower": Entry("cosmic rays over 9 x 9 stations: traces and arrival times of p, He, N, Fe showers up to 60 degrees", airshower, WALZ),
    "airshower-vertical": Entry("vertical proton showers of one depth over 9 x 9 stations, with traces", airshower_vertical, WALZ),
    "rich": Entry("log-likelihood differences of e, mu, pi, K, p from the photons of two RICH detectors", rich, RICH),
    "rich-calibration": Entry("the same with background, and the mass of the decay that named the species", rich_calibration, RICH),
    "gaussian": Entry("a Gaussian number whose mean is the condition", Gaussian, "exact"),
    "beta": Entry("a Beta(a, b) number", Beta, "exact"),
    "track-smearing": Entry(
        "measured transverse momentum of electrons from a gun", track_smearing, "Albergo (2018), chapter 3; DELPHES 3, arXiv:1307.6346"
    ),
}

__all__ = [
    "AEROGEL",
    "C4F10",
    "CF4",
    "MATERIALS",
    "SIMULATORS",
    "AirShowers",
    "Beta",
    "Depth",
    "EnergyRange",
    "Entry",
    "FullEvents",
    "GFlash",
    "Gaussian",
    "Geant4",
    "Gun",
    "HadronResponse",
    "HadronShowers",
    "MassPeak",
    "Material",
    "Medium",
    "Radiator",
    "Region",
    "Rich",
    "RichCalibration",
    "SingleHadrons",
    "SmearingCard",
    "TrackSmearing",
    "Tuning",
    "VerticalShowers",
    "airshower",
    "airshower_vertical",
    "geant4",
    "hadron_calo",
    "homogeneous",
    "lcd_ecal",
    "lhcb_events",
    "lhcb_hcal",
    "material",
    "pbwo4",
    "rich",
    "rich_calibration",
    "sampling",
    "sampling_calo",
    "track_smearing",
]
