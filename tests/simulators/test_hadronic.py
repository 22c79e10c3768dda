"""Hadronic showers: shares, depths and punch-through that the formulas foretell."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.integrate import quad

from facsim.core import FacsimError, GridLayer, LayeredGrid
from facsim.simulators import Depth, HadronResponse, HadronShowers, hadron_calo, material, sampling
from facsim.simulators.hadronic_profile import draw_em_share, em_share, hadronic_profile, track_loss
from facsim.simulators.longitudinal import gamma_fractions

STACK = sampling(material("iron"), 16.0, material("polystyrene"), 4.0)
LAYERS = 300  # 30 interaction lengths: contains all
WIDE = LayeredGrid(tuple(GridLayer(1, 1, (1e9, 1e9), 20.0 * i) for i in range(LAYERS)))


def deep(**tuning: float) -> HadronShowers:
    return HadronShowers(STACK, WIDE, Depth.uniform(LAYERS, 20.0), tuning=HadronResponse(**tuning))


def shoot(simulator: HadronShowers, energy: float, n: int, tx: float = 0.0, ty: float = 0.0) -> np.ndarray:
    return simulator.simulate(np.tile([energy, tx, ty], (n, 1)), np.random.default_rng(0)).response


def test_em_share_by_hand_and_its_draws() -> None:
    assert em_share(np.array([7e4]))[0] == pytest.approx(1 - 100**-0.14)
    shares = {e: draw_em_share(np.full(50_000, e), 3.0, np.random.default_rng(0)) for e in (2e3, 1e4, 1e5)}
    for energy, share in shares.items():
        mean, total = float(em_share(np.array(energy))), 3 * math.log(energy / 700)
        sigma = math.sqrt(mean * (1 - mean) / (total + 1))
        assert share.mean() == pytest.approx(mean, abs=5 * sigma / math.sqrt(50_000))
        assert share.std() == pytest.approx(sigma, rel=0.03)


def test_hadronic_profile_is_the_integral_of_its_gamma() -> None:
    alpha, beta = hadronic_profile(np.array([2e4]))
    a, b = 0.62 + 0.32 * math.log(20), 0.91 - 0.02 * math.log(20)
    integral = quad(lambda t: (b * t) ** (a - 1) * b * math.exp(-b * t) / math.gamma(a), 0.5, 2.0)[0]
    assert gamma_fractions(alpha, beta, np.array([[0.5, 2.0]]))[0, 0] == pytest.approx(integral, rel=1e-6)


def test_track_loses_a_mip_up_to_its_end_or_rest() -> None:
    edges, mip = np.array([[0.0, 100.0, 200.0, 300.0]]), STACK.mip_loss
    assert track_loss(edges, np.array([150.0]), np.array([1e4]), STACK)[0] == pytest.approx([100 * mip, 50 * mip, 0])
    assert track_loss(edges, np.array([1e9]), np.array([120 * mip]), STACK)[0] == pytest.approx([100 * mip, 20 * mip, 0])


def test_compensating_and_contained_shows_the_energy() -> None:
    """With h/e = 1 the shower shows the sampling fraction of what the track left to it, the track the mip fraction of its own."""
    layers = shoot(deep(h_over_e=1.0, stochastic=0.05, constant=0.01), 2e4, 4_000).reshape(-1, LAYERS)
    track = STACK.mip_loss * STACK.interaction_length  # mean loss before the interaction; 20 GeV outlast nearly all paths
    expected = STACK.sampling_fraction * (2e4 - track) + STACK.mip_fraction * track
    assert layers.sum(1).mean() == pytest.approx(expected, rel=0.003)


def test_h_over_e_lowers_the_hadronic_part_alone() -> None:
    full, half = (shoot(deep(h_over_e=r, stochastic=0.05, constant=0.01), 5e4, 3_000).sum((1, 2, 3)).mean() for r in (1.0, 0.5))
    share = float(em_share(np.array(5e4)))
    assert half / full == pytest.approx(share + (1 - share) / 2, abs=0.01)


def test_showers_start_after_an_interaction_length() -> None:
    """The mean depth of neutral showers is the free path plus the mean of the two components' profiles."""
    z, energy = np.arange(LAYERS) * 20.0 + 10, 2e4
    means = []
    for free_path in (1.0, 1.5):
        layers = shoot(replace(deep(free_path=free_path), charged=False), energy, 6_000).sum((0, 2, 3))
        means.append(layers @ z / layers.sum())
    assert means[1] - means[0] == pytest.approx(0.5 * STACK.interaction_length, abs=12)


def test_punch_through_leaves_a_track() -> None:
    """Two interaction lengths: a fraction exp(-2) crosses, with the mip's visible loss in one line of cells."""
    depth = 2 * STACK.interaction_length
    thin = replace(hadron_calo(tuned=False), depth=Depth((0.0, depth)))
    images = shoot(thin, 1e4, 6_000)
    energy, cells = images.sum((1, 2)), (images > 0).sum((1, 2))
    crossing = cells <= 4  # the axis lies on the corner of four pixels
    assert crossing.mean() == pytest.approx(math.exp(-2), abs=0.03)
    assert energy[crossing].mean() == pytest.approx(STACK.mip_fraction * STACK.mip_loss * depth, rel=0.05)


def test_slopes_move_x_along_columns_and_y_along_rows() -> None:
    image = shoot(hadron_calo(), 2e4, 500, tx=0.2, ty=-0.1).mean(0)
    x, y = (np.arange(64) - 31.5) * 32.75, (np.arange(64) - 31.5) * 32.75
    column, row = image.sum(0) @ x / image.sum(), image.sum(1) @ y / image.sum()
    assert column > 50
    assert row == pytest.approx(-column / 2, abs=10)


def test_refusals() -> None:
    with pytest.raises(FacsimError, match="'energy' is outside"):
        hadron_calo().simulate(np.array([[1e3, 0.0, 0.0]]), np.random.default_rng(0))
    with pytest.raises(FacsimError, match="'tx' is outside"):
        hadron_calo().simulate(np.array([[1e4, 0.3, 0.0]]), np.random.default_rng(0))
    with pytest.raises(FacsimError, match="impossible"):
        HadronResponse(core_weight=1.5)


@pytest.mark.shared
def test_against_geant4_pions(shared_data: Path) -> None:
    """Mean visible energy within 5%, half the central 68% within 12% in four ranges; the share inside 150 mm within 0.08.

    The standard deviation is worse, 0.6 to 0.9 of Geant4's: a few events in a thousand of Geant4's show two to seven times the mean, and above
    8 GeV its low tail from leakage is longer; the simulator has neither. These events are not the first 8,000, to which the numbers
    were fitted, but were looked at before `constant` was lowered from 0.09 to 0.05, so that they are no blind check.
    """
    with h5py.File(shared_data / "hcal_hadrons" / "pi+.h5") as file:
        condition, truth = file["incident_conditions"][8000:14000], file["showers"][8000:14000].reshape(-1, 64, 64)
    made = hadron_calo().simulate(condition, np.random.default_rng(0)).response
    for low, high in ((2e3, 4e3), (4e3, 8e3), (8e3, 16e3), (16e3, 30e3)):
        chosen = (condition[:, 0] >= low) & (condition[:, 0] < high)
        theirs, ours = ((images[chosen].sum((1, 2)) / condition[chosen, 0]) for images in (truth, made))
        assert ours.mean() / theirs.mean() == pytest.approx(1, abs=0.05)
        assert _width(ours) / _width(theirs) == pytest.approx(1, abs=0.12)
    assert _near(made, condition) == pytest.approx(_near(truth, condition), abs=0.08)


def _width(x: np.ndarray) -> float:
    low, high = np.quantile(x, [0.16, 0.84])
    return float(high - low) / 2


def _near(images: np.ndarray, condition: np.ndarray) -> float:
    """Share of the energy inside 150 mm of where the track is in the middle of the depth."""
    axis = (np.arange(64) - 31.5) * 32.75
    x, y = (600 * condition[:, i, None] for i in (1, 2))
    near = np.hypot((axis - x)[:, None, :], (axis - y)[:, :, None]) < 150
    return float(images[near].sum() / images.sum())
