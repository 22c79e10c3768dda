"""The studies of one number: what is measured is right, what must extrapolate does, and a short training learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facsim.core import Events, stream
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row
from facsim.simulators import Gaussian, TrackSmearing
from facsim.studies import conditional_gaussian, tabular, toy_distributions, track_smearing
from facsim.studies.run import request_for
from facsim.studies.study import Request
from facsim.studies.summary import summarise
from facsim.studies.tabular import AS_IT_IS, UNSEEN, compare, encoded, fwhm, kernel_divergence, quantities, train_watched
from facsim.studies.workflow import Plan
from facsim.surrogate import Surrogate, load_bundle, save_bundle
from facsim.training import Settings

FWHM = 2 * np.sqrt(2 * np.log(2))  # of a Gaussian, in standard deviations


def normal(width: float, name: str, n: int = 100_000) -> Array:
    return stream(0, name).normal(0.0, width, n)


def test_fwhm_of_a_gaussian_and_its_bias() -> None:
    """50 bins over +-2.576 deviations: bins and kernel add (1 + 1/12) bin widths squared to the variance, 0.6 % of the width."""
    step = 2 * 2.576 / 50
    widened = FWHM * np.sqrt(1 + (1 + 1 / 12) * step**2)
    assert fwhm(normal(3.0, "a")) == pytest.approx(3.0 * widened, rel=0.015)
    assert np.mean([fwhm(normal(3.0, f"a{i}")) for i in range(8)]) == pytest.approx(3.0 * widened, rel=0.006)


def test_a_width_wrong_by_a_tenth_is_seen_as_such_and_the_floor_is_none() -> None:
    """The bias is the same length in both, so that 10 % of the width come out as 10 % to a part in a hundred."""
    (row,) = compare("x", ["fwhm_difference"], "all", lambda i: normal(1.1, f"c{i}"), lambda i: normal(1.0, f"t{i}"), repeats=6)
    assert row.value == pytest.approx(0.1, abs=4 * row.error + 0.001)
    assert abs(row.floor) < 4 * row.floor_error
    assert 0 < row.error < 0.01


def test_quantities_by_hand() -> None:
    """A fair coin of -1 and +1 has mean 0 and excess kurtosis -2; truth against itself has no KL."""
    coin = np.tile([-1.0, 1.0], 500)
    found = quantities(coin, coin)
    assert (found["KL"], found["mean"], found["kurtosis"]) == pytest.approx((0.0, 0.0, -2.0))
    assert found["truth mean"] == found["mean"]


def shifted(recipe: list[tuple[str, dict[str, int]]], encode: dict[str, float]) -> Surrogate:
    """A flow trained at means 0 and 10 for a moment."""
    truth = Gaussian(mean_low=0.0, mean_high=100.0)
    events = truth.simulate(np.resize([0.0, 10.0], (2000, 1)), stream(0, "t"))
    settings = Settings(epochs=3, learning_rate=3e-3, device="cpu")
    plan = Plan(model="flow", settings=conditional_gaussian.FLOW, response=recipe, batch_size=100, training=settings)
    return train_watched(events, plan, lambda surrogate: {}, encoded(encode)).surrogate


def test_a_shifted_flow_is_the_same_at_every_mean_and_a_plain_one_is_not(tmp_path: Path) -> None:
    def response(surrogate: Surrogate, mean: float) -> Array:
        events = surrogate.simulate(np.full((500, 1), mean), stream(1, "s"), extrapolate=True)
        return events.response[:, 0] - mean

    ours = shifted([("Shift", {"column": 0}), ("Standardise", {})], UNSEEN)
    assert np.allclose(response(ours, 5.0), response(ours, 200.0), atol=1e-4)
    save_bundle(ours, tmp_path / "bundle")
    assert np.array_equal(response(load_bundle(tmp_path / "bundle"), 200.0), response(ours, 200.0))
    plain = shifted([("Standardise", {})], AS_IT_IS)
    assert not np.allclose(response(plain, 5.0), response(plain, 200.0), atol=1.0)


def test_kl_falls_in_a_short_training() -> None:
    made = toy_distributions.STUDY
    outcome = made.run(request_for(made, model="flow"))
    for group in ("gaussian", "beta"):
        kl = outcome.trials[0].curves[group]["KL"]
        assert len(kl) == toy_distributions.FLOW_EPOCHS["quick"]
        assert min(kl) < 0.02
    assert all(row["ours"] < 0.03 and row["floor"] < 0.02 for row in summarise(made, outcome))


def test_printed_networks_train_and_say_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(toy_distributions.GAME_EPOCHS, "quick", 4)
    monkeypatch.setitem(toy_distributions.REPEATS, "quick", 2)
    models = tuple(toy_distributions.GAMES)
    outcome = toy_distributions.run(Request(models, (0,), False))
    rows = summarise(toy_distributions.STUDY, outcome)
    histograms = [row for row in rows if row["observable"].startswith("kl of")]
    assert [row["model"] for row in histograms] == [m for m in models for _ in toy_distributions.PUBLISHED[m]]
    assert all(row["note"].startswith("4 of the 1000 published epochs") and row["met"] is None for row in rows)
    assert all(row["published"] > 0 for row in histograms)


def test_kernel_and_histogram_estimates_agree_on_two_gaussians() -> None:
    """KL of N(0, 1) from N(1, 1) is 1/2; of N(0, 1) from N(0, 2): ln 2 + 1/8 - 1/2. The kernel widens both by Scott's 2 %."""
    truth = normal(1.0, "t", 10_000)
    for candidate, expected in ((normal(1.0, "c", 10_000) + 1, 0.5), (normal(2.0, "c", 10_000), np.log(2) + 1 / 8 - 1 / 2)):
        assert kernel_divergence(candidate, truth) == pytest.approx(expected, rel=0.1)
    assert kernel_divergence(normal(1.0, "o", 10_000), truth) < 0.01


def test_a_constant_or_a_distant_sample_has_a_finite_kernel_divergence() -> None:
    """A planted collapse: q against the floor of 1e-6 of its maximum cannot exceed ln 1e6."""
    for candidate in (np.zeros(1000), np.full(1000, 50.0)):
        assert 3 < kernel_divergence(candidate, normal(1.0, "t", 1000)) <= np.log(1e6)


def test_a_long_training_is_watched_a_hundred_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular, "POINTS", 3)
    events = Gaussian().simulate(np.zeros((64, 1)), stream(0, "t"))
    plan = Plan(model="flow", settings=conditional_gaussian.FLOW, response=[], batch_size=64, training=Settings(epochs=7, device="cpu"))
    trained = train_watched(events, plan, lambda surrogate: {"KL": 1.0})
    assert trained.curves == {"KL": [1.0, 1.0, 1.0]}  # after epochs 2, 4 and 6


def test_both_targets_give_one_difference() -> None:
    """pT(true) - pT(measured) of the normalised target is that of the plain one, with the same random numbers."""
    plain, scaled = TrackSmearing(target="difference"), TrackSmearing(target="normalised")
    condition = plain.prior(1000, stream(0, "c"))
    found: list[Events] = [s.simulate(condition, stream(0, "r")) for s in (plain, scaled)]
    np.testing.assert_allclose(track_smearing.difference(found[1]), track_smearing.difference(found[0]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(track_smearing.normalised(found[0]), found[1].response[:, 0], rtol=1e-4, atol=1e-5)


def test_electrons_have_their_energy_and_lie_in_the_slice_on_both_sides() -> None:
    condition = track_smearing.electrons(500.0, (1.5, 1.7), 10_000, stream(0, "e")).astype(np.float64)
    eta, _, pt = condition.T
    np.testing.assert_allclose(np.hypot(pt * np.cosh(eta), 0.51099895), 500.0, rtol=1e-5)
    assert np.abs(eta).min() >= 1.5
    assert np.abs(eta).max() <= 1.7
    assert abs(np.mean(eta > 0) - 0.5) < 0.02
    assert np.mean(np.tanh(np.abs(eta)) < (np.tanh(1.5) + np.tanh(1.7)) / 2) == pytest.approx(0.5, abs=0.02)


def test_a_short_training_learns_the_smearing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track_smearing, "SLICE", 10_000)
    rows = summarise(track_smearing.STUDY, track_smearing.run(Request(("gan-dp", "flow"), (0,), False)))
    found = {(row["model"], row["observable"]): row["ours"] for row in rows}
    assert found["flow", "kl of normalised, all"] < 0.05
    assert all(abs(value) < 0.3 for (model, name), value in found.items() if model == "flow" and "fwhm" in name)


def test_the_largest_departure_is_a_magnitude_and_ignores_other_means() -> None:
    """A planted defect: seeds whose largest departures have opposite signs must not cancel; nor is mean 200 one of the training."""
    found = [Row("x", "width_difference", v, 0.01, 0.0, 0.01, bin=f"mean {m}", signed=True) for m, v in ((0, 0.01), (5, -0.09), (200, 5.0))]
    assert conditional_gaussian._worst(found, "width_difference").value == 0.09
