"""Materials of calorimeters and what an electromagnetic shower needs to know of each."""

from __future__ import annotations

from dataclasses import dataclass

SCALE_ENERGY = 21.2  # MeV, of multiple scattering: the Moliere radius is X0 * 21.2 MeV / Ec


@dataclass(frozen=True)
class Material:
    """A material; lengths are in g/cm2, density in g/cm3, `mip` (the least ionisation loss) in MeV cm2/g.

    Of a compound, Z is the mean over mass fractions and A is chosen so that Z/A is the compound's own.

    Source: Particle Data Group, Review of Particle Physics, "Atomic and nuclear properties of materials".

    Examples:
        >>> round(MATERIALS["lead"].critical_energy, 2)
        7.36
    """

    Z: float
    A: float
    density: float
    radiation_length: float
    interaction_length: float
    mip: float

    @property
    def critical_energy(self) -> float:
        """Critical energy in MeV: 2.66 (X0 Z/A)^1.1 (Grindhammer and Peters 1993, hep-ex/0001020)."""
        return float(2.66 * (self.radiation_length * self.Z / self.A) ** 1.1)

    @property
    def moliere_radius(self) -> float:
        """Moliere radius in g/cm2."""
        return self.radiation_length * SCALE_ENERGY / self.critical_energy


MATERIALS: dict[str, Material] = {
    "lead": Material(82, 207.2, 11.35, 6.37, 199.6, 1.122),
    "tungsten": Material(74, 183.84, 19.30, 6.76, 191.9, 1.145),
    "iron": Material(26, 55.845, 7.874, 13.84, 132.1, 1.451),
    "copper": Material(29, 63.546, 8.960, 12.86, 137.3, 1.403),
    "aluminium": Material(13, 26.982, 2.699, 24.01, 107.2, 1.615),
    "silicon": Material(14, 28.0855, 2.329, 21.82, 108.4, 1.664),
    "liquid argon": Material(18, 39.948, 1.396, 19.55, 119.7, 1.508),
    "polystyrene": Material(5.613, 5.613 / 0.53768, 1.060, 43.79, 77.1, 1.936),
    "water": Material(7.217, 7.217 / 0.55509, 1.000, 36.08, 83.3, 1.992),
    "PbWO4": Material(68.36, 68.36 / 0.41315, 8.300, 7.39, 168.3, 1.229),
    "CsI": Material(54.02, 54.02 / 0.41569, 4.510, 8.39, 171.5, 1.243),
    "BGO": Material(62.51, 62.51 / 0.42065, 7.130, 7.97, 159.1, 1.251),
}
