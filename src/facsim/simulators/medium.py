"""The effective medium of a homogeneous block, or of a stack of one absorber and one active material."""

from __future__ import annotations

from dataclasses import dataclass

from facsim.core import FacsimError, look_up
from facsim.simulators.materials import MATERIALS, SCALE_ENERGY, Material

MM = 10.0  # millimetres in a centimetre


@dataclass(frozen=True)
class Medium:
    """What a shower sees of a calorimeter: lengths in mm, energies in MeV.

    `period` is the thickness of one absorber and one active plate (0: homogeneous); `e_over_mip` the response to electrons over that to a
    minimum-ionising particle; `mip_fraction` the share of a minimum-ionising particle's loss that falls into the active plates.
    """

    Z: float
    A: float
    radiation_length: float
    interaction_length: float
    critical_energy: float
    moliere_radius: float
    mip_loss: float
    period: float = 0.0
    e_over_mip: float = 1.0
    mip_fraction: float = 1.0

    @property
    def is_sampling(self) -> bool:
        """Whether this is a stack of plates."""
        return self.period > 0

    @property
    def plate_depth(self) -> float:
        """One over the sampling frequency: the depth of one absorber and one active plate in radiation lengths; 0 if homogeneous."""
        return self.period / self.radiation_length

    @property
    def hardness(self) -> float:
        """1 - e/mip; 0 if homogeneous."""
        return 1 - self.e_over_mip

    @property
    def sampling_fraction(self) -> float:
        """Visible over deposited energy of an electromagnetic shower, as the formulas have it: the mip fraction times e/mip."""
        return self.mip_fraction * self.e_over_mip


def material(name: str) -> Material:
    """The material of that name.

    Raises:
        FacsimError: if the table MATERIALS has no such material.
    """
    return look_up(MATERIALS, name, "material")


def homogeneous(block: Material) -> Medium:
    """The medium of a block of one material.

    Examples:
        >>> round(homogeneous(material("PbWO4")).radiation_length, 1)
        8.9
    """
    cm = MM / block.density
    return Medium(
        Z=block.Z,
        A=block.A,
        radiation_length=block.radiation_length * cm,
        interaction_length=block.interaction_length * cm,
        critical_energy=block.critical_energy,
        moliere_radius=block.moliere_radius * cm,
        mip_loss=block.mip / cm,
    )


def sampling(passive: Material, passive_mm: float, active: Material, active_mm: float) -> Medium:
    """The effective medium of a stack of passive and active plates of that thickness in mm.

    Raises:
        FacsimError: if a thickness is not positive.

    Source: Grindhammer and Peters, The parameterized simulation of electromagnetic showers in homogeneous and sampling calorimeters (1993),
    hep-ex/0001020, section 3.1.

    Examples:
        >>> stack = sampling(material("tungsten"), 1.4, material("silicon"), 0.3)
        >>> round(stack.radiation_length, 2), round(stack.moliere_radius, 1), round(stack.sampling_fraction, 4)
        (4.22, 10.9, 0.0255)
    """
    if min(passive_mm, active_mm) <= 0:
        raise FacsimError("a plate of the stack has no thickness", expected="millimetres > 0", got=(passive_mm, active_mm))
    mass = (passive_mm * passive.density, active_mm * active.density)
    w1, w2 = mass[0] / sum(mass), mass[1] / sum(mass)
    cm = MM * (passive_mm + active_mm) / sum(mass)  # millimetres in 1 g/cm2
    radiation_length = 1 / (w1 / passive.radiation_length + w2 / active.radiation_length)
    loss = w1 * passive.critical_energy / passive.radiation_length + w2 * active.critical_energy / active.radiation_length
    mip = w1 * passive.mip + w2 * active.mip
    return Medium(
        Z=w1 * passive.Z + w2 * active.Z,
        A=w1 * passive.A + w2 * active.A,
        radiation_length=radiation_length * cm,
        interaction_length=cm / (w1 / passive.interaction_length + w2 / active.interaction_length),
        critical_energy=radiation_length * loss,
        moliere_radius=SCALE_ENERGY / loss * cm,
        mip_loss=mip / cm,
        period=passive_mm + active_mm,
        e_over_mip=1 / (1 + 0.007 * (passive.Z - active.Z)),
        mip_fraction=w2 * active.mip / mip,
    )
