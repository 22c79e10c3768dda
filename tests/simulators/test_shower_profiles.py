"""Longitudinal and lateral profiles against slow twins: numerical integration, one shower at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from facsim.simulators import homogeneous, material, sampling
from facsim.simulators.longitudinal import Profile, draw_profile, log_y, photon_start, typical_alpha, typical_maximum, typical_profile
from facsim.simulators.radial import RadialShape, draw_radius, radial_shape

STACK = sampling(material("lead"), 2.3, material("liquid argon"), 5.7)
BLOCK = homogeneous(material("PbWO4"))


def gamma_density(t: float, alpha: float, beta: float) -> float:
    return (beta * t) ** (alpha - 1) * beta * math.exp(-beta * t) / math.gamma(alpha)


@settings(max_examples=25, deadline=None)
@given(st.floats(1.0, 12.0), st.floats(1.1, 8.0), st.floats(-1.0, 3.0))
def test_fractions_are_integrals_of_the_density(maximum: float, alpha: float, start: float) -> None:
    edges = np.array([0.0, 1.5, 4.0, 10.0])
    got = Profile(np.array([maximum]), np.array([alpha]), np.array([start])).fractions(edges)[0]
    beta = (alpha - 1) / maximum
    for low, high, fraction in zip(edges[:-1], edges[1:], got, strict=True):
        integral = quad(gamma_density, max(low - start, 0), max(high - start, 0), (alpha, beta))[0]
        assert fraction == pytest.approx(integral, abs=1e-5)


def test_profile_peaks_at_its_maximum() -> None:
    edges = np.linspace(0, 30, 3001)
    fractions = typical_profile(np.array([1e4]), STACK).fractions(edges)[0]
    peak = edges[fractions.argmax()] + 0.005
    ln_y = math.log(1e4 / STACK.critical_energy)
    expected = math.exp(math.log(ln_y - 0.812)) - 0.55 / (STACK.radiation_length / 8.0) - 0.69 * (1 - 1 / (1 + 0.007 * 64))
    assert peak == pytest.approx(expected, abs=0.011)


def test_centre_is_the_mean_depth() -> None:
    profile, edges = typical_profile(np.array([5e4]), BLOCK), np.linspace(0, 60, 6001)
    mean = (profile.fractions(edges)[0] * (edges[1:] + edges[:-1]) / 2).sum()
    assert profile.centre[0] == pytest.approx(mean, rel=1e-3)


def test_stack_of_thin_equal_plates_is_a_block() -> None:
    thin = sampling(material("PbWO4"), 1e-6, material("PbWO4"), 1e-6)
    ln_y, tau = np.array([5.0, 8.0]), np.array([0.3, 1.2])
    assert typical_maximum(ln_y, thin) == pytest.approx(typical_maximum(ln_y, BLOCK))
    assert typical_alpha(ln_y, thin) == pytest.approx(typical_alpha(ln_y, BLOCK))
    ours, theirs = radial_shape(np.array([1e4, 1e5]), tau, thin), radial_shape(np.array([1e4, 1e5]), tau, BLOCK)
    assert (ours.core, ours.tail, ours.weight) == tuple(pytest.approx(a, rel=1e-5) for a in (theirs.core, theirs.tail, theirs.weight))


@pytest.mark.parametrize(
    ("medium", "s_t", "s_a", "r"), [(BLOCK, (-1.4, 1.26), (-0.58, 0.86), 0.705), (STACK, (-2.5, 1.25), (-0.82, 0.79), 0.784)], ids=["block", "stack"]
)
def test_fluctuations_have_the_printed_widths_and_correlation(medium, s_t, s_a, r) -> None:
    n, energy = 200_000, 2e4
    profile, ln_y = draw_profile(np.full(n, energy), medium, np.random.default_rng(1)), math.log(energy / medium.critical_energy)
    ln_t, ln_a = np.log(profile.maximum), np.log(profile.alpha)
    sigma_t, sigma_a = 1 / (s_t[0] + s_t[1] * ln_y), 1 / (s_a[0] + s_a[1] * ln_y)
    assert ln_t.std() == pytest.approx(sigma_t, rel=0.01)
    assert ln_a.std() == pytest.approx(sigma_a, rel=0.01)
    assert np.corrcoef(ln_t, ln_a)[0, 1] == pytest.approx(r - 0.023 * ln_y, abs=0.01)
    assert ln_t.mean() == pytest.approx(math.log(typical_maximum(np.array(ln_y), medium)), abs=5 * sigma_t / math.sqrt(n))


@settings(max_examples=30, deadline=None)
@given(st.floats(1.0, 1e7), st.sampled_from([BLOCK, STACK]))
def test_guards_hold_at_every_energy(energy: float, medium) -> None:
    profile = draw_profile(np.full(50, energy), medium, np.random.default_rng(0))
    assert (profile.maximum >= 1).all()
    assert (profile.alpha >= 1.1).all()
    assert np.isfinite(log_y(np.array([energy]), medium)).all()
    spread = np.log(profile.alpha).std()
    assert spread < 1.0  # of a width capped at 0.5


def test_photons_start_at_nine_sevenths() -> None:
    start = photon_start(100_000, np.random.default_rng(2))
    assert start.mean() == pytest.approx(9 / 7, abs=5 * 9 / 7 / math.sqrt(100_000))
    assert np.median(start) == pytest.approx(9 / 7 * math.log(2), rel=0.02)


def slow_shape(e_gev: float, tau: float, z: float, fs: float, emip: float) -> tuple[float, float, float]:
    """Core, tail and weight of one point of a stack, straight from the paper."""
    core = 0.0251 + 0.00319 * math.log(e_gev) + (0.1162 - 0.000381 * z) * tau - 0.0203 * (1 - emip) + 0.0397 / fs * math.exp(-tau)
    k1, k4 = 0.659 - 0.00309 * z, 0.3585 + 0.0421 * math.log(e_gev)
    tail = k1 * (math.exp(-2.59 * (tau - 0.645)) + math.exp(k4 * (tau - 0.645))) - 0.14 * (1 - emip) - 0.495 / fs * math.exp(-tau)
    p1, p2, p3 = 2.632 - 0.00094 * z, 0.401 + 0.00187 * z, 1.313 - 0.0686 * math.log(e_gev)
    weight = p1 * math.exp((p2 - tau) / p3 - math.exp((p2 - tau) / p3)) + (1 - emip) * (0.348 - 0.642 / fs * math.exp(-((tau - 1) ** 2)))
    return core, tail, min(max(weight, 0), 1)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.5, 1000), st.floats(0.05, 4))
def test_radial_formulas_against_the_slow_twin(e_gev: float, tau: float) -> None:
    shape = radial_shape(np.array([1000 * e_gev]), np.array([tau]), STACK)
    core, tail, weight = slow_shape(e_gev, tau, STACK.Z, STACK.radiation_length / 8.0, 1 / (1 + 0.007 * 64))
    assert (shape.core[0], shape.tail[0], shape.weight[0]) == pytest.approx((max(core, 0.005), max(tail, 0.005), weight), rel=1e-9)


def test_drawn_radii_follow_the_containment() -> None:
    n = 200_000
    shape = RadialShape(np.full(n, 0.1), np.full(n, 0.8), np.full(n, 0.7))
    radius = draw_radius(shape, np.random.default_rng(3))
    for r in (0.05, 0.1, 0.5, 2.0):
        expected = 0.7 * r**2 / (r**2 + 0.01) + 0.3 * r**2 / (r**2 + 0.64)
        assert (radius < r).mean() == pytest.approx(expected, abs=5 * math.sqrt(0.25 / n))


def test_ninety_percent_within_about_one_moliere_radius() -> None:
    profile, edges = typical_profile(np.array([1e4]), BLOCK), np.linspace(0, 40, 401)
    tau = (edges[1:] + edges[:-1]) / 2 / profile.centre[0]
    fractions = profile.fractions(edges)[0]

    def contained(radius: float) -> float:
        return float((fractions * radial_shape(np.array(1e4), tau, BLOCK).contained(radius)).sum() / fractions.sum())

    assert contained(0.5) < 0.9 < contained(1.3)
