"""Rings of light: angles and yields by hand, likelihoods against a slow twin and against what any likelihood must obey."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from facsim.core import FacsimError, stream
from facsim.core.events import Array
from facsim.simulators import C4F10, CF4, EnergyRange, MassPeak, Radiator, Rich, RichCalibration
from facsim.simulators.rich_calibration import BACKGROUND
from facsim.simulators.rich_optics import MASSES, inside, polar_angle

module = import_module("facsim.simulators.rich")
IDEAL = replace(C4F10, lost=0.0)
DLL = {"e": 0, "mu": 1, "K": 2, "p": 3, "none": 4}


def tracks(pdg: int, p: float, *, n: int = 4000, eta: float = 3.0, n_tracks: float = 100.0) -> Array:
    return np.tile([float(pdg), p, eta, n_tracks], (n, 1))


@pytest.mark.parametrize(("radiator", "pdg", "threshold"), [(C4F10, 211, 2637), (C4F10, 321, 9327), (C4F10, 2212, 17725), (CF4, 211, 4413)])
def test_thresholds(radiator: Radiator, pdg: int, threshold: float) -> None:
    """A particle of mass m shines above p = m / sqrt(n^2 - 1)."""
    assert threshold == pytest.approx(MASSES[pdg] / math.sqrt(radiator.index**2 - 1), abs=1)
    assert radiator.angle(np.array([threshold - 2.0]), MASSES[pdg])[0] == 0
    assert radiator.angle(np.array([threshold + 2.0]), MASSES[pdg])[0] > 0


def test_angle_and_yield_by_hand() -> None:
    """A kaon of 20 GeV has beta = 0.999695; in a gas of n = 1.0014 its cosine is 1 / (n beta)."""
    angle = C4F10.angle(np.array([2e4]), MASSES[321])[0]
    assert math.cos(angle) == pytest.approx(math.hypot(2e4, 493.677) / (1.0014 * 2e4), rel=1e-9)
    middle = np.array([0.1])  # polar angle at which the whole ring is caught
    assert C4F10.yields(np.array([C4F10.saturated]), middle)[0] == pytest.approx(20.4)
    assert C4F10.yields(np.array([angle]), middle)[0] == pytest.approx(20.4 * (math.sin(angle) / math.sin(C4F10.saturated)) ** 2)
    assert C4F10.yields(np.array([0.0]), middle)[0] == 0


def test_share_of_a_circle_against_points_on_it() -> None:
    phi = (np.arange(20_000) + 0.5) / 20_000 * 2 * np.pi
    for distance, circle in stream(0, "circles").uniform(0, 0.2, (20, 2)):
        slow = np.mean(np.hypot(distance + circle * np.cos(phi), circle * np.sin(phi)) < 0.15)
        assert inside(0.15, np.array([distance]), np.array([circle]))[0] == pytest.approx(slow, abs=1e-3)


def test_log_likelihood_against_a_loop_over_photons() -> None:
    rng, n = stream(0, "twin"), 5
    track, angle = rng.integers(0, n, 200), rng.uniform(0.03, 0.07, 200)
    haze, ring, expected = rng.uniform(2e3, 9e3, n), np.full(n, 0.05), rng.uniform(5, 20, n)
    background = 2 * np.pi * angle * haze[track]
    slow = -expected.copy()
    for t, a in zip(track, angle, strict=True):
        gaussian = math.exp(-0.5 * ((a - 0.05) / 1.618e-3) ** 2) / (math.sqrt(2 * math.pi) * 1.618e-3)
        slow[t] += math.log(1 + expected[t] * gaussian / (2 * math.pi * a * haze[t]))
    fast = module._log_likelihood(C4F10, track, angle.astype(np.float32), background, ring, expected.astype(np.float32))
    assert fast == pytest.approx(slow, abs=0.02)  # what lies beyond REACH is left out


@pytest.mark.parametrize(("other", "p"), [("mu", 3e4), ("e", 5e4), ("K", 9.5e4)])
def test_ratio_of_likelihoods_has_mean_one(other: str, p: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of L(other) / L(pion) over pions is 1 for normalised densities; over the others themselves it is larger."""
    monkeypatch.setattr(module, "HAZE_SHAPE", 1e9)

    def departure(pdg: int) -> float:
        ratio = np.exp(Rich((IDEAL,)).simulate(tracks(pdg, p, n=10_000), stream(0, "one")).response[:, DLL[other]].astype(float))
        return float((ratio.mean() - 1) / (ratio.std() / math.sqrt(len(ratio))))

    assert abs(departure(211)) < 4
    assert departure({"e": 11, "mu": 13, "K": 321}[other]) > 8


def test_below_threshold_nothing_is_told() -> None:
    """Pions of 4 GeV make no light in CF4: kaon, proton and no light are the same hypothesis."""
    rich = Rich((replace(CF4, bend=0.0),))
    found = rich.simulate(tracks(211, 4e3), stream(0, "dark")).response
    assert np.all(found[:, [2, 3, 4]] == 0)
    assert np.all(found[:, 0] != 0)


def test_magnet_sweeps_soft_tracks_out() -> None:
    polar = polar_angle(np.full(3, 3.5))
    assert CF4.reach(np.array([3e3, 2e4, 1e5]), polar).round(2).tolist() == [0.0, 1.0, 1.0]
    with_magnet, without = (Rich((r,)).simulate(tracks(11, 3e3, eta=3.5), stream(0, "bent")).response for r in (CF4, replace(CF4, bend=0.0)))
    assert np.all(with_magnet == 0)
    assert without[:, 0].mean() > 1


def test_each_species_is_likeliest_as_itself() -> None:
    """At 6 GeV for electrons and muons, at 20 GeV for the others: the true hypothesis wins by far in most tracks."""
    for pdg, p, column in ((11, 6e3, "e"), (13, 5e3, "mu"), (321, 2e4, "K"), (2212, 2.5e4, "p")):
        found = Rich().simulate(tracks(pdg, p, n_tracks=30.0), stream(0, "own")).response
        assert np.mean(found[:, DLL[column]] > 0) > 0.9
        assert np.mean(found[:, DLL[column]] >= found.max(1)) > 0.75
    pions = Rich().simulate(tracks(211, 2e4, n_tracks=30.0), stream(0, "own")).response
    assert np.mean(pions[:, DLL["K"]] < 0) > 0.9


def test_crowded_events_separate_less() -> None:
    def above(n_tracks: float) -> float:
        given = {pdg: tracks(pdg, 3e4, n=1500, eta=4.0, n_tracks=n_tracks) for pdg in (321, 211)}
        kaons, pions = (Rich().simulate(condition, stream(0, str(pdg))).response[:, 2] for pdg, condition in given.items())
        return float(np.mean(kaons > np.quantile(pions, 0.95)))

    assert above(30.0) > above(150.0) + 0.02 > above(400.0) + 0.04


def test_any_number_of_tracks_and_blocks() -> None:
    rich = Rich()
    assert len(rich.simulate(np.zeros((0, 4)), stream(0, "none"))) == 0
    condition = rich.prior(module.BLOCK + 3, stream(0, "c"))
    assert np.all(rich.simulate(condition, stream(0, "x")).response.std(0) > 0)


def test_background_share_and_species_by_mass() -> None:
    """Beside the peak all tracks are background: kaons so called are pions by two thirds. In the peak nearly none are."""
    calibration = RichCalibration(Rich(momenta=EnergyRange(1.5e4, 2.5e4)), contamination=0.4)
    condition = calibration.prior(20_000, stream(0, "c"))
    mass = condition[:, -1]
    purity = calibration.purity(mass)
    assert purity.mean() == pytest.approx(0.6, abs=0.01)
    events = calibration.simulate(condition, stream(0, "x"))
    kaons, aside = condition[:, 0] == 321, np.abs(mass - 1864.84) > 35
    as_kaon = events.column("eta") < 3.5, events.response[:, DLL["K"]] > 0
    beside, peak = (float(as_kaon[1][as_kaon[0] & kaons & where].mean()) for where in (aside, ~aside & (purity > 0.8)))
    assert beside < 0.35
    assert peak > 0.75
    assert sum(BACKGROUND.values()) == pytest.approx(1)


def test_without_contamination_it_is_the_plain_simulator() -> None:
    pure = RichCalibration(contamination=0.0)
    condition = pure.prior(300, stream(0, "c"))
    assert np.all(pure.purity(condition[:, -1]) == 1)


def test_refusals() -> None:
    with pytest.raises(FacsimError, match="gives no light"):
        replace(CF4, index=1.0)
    with pytest.raises(FacsimError, match="acceptance is empty"):
        replace(CF4, inner=0.2)
    with pytest.raises(FacsimError, match="no radiator"):
        Rich(())
    with pytest.raises(FacsimError, match="'pdg' is outside"):
        Rich().simulate(tracks(22, 2e4, n=1), stream(0, "x"))
    with pytest.raises(FacsimError, match="contamination is a share"):
        RichCalibration(contamination=1.0)
    with pytest.raises(FacsimError, match="no peak"):
        MassPeak(low=1900.0)
