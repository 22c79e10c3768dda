"""Materials and effective media: numbers by hand, and what must hold for any stack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facsim.core import FacsimError
from facsim.simulators import MATERIALS, homogeneous, material, sampling

NAMES = st.sampled_from(sorted(MATERIALS))
MM = st.floats(0.1, 50)


def test_water_by_hand() -> None:
    water = material("water")
    assert water.critical_energy == pytest.approx(2.66 * (36.08 * 0.55509) ** 1.1)
    assert homogeneous(water).radiation_length == pytest.approx(360.8)  # mm, density 1
    assert homogeneous(water).moliere_radius == pytest.approx(360.8 * 21.2 / water.critical_energy)


def test_lead_and_argon_by_hand() -> None:
    """2.3 mm Pb + 5.7 mm Ar: mass fractions 2.6105 : 0.79572 g/cm2."""
    stack = sampling(material("lead"), 2.3, material("liquid argon"), 5.7)
    w1 = 2.6105 / (2.6105 + 0.79572)
    x0 = 1 / (w1 / 6.37 + (1 - w1) / 19.55)
    charge_and_mass = (stack.Z, stack.A)
    assert charge_and_mass == pytest.approx((w1 * 82 + (1 - w1) * 18, w1 * 207.2 + (1 - w1) * 39.948))
    assert stack.radiation_length == pytest.approx(x0 / ((2.6105 + 0.79572) / 0.8) * 10)
    assert 1 / stack.plate_depth == pytest.approx(stack.radiation_length / 8.0)
    assert stack.e_over_mip == pytest.approx(1 / (1 + 0.007 * 64))
    assert stack.mip_fraction == pytest.approx(0.79572 * 1.508 / (0.79572 * 1.508 + 2.6105 * 1.122))


@given(NAMES, MM, MM)
def test_plates_of_one_material_are_that_material(name: str, first: float, second: float) -> None:
    block, stack = homogeneous(material(name)), sampling(material(name), first, material(name), second)
    for number in ("Z", "A", "radiation_length", "interaction_length", "critical_energy", "moliere_radius", "mip_loss"):
        assert getattr(stack, number) == pytest.approx(getattr(block, number))
    assert stack.e_over_mip == 1
    assert stack.sampling_fraction == pytest.approx(second / (first + second))


@given(NAMES, MM, NAMES, MM)
def test_effective_lengths_lie_between_the_materials(a: str, first: float, b: str, second: float) -> None:
    stack, blocks = sampling(material(a), first, material(b), second), (homogeneous(material(a)), homogeneous(material(b)))
    for number in ("radiation_length", "interaction_length"):
        low, high = sorted(getattr(block, number) for block in blocks)
        assert low * (1 - 1e-9) <= getattr(stack, number) <= high * (1 + 1e-9)


def test_refusals() -> None:
    with pytest.raises(FacsimError, match=r"unknown material 'led'.*did you mean 'lead'"):
        material("led")
    with pytest.raises(FacsimError, match="no thickness"):
        sampling(material("lead"), 2.0, material("silicon"), 0.0)
