"""Arrays of stations over which air showers are ready to use; every builder takes plain values, energies in MeV, angles in rad, depths in g/cm2."""

from __future__ import annotations

from facsim.core import StationArray
from facsim.simulators.airshower import BIN_WIDTH, BINS, EEV, AirShowers, VerticalShowers
from facsim.simulators.prior import EnergyRange

STUDY_XMAX = 750.0  # g/cm2: the source fixes the depth and does not print it; the mean at these energies is larger and lies just above the ground


def airshower(
    layout: str = "offset",
    side: int = 9,
    *,
    traces: bool = True,
    times: bool = True,
    energy_low: float = 10**0.5 * EEV,
    energy_high: float = 100 * EEV,
    max_zenith: float = 1.0471975512,
    muon_fraction: float = 0.3,
    noise: float = 1.0,
    fluctuations: float = 1.0,
) -> AirShowers:
    """Protons, helium, nitrogen and iron up to 60 degrees over side x side stations, with 80 bins of trace and arrival times."""
    return AirShowers(
        StationArray(side, side, layout, bins=BINS * traces, bin_width=BIN_WIDTH, timed=times),
        EnergyRange(energy_low, energy_high),
        max_zenith,
        muon_fraction=muon_fraction,
        noise=noise,
        fluctuations=fluctuations,
    )


def airshower_vertical(
    layout: str = "offset",
    side: int = 9,
    *,
    traces: bool = True,
    times: bool = False,
    energy_low: float = EEV,
    energy_high: float = 100 * EEV,
    xmax: float = STUDY_XMAX,
    muon_fraction: float = 0.3,
    noise: float = 1.0,
    fluctuations: float = 1.0,
) -> VerticalShowers:
    """Vertical protons of one depth of the maximum on the central station, energies uniform.

    As it stands it is the "data" of study D; `muon_fraction=0.7, noise=0.5, fluctuations=0.5` is its "simulation".
    """
    showers = airshower(
        layout,
        side,
        traces=traces,
        times=times,
        energy_low=energy_low,
        energy_high=energy_high,
        muon_fraction=muon_fraction,
        noise=noise,
        fluctuations=fluctuations,
    )
    return VerticalShowers(showers, xmax)
