"""GFlash as a simulator: means and widths that the formulas foretell, refusals, and planted defects that must show."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from facsim.core import FacsimError, GridLayer, LayeredGrid, RegularGrid
from facsim.simulators import Depth, EnergyRange, GFlash, Tuning, homogeneous, material, pbwo4, sampling, sampling_calo
from facsim.simulators.longitudinal import draw_profile
from facsim.simulators.spots import chunks, draw_slab_energies, draw_spot_counts, spot_number, spot_profile

STACK = sampling(material("tungsten"), 1.4, material("silicon"), 0.3)
WIDE = LayeredGrid(tuple(GridLayer(1, 1, (1e9, 1e9), 3.4 * i + 1.7) for i in range(45)))  # loses nothing to the side


def stack(**settings) -> GFlash:
    return GFlash(STACK, WIDE, Depth.uniform(45, 3.4), **settings)


def showers(simulator: GFlash, energy: float, n: int, seed: int = 0) -> np.ndarray:
    return simulator.simulate(np.full((n, 1), energy), np.random.default_rng(seed)).response


def expected_layers(energy: float, n: int = 50_000) -> np.ndarray:
    """Mean visible energy of the layers: the mean over drawn Gamma profiles, no spots, no fluctuation of layers."""
    profile = draw_profile(np.full(n, energy), STACK, np.random.default_rng(99))
    return energy * STACK.sampling_fraction * profile.fractions(np.arange(46) * 3.4 / STACK.radiation_length).mean(0)


def test_mean_layer_energies_are_those_of_the_profiles() -> None:
    layers = showers(stack(), 1e4, 20_000).reshape(-1, 45)
    expected, error = expected_layers(1e4), layers.std(0) / math.sqrt(20_000)
    assert np.abs(layers.mean(0) - expected) == pytest.approx(0, abs=float((5 * error + 2e-3 * expected).max()))
    assert (np.abs(layers.mean(0) - expected) < 6 * error + 2e-3 * expected).all()


def test_one_layer_too_deep_shows_in_the_means() -> None:
    layers = showers(replace(stack(), depth=Depth(tuple(3.4 * i for i in range(1, 47)))), 1e4, 5_000).reshape(-1, 45)
    error = layers.std(0) / math.sqrt(5_000)
    assert (np.abs(layers.mean(0) - expected_layers(1e4)) > 10 * error).sum() > 10


@pytest.mark.parametrize(("resolution", "energy"), [(0.05, 2e3), (0.2, 2e3), (0.11, 2e4)])
def test_resolution_is_c_over_the_root_of_energy(resolution: float, energy: float) -> None:
    deep = GFlash(homogeneous(material("lead")), RegularGrid((1, 1), (1e9, 1e9)), Depth.uniform(1, 400.0), resolution=resolution)
    total = showers(deep, energy, 4_000).sum((1, 2))
    assert total.mean() == pytest.approx(energy, rel=5 * resolution / math.sqrt(4_000 * energy / 1e3) + 1e-3)
    assert total.std() / total.mean() == pytest.approx(resolution / math.sqrt(energy / 1e3), rel=0.06)  # 5 sigma of a width of 4,000


def test_deposits_are_gamma_with_the_quantum_c_squared() -> None:
    mean = np.full((100_000, 1), 30.0)
    energy = draw_slab_energies(mean, 0.11, np.random.default_rng(0))
    assert energy.mean() == pytest.approx(30.0, rel=0.01)
    assert energy.var() == pytest.approx(30.0 * 12.1, rel=0.02)  # MeV: c^2 = 0.0121 GeV


def test_what_is_cut_as_negligible_is() -> None:
    energy = draw_slab_energies(np.full((200_000, 1), 1.0), 0.11, np.random.default_rng(0))
    assert (energy[energy > 0] >= 12.1e-3).all()
    assert energy.mean() == pytest.approx(1.0, abs=5 * math.sqrt(12.1 / 200_000))


def test_spots_by_hand() -> None:
    assert spot_number(np.array([1e4]), STACK, 0.11)[0] == pytest.approx(10.3 / 0.11 * 10**0.959)
    assert spot_number(np.array([1e4]), homogeneous(material("lead")), 0.11)[0] == pytest.approx(93 * math.log(82) * 10**0.876)
    profile = draw_profile(np.array([1e4]), STACK, np.random.default_rng(0))
    assert spot_profile(profile, STACK).maximum == pytest.approx(profile.maximum * (0.813 + 0.0019 * STACK.Z))


def test_every_slab_with_energy_has_a_spot() -> None:
    fractions, energy = np.array([[0.999, 0.001, 0.0]]), np.array([[5.0, 1.0, 0.0]])
    counts = draw_spot_counts(np.array([20.0]), fractions, energy, np.random.default_rng(0))
    assert counts.tolist()[0] == [20, 1, 0]


def test_lateral_share_follows_the_formula() -> None:
    """One thin layer read out in squares that no shower spreads beyond, against the circle of equal containment."""
    grid = RegularGrid((201, 201), (0.5, 0.5))
    image = showers(GFlash(STACK, grid, Depth((20.0, 23.4))), 2e4, 400).mean(0)
    y, x = np.indices((201, 201)) * 0.5 - 50
    for radius in (3.0, 10.0):
        inside = image[np.hypot(x, y) < radius].sum() / image.sum()
        profile = draw_profile(np.full(20_000, 2e4), STACK, np.random.default_rng(5))
        assert inside == pytest.approx(_contained(profile, radius, (20.0, 23.4)) / _contained(profile, 56.0, (20.0, 23.4)), abs=0.02)
    columns, rows = image.sum(0), image.sum(1)
    assert (columns @ np.arange(201) / image.sum(), rows @ np.arange(201) / image.sum()) == pytest.approx((100, 100), abs=0.5)


def _contained(profile, radius: float, edges: tuple[float, float]) -> float:
    from facsim.simulators.radial import radial_shape

    depth = np.array(edges) / STACK.radiation_length
    weight = profile.fractions(depth)[:, 0]
    shape = radial_shape(np.full(len(weight), 2e4), depth.mean() / profile.centre, STACK)
    return float((weight * shape.contained(radius / STACK.moliere_radius)).sum() / weight.sum())


def test_photons_are_electrons_nine_sevenths_later() -> None:
    """In a stack that contains all, the mean depth moves by the conversion depth."""
    deep = replace(stack(), detector=LayeredGrid(WIDE.stack * 2), depth=Depth.uniform(90, 3.4))
    z = (np.arange(90) + 0.5) * 3.4 / STACK.radiation_length
    depths = [(total := showers(replace(deep, particle=p), 1e4, 10_000).sum((0, 2, 3))) @ z / total.sum() for p in ("photon", "electron")]
    assert depths[0] - depths[1] == pytest.approx(9 / 7, abs=0.06)


def test_response_scales_with_the_sampling_fraction_alone() -> None:
    one, half = (showers(stack(sampling_fraction=f), 1e4, 50) for f in (1.0, 0.5))
    assert one / 2 == pytest.approx(half, rel=1e-5)
    assert stack().visible_fraction == pytest.approx(STACK.mip_fraction / (1 + 0.007 * 60))


def test_tuning_moves_the_maximum_and_widens() -> None:
    z = np.arange(45)
    plain, deeper = (showers(stack(tuning=t), 1e4, 4_000).reshape(-1, 45).mean(0) for t in (Tuning(), Tuning(deeper=(1.0, 0.0))))
    moved = (deeper @ z / deeper.sum() - plain @ z / plain.sum()) * 3.4 / STACK.radiation_length
    assert moved == pytest.approx(1.3, abs=0.3)  # <t> = T alpha / (alpha - 1)
    narrow, wide = (replace(sampling_calo(), tuning=Tuning(wider=w)) for w in (1.0, 2.0))
    assert showers(wide, 1e4, 200)[..., 0].sum() < 0.9 * showers(narrow, 1e4, 200)[..., 0].sum()


def test_same_stream_same_events_and_another_stream_others() -> None:
    simulator = pbwo4()
    assert np.array_equal(showers(simulator, 5e3, 30), showers(simulator, 5e3, 30))
    assert not np.array_equal(showers(simulator, 5e3, 30), showers(simulator, 5e3, 30, seed=1))


@pytest.mark.parametrize("energy", [499.0, 1.1e6, np.nan])
def test_energies_outside_are_refused(energy: float) -> None:
    with pytest.raises(FacsimError, match=r"'energy' is outside .* 500 to 1e\+06 MeV.*extrapolate=True"):
        pbwo4().simulate(np.array([[1e4], [energy]]), np.random.default_rng(0))


def test_extrapolation_must_be_asked_for_and_stays_finite() -> None:
    events = pbwo4(extrapolate=True).simulate(np.array([[20.0], [2e6]]), np.random.default_rng(0))
    assert events.extrapolated.all()
    assert events.cells.sum(1)[1] == pytest.approx(2e6, rel=0.1)
    with pytest.raises(FacsimError, match="energy"):
        pbwo4(extrapolate=True).simulate(np.array([[-1.0]]), np.random.default_rng(0))


def test_no_event_is_fine() -> None:
    assert pbwo4().simulate(np.zeros((0, 1)), np.random.default_rng(0)).response.shape == (0, 11, 11)


def test_chunks_cover_all_events_within_the_limit() -> None:
    cost = np.random.default_rng(0).uniform(1, 300, 1000)
    parts = list(chunks(cost, 500))
    assert [i for p in parts for i in range(p.start, p.stop)] == list(range(1000))
    assert max(cost[p].sum() for p in parts) <= 500 + 300
    assert [p.stop - p.start for p in chunks(np.full(3, 1e9), 500)] == [1, 1, 1]


def test_bad_settings_are_refused() -> None:
    with pytest.raises(FacsimError, match="differ in layers"):
        GFlash(STACK, WIDE, Depth.uniform(44, 3.4))
    with pytest.raises(FacsimError, match="unknown particle 'muon'"):
        sampling_calo(particle="muon")
    with pytest.raises(FacsimError, match="must be positive"):
        stack(resolution=0.0)
    with pytest.raises(FacsimError, match="not in order"):
        Depth((0.0, 2.0, 1.0))
    with pytest.raises(FacsimError, match="energy range is empty"):
        EnergyRange(10.0, 1.0)
