"""The study of particle identification: areas and errors by hand, departures seen, and a short run of every kind of model."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from facsim.core import Events, stream
from facsim.data.splot import smoothed
from facsim.studies.rich_pid import AGAINST_PURE, STUDY
from facsim.studies.rich_pid_models import BLUR, ENTRIES, SCALE, blurred
from facsim.studies.rich_pid_scores import (
    ETA_EDGES,
    P_EDGES,
    Area,
    bins,
    distribution_rows,
    efficiency,
    efficiency_rows,
    microseconds,
    number,
    pulls,
    roc_area,
    separation_rows,
)
from facsim.studies.run import request_for, run_study

pytest.importorskip("sweights", reason="extra splot")
study = import_module("facsim.studies.rich_pid")


@pytest.fixture(scope="module")
def pair() -> tuple[Events, Events]:
    """Two samples of the truth at the same conditions."""
    return study.tested(9000, "truth"), study.tested(9000, "other")


def test_roc_area_against_all_pairs() -> None:
    rng = stream(0, "roc")
    signal, background = rng.normal(1, 1, 60).round(1), rng.normal(0, 1, 80).round(1)
    slow = np.mean([(s > b) + 0.5 * (s == b) for s in signal for b in background])
    assert roc_area(signal, background).value == pytest.approx(slow)
    assert roc_area(background, signal).value == pytest.approx(1 - slow)
    weights = rng.normal(1, 1, 60), rng.normal(1, 1, 80)
    pairs = [w * v * ((s > b) + 0.5 * (s == b)) for s, w in zip(signal, weights[0], strict=True) for b, v in zip(background, weights[1], strict=True)]
    assert roc_area(signal, background, weights=weights).value == pytest.approx(sum(pairs) / (weights[0].sum() * weights[1].sum()))


def test_an_event_of_weight_two_counts_as_two() -> None:
    rng = stream(0, "twice")
    signal, background = rng.normal(1, 1, 50), rng.normal(0, 1, 40)
    twice = rng.integers(1, 3, 50)
    area, repeated = roc_area(signal, background, weights=(twice, np.ones(40))), roc_area(np.repeat(signal, twice), background)
    assert area.value == pytest.approx(repeated.value)
    assert area.error > repeated.error


def test_roc_error_is_the_scatter_of_repeated_samples() -> None:
    rng = stream(0, "scatter")
    found = [roc_area(rng.normal(1.5, 1, 300), rng.normal(0, 2, 200)) for _ in range(400)]
    assert np.mean([f.error for f in found]) == pytest.approx(np.std([f.value for f in found]), rel=0.12)


def test_every_test_track_is_in_one_bin(pair: tuple[Events, Events]) -> None:
    counted = sum(b.inside.astype(int) for b in bins(pair[0]))
    assert np.all(counted[pair[0].column("p") < P_EDGES[-1]] == 1)
    assert len(list(bins(pair[0]))) == (len(P_EDGES) - 1) * (len(ETA_EDGES) - 1)


def test_truth_against_truth_departs_in_few_bins_and_a_shrunk_difference_in_many(pair: tuple[Events, Events]) -> None:
    """Pulls of truth are normal. Kaons a little closer to pions are seen: half of them made pions."""
    truth, other = pair
    share = {r.observable: r for r in separation_rows(other, truth, other) if r.distance == "beyond_2_sigma"}
    assert share["ROC area K/pi"].value == share["ROC area K/pi"].floor <= 0.25
    kaons = np.flatnonzero(other.column("pdg") == 321)[::2]
    response = other.response.copy()
    response[kaons] = other.response[np.flatnonzero(other.column("pdg") == 211)[: len(kaons)]]
    wrong = {r.observable: r.value for r in separation_rows(replace(other, response=response), truth, other) if r.distance == "beyond_2_sigma"}
    assert wrong["ROC area K/pi"] > 0.6
    assert wrong["ROC area p/pi"] < 0.4


def test_shares_are_averaged_over_the_samples() -> None:
    """The second generated sample is pions alone: all its bins depart."""
    truths = [study.tested(6000, f"truth {i}") for i in range(3)]
    pion = truths[2].response[np.flatnonzero(truths[2].column("pdg") == 211)]
    blind = replace(truths[2], response=pion[np.arange(len(truths[2])) % len(pion)])
    rows, first, second = (
        {r.observable: r for r in found if r.distance == "beyond_2_sigma"}
        for found in (
            study.averaged_shares([truths[1], blind], truths),
            separation_rows(truths[1], truths[0], truths[1]),
            separation_rows(blind, truths[1], truths[2]),
        )
    )
    assert second["ROC area K/pi"].value > 0.8
    assert rows["ROC area K/pi"].value == pytest.approx((first["ROC area K/pi"].value + second["ROC area K/pi"].value) / 2)
    assert rows["ROC area K/pi"].floor == pytest.approx((first["ROC area K/pi"].floor + second["ROC area K/pi"].floor) / 2)


def test_pulls_by_hand() -> None:
    one, other = [roc_area(np.array([1.0, 2.0, 0.5]), np.array([0.0, 1.5]))], [roc_area(np.array([1.0, 0.2]), np.array([0.5, 0.0, 0.3]))]
    expected = (one[0].value - other[0].value) / np.sqrt(one[0].error ** 2 + other[0].error ** 2)
    assert pulls(one, other)[0] == pytest.approx(expected)


def test_efficiency_and_distributions(pair: tuple[Events, Events]) -> None:
    truth, other = pair
    shares, errors = efficiency(truth, "K/pi", 321)
    kaons = (truth.column("pdg") == 321) & (truth.column("p") < P_EDGES[1])
    assert shares[0] == pytest.approx((number(truth, "dllK")[kaons] > 0).mean())
    assert errors[0] == pytest.approx(np.sqrt(shares[0] * (1 - shares[0]) / kaons.sum()))
    rows = efficiency_rows(other, truth, other)
    assert len(rows) == 4 * (len(P_EDGES) - 1)
    assert all(r.value == r.floor for r in rows)
    moved = {r.observable: r for r in distribution_rows(replace(other, response=other.response + 3), truth, other)}
    assert all(r.value > r.floor + 4 * r.floor_error for r in moved.values())


def test_blur_is_small_and_splits_equal_numbers(pair: tuple[Events, Events]) -> None:
    truth = pair[0]
    found = blurred(truth, stream(0, "blur"))
    equal = number(truth, "dllK") == number(truth, "dllP")
    assert equal.mean() > 0.2
    assert np.all(number(found, "dllK")[equal] != number(found, "dllP")[equal])
    shift = np.arcsinh(found.response / SCALE) - np.arcsinh(truth.response / SCALE)
    assert shift.std() == pytest.approx(BLUR, rel=0.05)


def test_weights_of_contaminated_training_data() -> None:
    events = study.weighted(8000)
    assert events.weights.min() < 0
    assert events.weights.sum() == pytest.approx(8000, rel=0.05)
    assert [v.name for v in events.variables] == ["pdg", "p", "eta", "n_tracks"]


def test_weighted_tracks_separate_as_pure_ones_do_but_for_smoothed_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the mixture is trained on is right; probabilities from boosted trees leave background under the kaons, and the area is too small."""
    monkeypatch.setattr(study, "QUICK", 60_000)
    mixture = study.training_events("mixture-splot", False)
    assert mixture.weights.min() < 0
    kaons, pions = (study.TRUTH.prior(30_000, stream(0, name)) for name in ("kaons", "pions"))
    kaons[:, 0], pions[:, 0] = 321, 211
    pure = study.TRUTH.simulate(np.concatenate([kaons, pions]), stream(0, "pure"))

    def pull(events: Events) -> float:
        return float(pulls([area(events)], [area(pure)])[0])

    def area(events: Events) -> Area:
        p, pdg = events.column("p"), events.column("pdg")
        one, other = ((p > 18e3) & (p < 50e3) & (pdg == species) for species in (321, 211))
        dll = number(events, "dllK")
        return roc_area(dll[one], dll[other], weights=(events.weights[one], events.weights[other]))

    assert abs(pull(mixture)) < 3
    assert pull(replace(mixture, weight=None)) < -10
    assert pull(smoothed(mixture)) < -5


def test_time_is_that_of_the_process(pair: tuple[Events, Events]) -> None:
    assert microseconds(lambda: pair[0]) >= 0


def test_quick_run_of_a_pure_and_a_contaminated_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few tracks; the pure model is trained for the contaminated one's sake, kept, and taken from disk by the next run."""
    for name, entry in list(ENTRIES.items()):
        monkeypatch.setitem(ENTRIES, name, replace(entry, epochs=(1, 1)))
    monkeypatch.setattr(study, "QUICK", 3000)
    for name, value in (("TEST", 3000), ("TIMED", 500)):
        monkeypatch.setitem(getattr(study, name), False, value)
    said: list[str] = []
    rows = run_study(STUDY, request_for(STUDY, model="energy-distance-splot", say=said.append), tmp_path)
    assert [text for text in said if "seed" in text] == ["rich-pid: energy-distance, seed 0", "rich-pid: energy-distance-splot, seed 0"]
    found = {(r["model"], r["observable"]): r for r in rows}
    assert found["energy-distance-splot", f"beyond_2_sigma of ROC area K/pi, {AGAINST_PURE}"]["bar"] == 0.1
    assert found["energy-distance", "us_per_track of time, one core"]["ours"] > 0
    assert {p.name for p in (tmp_path / "energy-distance").glob("*.png")} == {"differences.png", "efficiency.png", "pulls.png"}
    said.clear()
    run_study(STUDY, request_for(STUDY, model="energy-distance", say=said.append), tmp_path)
    assert all("done already" in text for text in said)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_plan_is_possible(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of each kind is built and takes a few steps."""
    from facsim.studies.rich_pid_models import encoding_for, plan_for
    from facsim.studies.tabular import train_watched

    events, plan = study.tracks(600, "plan"), plan_for(name, full=False, seed=0)
    plan = replace(plan, training=replace(plan.training, epochs=1), batch_size=100)
    surrogate = train_watched(events, plan, lambda trained: {}, encoding_for(study.TRUTH)).surrogate
    assert np.isfinite(surrogate.simulate(events.condition, stream(0, "s")).response).all()
