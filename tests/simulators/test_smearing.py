"""Track smearing: the card's widths by hand, and electrons distributed as the gun says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kstest

from facsim.core import FacsimError
from facsim.simulators import EnergyRange, Region, SmearingCard, TrackSmearing, track_smearing

TRACKS_ONLY = SmearingCard(ecal_eta=0.0)


@pytest.mark.parametrize(
    ("eta", "a", "b"),
    [(0.0, 0.03, 0.013), (-0.49, 0.03, 0.013), (0.51, 0.05, 0.017), (-1.69, 0.05, 0.017), (1.71, 0.15, 0.031), (-2.49, 0.15, 0.031)],
)
@pytest.mark.parametrize("pt", [1.0, 500.0, 4e4])
def test_track_width_by_region(eta: float, a: float, b: float, pt: float) -> None:
    assert TRACKS_ONLY.width(np.array([eta]), np.array([pt]))[0] == pytest.approx(math.sqrt(a**2 + (b * pt) ** 2))


def test_calorimeter_joins_by_inverse_variance() -> None:
    """40 GeV at eta 0: track 1.3%, calorimeter sqrt(.101^2 / 40 + .0017^2) = 1.606%."""
    width = SmearingCard().width(np.array([0.0]), np.array([4e4]))[0] / 4e4
    ecal = math.sqrt(0.101**2 / 40 + 0.0017**2)
    assert width == pytest.approx(1 / math.sqrt(1 / 0.013**2 + 1 / ecal**2), rel=1e-6)


def test_tracks_rule_at_500_mev() -> None:
    eta, pt = np.array([0.1, 1.6]), np.array([500.0, 200.0])
    assert SmearingCard().width(eta, pt) == pytest.approx(TRACKS_ONLY.width(eta, pt), rel=0.02)


@pytest.mark.parametrize(("eta", "pt"), [(0.2, 500.0), (2.2, 3e4)])
def test_measured_pt_is_gaussian_of_that_width(eta: float, pt: float) -> None:
    simulator = TrackSmearing(target="difference")
    events = simulator.simulate(np.tile([eta, 0.0, pt], (20_000, 1)), np.random.default_rng(0))
    width = simulator.card.width(np.array([eta]), np.array([pt]))[0]
    assert kstest(events.response[:, 0], "norm", args=(0, width)).pvalue > 1e-3
    assert kstest(events.response[:, 0], "norm", args=(0, 1.05 * width)).pvalue < 1e-3  # a card 5% off shows


def test_targets_are_the_same_electron() -> None:
    condition = track_smearing().prior(200, np.random.default_rng(1))
    pt, difference, normalised = (
        TrackSmearing(target=t).simulate(condition, np.random.default_rng(2)).response[:, 0].astype(float) for t in ("pt", "difference", "normalised")
    )
    assert difference == pytest.approx(condition[:, 2] - pt, rel=1e-3, abs=0.02)
    assert normalised == pytest.approx(difference / np.sqrt(condition[:, 2]), rel=1e-5)


def test_gun() -> None:
    eta, phi, pt = track_smearing(energy_high=1e4).prior(50_000, np.random.default_rng(0)).T.astype(float)
    assert np.abs(eta).max() < 2.5
    energy = np.hypot(pt * np.cosh(eta), 0.51099895)
    edge = math.tanh(2.5)
    assert kstest(np.tanh(eta), "uniform", args=(-edge, 2 * edge)).pvalue > 1e-3
    assert kstest(phi, "uniform", args=(-math.pi, 2 * math.pi)).pvalue > 1e-3
    assert kstest(np.log10(energy), "uniform", args=(1, 3)).pvalue > 1e-3


def test_any_card_can_be_loaded() -> None:
    card = SmearingCard(regions=({"eta": 2.0, "a": 1.0, "b": 0.0}, {"eta": 5.0, "a": 2.0, "b": 0.0}), ecal_eta=0.0)  # type: ignore[arg-type]
    assert card.width(np.array([1.0, -3.0]), np.array([10.0, 10.0])).tolist() == [1.0, 2.0]
    assert TrackSmearing(card).variables[0].high == 5.0


def test_refusals() -> None:
    with pytest.raises(FacsimError, match="'eta' is outside"):
        TrackSmearing().simulate(np.array([[2.6, 0.0, 100.0]]), np.random.default_rng(0))
    with pytest.raises(FacsimError, match="not in order"):
        SmearingCard(regions=(Region(1.0, 0.1, 0.1), Region(0.5, 0.1, 0.1)))
    with pytest.raises(FacsimError, match="unknown target"):
        track_smearing(target="px")
    with pytest.raises(FacsimError, match="more than their mass"):
        TrackSmearing(energies=EnergyRange(0.1, 10.0))
