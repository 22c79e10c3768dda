"""Observables of arrays of stations, by hand; and a whole evaluation of such events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facsim.core import Events, StationArray, Variable
from facsim.evaluation.evaluate import evaluate
from facsim.evaluation.observables import features
from facsim.report.page import write_report
from facsim.simulators import VerticalShowers, airshower, airshower_vertical

TRACED = StationArray(bins=4, timed=True)


def of(response: np.ndarray, array: StationArray) -> dict[str, float]:
    events = Events(np.zeros((1, 0)), response[None], array, ())
    matrix, names = features(events)
    return dict(zip(names, matrix[0].tolist(), strict=True))


def test_signals_by_hand() -> None:
    """Hottest in the middle, two nearest neighbours on one side, one station 3 km to the left."""
    response = np.zeros((9, 9))
    response[4, 4], response[4, 5], response[5, 4], response[4, 2] = 0.95e7, 300.0, 100.0, 20.0
    found = of(response, StationArray())
    assert found["total_signal"] == pytest.approx(0.95e7 + 420)
    assert found["outer_signal"] == pytest.approx(420, abs=1)
    assert (found["stations"], found["saturated_stations"]) == (4, 1)
    assert found["lateral_signal[0.5-1.1]"] == pytest.approx(400 / 6)  # six stations at one spacing
    assert found["lateral_signal[1.8-2.3]"] == pytest.approx(20 / 6)  # six at two
    weights = np.sqrt([0.95e7, 300.0, 100.0, 20.0])
    assert found["barycentre_x"] == pytest.approx(weights @ [0, 1.5e6, 0.75e6, -3e6] / weights.sum())
    x, y = np.log10([1, 1, 2]), np.log10([300, 100, 20])
    assert found["lateral_slope"] == pytest.approx(np.polyfit(x, y, 1)[0])


def test_traces_by_hand() -> None:
    """Bins of 25 ns with middles 12.5, 37.5, 62.5, 87.5."""
    response = np.zeros(TRACED.shape)
    response[4, 4] = [0, 30, 60, 10, 40_010.0]
    response[4, 5] = [5, 5, 0, 0, 40_050.0]
    found = of(response, TRACED)
    mean = (30 * 37.5 + 60 * 62.5 + 10 * 87.5) / 100
    assert found["trace_mean[1]"] == pytest.approx(mean)
    assert found["trace_mean[2]"] == pytest.approx(25.0)
    assert found["trace_mean[3]"] == 0
    assert found["trace_width[2]"] == pytest.approx(12.5)
    assert found["rise_time[1]"] == 25.0  # 10 % is passed in bin 1, 50 % in bin 2
    assert found["arrival_spread"] == pytest.approx(20.0)


def test_an_event_without_trigger_is_zero_everywhere() -> None:
    assert set(of(np.zeros(TRACED.shape), TRACED).values()) == {0.0}


def test_no_observable_of_calorimeters_is_given_to_an_array() -> None:
    assert "total_energy" not in of(np.ones((9, 9)), StationArray())


def test_an_evaluation_finds_a_planted_defect() -> None:
    """Muons and electromagnetic particles exchanged: the signal outside of the hottest station tells."""
    right, wrong = (airshower_vertical(traces=False, muon_fraction=f) for f in (0.3, 0.7))
    rng = np.random.default_rng(0)
    condition = right.prior(300, rng)
    truth, good, bad = (s.simulate(condition, rng) for s in (right, right, wrong))
    cards = [evaluate(candidate, truth, recipe=["observables", "bins"]) for candidate in (good, bad)]
    rows = [card.find("outer_signal", "mean_difference") for card in cards]
    assert abs(rows[0].value) < 0.05
    assert rows[1].value > 0.15


def test_traces_tell_the_kinds_apart() -> None:
    """Muons come first: with more of them the traces of the hottest stations are earlier and rise faster."""
    condition = np.full((200, 1), 50e12)
    means = [features(s.simulate(condition, np.random.default_rng(0)), ["trace_mean"])[0].mean(0) for s in map(vertical, (0.3, 0.7))]
    assert (means[1] < 0.95 * means[0]).all()
    assert (means[1][1:] < 0.9 * means[0][1:]).all()


def vertical(muon_fraction: float) -> VerticalShowers:
    return airshower_vertical(muon_fraction=muon_fraction)


def test_a_report_is_made(tmp_path: Path) -> None:
    showers = airshower(times=True, traces=False)
    rng = np.random.default_rng(0)
    truth, other = (showers.simulate(showers.prior(200, rng), rng) for _ in range(2))
    assert truth.variables[0] == Variable("energy", "MeV", *(getattr(showers.energies, end) for end in ("low", "high")))
    write_report(tmp_path / "page.html", truth, {"other": other}, {"other": evaluate(other, truth, recipe="observables")})
    assert "lateral_slope" in (tmp_path / "page.html").read_text()
