"""`facsim evaluate` on samples that try it: judged with finite scores and without a warning, or refused with one clear line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from facsim.cli.main import run
from facsim.core import Events, PolarLayers, RegularGrid, Variable
from facsim.data import write
from facsim.evaluation.classifier.two_sample import RECIPES
from facsim.studies.hcal import beside

GRID = RegularGrid((3, 6, 6), (20.0, 10.0, 10.0))
VARIABLES = (Variable("energy", "MeV"),)
N = 160


def sample(seed: int, n: int = N, scale: float = 1.0) -> Events:
    """Showers of a few hits about the axis."""
    rng = np.random.default_rng(seed)
    energy = rng.uniform(100, 1000, (n, 1))
    place = np.stack([rng.integers(0, 3, (n, 8)), *(np.clip(rng.normal(2.5, 1, (n, 8)).round(), 0, 5).astype(int) for _ in "xy")])
    response = np.zeros((n, *GRID.shape))
    np.add.at(response, (np.arange(n)[:, None], *place), scale * energy * rng.gamma(4, 0.02, (n, 8)))
    return Events(energy, response, GRID, VARIABLES)


@pytest.fixture(autouse=True)
def _few_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classifiers score each event once at most: that they can do so more often has tests of its own."""
    monkeypatch.setitem(RECIPES, "fast", replace(RECIPES["fast"], scored=0, scored_on_columns=0, repeats_on_columns=2))


@pytest.fixture(autouse=True)
def _page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page takes most of the time: it is drawn where a test is named after it alone."""
    if "page" not in request.node.name:
        monkeypatch.setattr("facsim.report.write_report", lambda *args, **kwargs: None)


def judge(tmp_path: Path, candidate: Events, truth: Events, *more: str) -> int:
    write(candidate, tmp_path / "candidate.h5")
    write(truth, tmp_path / "truth.h5")
    return run(["evaluate", str(tmp_path / "candidate.h5"), "--truth", str(tmp_path / "truth.h5"), "--out", str(tmp_path / "out"), "--json", *more])


def refused(capsys: pytest.CaptureFixture[str], message: str) -> None:
    """One line on standard error, which holds the message, and nothing on standard output."""
    out, err = capsys.readouterr()
    told = [line for line in err.splitlines() if line.strip()]
    assert len(told) == 1, err
    assert told[0].startswith("facsim: ")
    assert message in told[0]
    assert "bug in facsim" not in err
    assert not out


def card(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one scorecard that was printed; every number in it is finite and nothing else was said."""
    out, err = capsys.readouterr()
    assert not err.strip()
    (found,) = json.loads(out).values()
    assert all(math.isfinite(row[key]) for row in found["rows"] for key in ("value", "error", "floor", "floor_error"))
    return found


def row(found: dict[str, Any], observable: str, distance: str) -> dict[str, Any]:
    return next(r for r in found["rows"] if (r["observable"], r["distance"], r["bin"]) == (observable, distance, "all"))


def excess(r: dict[str, Any]) -> float:
    difference = abs(r["value"] - r["floor"]) if r["signed"] else r["value"] - r["floor"]
    return difference / (math.hypot(r["error"], r["floor_error"]) or 1e-3)


def with_response(events: Events, change: Callable[[np.ndarray], np.ndarray]) -> Events:
    return replace(events, response=change(events.response.copy()))


def silent(events: Events) -> Events:
    return with_response(events, np.zeros_like)


def without_a_layer(events: Events) -> Events:
    return with_response(events, lambda r: r * np.array([1.0, 0.0, 1.0])[:, None, None])


def frozen(events: Events) -> Events:
    """One event and one condition over and over: every feature is constant."""
    return replace(events, response=np.repeat(events.response[:1], len(events), axis=0), condition=np.full((len(events), 1), 500.0))


@pytest.mark.parametrize("few", [0, 1, 49])
def test_few_candidates_are_refused(few: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, sample(1, few), sample(2)) == 1
    refused(capsys, f"too few events to compare: expected 50 or more in each sample (the truth is halved), got {few}")


@pytest.mark.parametrize("few", [1, 98])
def test_few_truth_events_are_refused(few: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, sample(1), sample(2, few)) == 1
    refused(capsys, "too few events to compare")


def test_the_fewest_events_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, sample(1, 50), sample(2, 100)) == 0
    found = card(capsys)
    assert found["about"]["sizes"] == {"reference": 50, "candidate": 50, "floor": 50}
    assert {r["observable"] for r in found["rows"]} >= {"cells", "observables", "features", "total_energy"}


@pytest.mark.parametrize("change", [silent, without_a_layer, frozen])
def test_empty_and_constant_samples_are_judged(change: Callable[[Events], Events], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, change(sample(1)), sample(2)) == 0
    observable, distance = {silent: ("total_energy", "ks"), without_a_layer: ("layer_energy[1]", "ks"), frozen: ("total_energy", "ks")}[change]
    found = row(card(capsys), observable, distance)
    assert excess(found) > 5
    if change is silent:
        assert found["value"] == pytest.approx(1)


@pytest.mark.parametrize("change", [silent, without_a_layer, frozen])
def test_equal_empty_and_constant_samples_lie_at_the_floor(
    change: Callable[[Events], Events], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    constant = change is not without_a_layer
    assert judge(tmp_path, change(sample(2 if constant else 1)), change(sample(2))) == 0
    assert max(map(excess, card(capsys)["rows"])) < 5


def test_unequal_sizes_are_cut_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, sample(1, 75), sample(2, 500)) == 0
    found = card(capsys)
    assert found["about"]["sizes"] == {"reference": 425, "candidate": 75, "floor": 75}
    assert max(map(excess, found["rows"])) < 5


def test_a_page_of_a_silent_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, sample(1), silent(sample(2)), "--recipe", "observables") == 0
    assert excess(row(card(capsys), "total_energy", "ks")) > 5
    page = re.sub(r"data:image[^\"]*", "", (tmp_path / "out" / "report.html").read_text())
    assert "total_energy" in page
    assert not re.search(r"\b(nan|inf)\b", page, re.IGNORECASE)


def test_equal_weights_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, sample(1), sample(2), "--recipe", "observables") == 0
    plain = card(capsys)
    assert judge(tmp_path, replace(sample(1), weight=np.ones(N)), sample(2), "--recipe", "observables") == 0
    assert card(capsys)["rows"] == plain["rows"]


def test_weights_are_used_or_said_not_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Events of twice the energy do not matter where they weigh nothing."""
    mixed = with_response(sample(1, 600), lambda r: r * np.where(np.arange(600) < 300, 1.0, 2.0)[:, None, None, None])
    weight = np.where(np.arange(600) < 300, 1.0, 0.0)
    assert judge(tmp_path, mixed, sample(2, 1200), "--recipe", "observables") == 0
    assert excess(row(card(capsys), "energy_ratio", "mean_difference")) > 5
    assert judge(tmp_path, replace(mixed, weight=weight), sample(2, 1200)) == 0
    found = card(capsys)
    assert excess(row(found, "energy_ratio", "mean_difference")) < 4
    assert "unequal weights" in found["about"]["note"]
    assert "physics (its fits and rates count events)" in found["about"]["note"]
    for observable, distance in (("cells", "auc"), ("observables", "auc"), ("features", "fpd"), ("features", "mmd"), ("features", "density")):
        assert abs(excess(row(found, observable, distance))) < 4
    assert not {"recall", "coverage"} & {r["distance"] for r in found["rows"]}


def test_negative_weights_cancel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tenth too many events of twice the energy, and as many of weight -1."""
    high = with_response(sample(3, 200), lambda r: 2 * r)
    response, condition = (np.concatenate([getattr(e, name) for e in (sample(1, 1000), high, high)]) for name in ("response", "condition"))
    weight = np.repeat([1.0, 1.0, -1.0], [1000, 200, 200])
    candidate = replace(sample(1), response=response, condition=condition, weight=weight)
    assert judge(tmp_path, candidate, sample(2, 3000)) == 0
    found = card(capsys)
    assert excess(row(found, "energy_ratio", "mean_difference")) < 4
    assert not any(r["distance"] == "separation" and r["observable"] == "total_energy" for r in found["rows"])
    assert abs(excess(row(found, "observables", "auc"))) < 4
    assert abs(excess(row(found, "features", "fpd"))) < 4


@pytest.mark.parametrize("weight", [np.zeros(N), -np.ones(N), np.where(np.arange(N) % 2, 1.0, -0.9)], ids=["zero", "negative", "cancelling"])
def test_weights_that_leave_nothing_are_refused(weight: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, replace(sample(1), weight=weight), sample(2)) == 1
    refused(capsys, "the weights of the candidate leave too few events")


@pytest.mark.parametrize("name", ["response", "condition", "weight"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_infinite_values_are_refused(name: str, value: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(replace(sample(1), weight=np.ones(N)), tmp_path / "bad.h5")
    write(sample(2), tmp_path / "truth.h5")
    with h5py.File(tmp_path / "bad.h5", "a") as file:
        data = file[name][()]
        data.reshape(-1)[7] = value
        file[name][...] = data
    for files in (("bad.h5", "truth.h5"), ("truth.h5", "bad.h5")):
        assert run(["evaluate", str(tmp_path / files[0]), "--truth", str(tmp_path / files[1]), "--out", str(tmp_path / "out")]) == 1
        refused(capsys, f"{name} has values that are not finite")


def test_single_empty_events_among_others_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tenth of the events leaves nothing in the detector, in a bad candidate a third."""

    def partly_empty(seed: int, n: int, every: int) -> Events:
        return with_response(sample(seed, n), lambda r: r * (np.arange(n) % every > 0)[:, None, None, None])

    assert judge(tmp_path, partly_empty(1, N, 10), partly_empty(2, N, 10)) == 0
    assert max(map(excess, card(capsys)["rows"])) < 5
    assert judge(tmp_path, partly_empty(1, 600, 3), partly_empty(2, 1200, 10), "--recipe", "observables") == 0
    assert excess(row(card(capsys), "total_energy", "ks")) > 4


def test_one_constant_column_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every event has its whole energy in the first layer: the depth and the other layers never change."""
    flat = [with_response(sample(i), lambda r: r.sum(1, keepdims=True) * np.array([1.0, 0.0, 0.0])[:, None, None]) for i in (1, 2)]
    assert judge(tmp_path, *flat) == 0
    found = card(capsys)
    assert row(found, "depth", "ks")["value"] == 0
    assert max(map(excess, found["rows"])) < 5


@pytest.mark.parametrize("few", [0, 1, 49])
def test_few_training_events_are_refused(few: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(sample(4, few), tmp_path / "train.h5")
    assert judge(tmp_path, sample(1), sample(2), "--train", str(tmp_path / "train.h5")) == 1
    refused(capsys, f"too few events to compare: expected 50 or more in each sample (the truth is halved), got {few}")


def test_training_events_may_be_silent_or_the_candidate_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for train, copied in ((silent(sample(4)), 0.0), (sample(1), 1.0)):
        write(train, tmp_path / "train.h5")
        assert judge(tmp_path, sample(1), sample(2), "--train", str(tmp_path / "train.h5")) == 0
        assert row(card(capsys), "memorisation", "copied")["value"] == copied


def test_weights_of_truth_and_training_events_count_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of truth and training events have twice the energy and weigh nothing."""
    weight = np.where(np.arange(400) < 200, 1.0, 0.0)
    mixed = [replace(with_response(sample(i, 400), lambda r: r * (2 - weight)[:, None, None, None]), weight=weight) for i in (2, 4)]
    write(mixed[1], tmp_path / "train.h5")
    assert judge(tmp_path, sample(1, 400), mixed[0], "--train", str(tmp_path / "train.h5")) == 0
    found = card(capsys)
    for observable, distance in (
        ("total_energy", "ks"),
        ("features", "fpd"),
        ("features", "energy"),
        ("observables", "auc"),
        ("memorisation", "auc"),
    ):
        assert abs(excess(row(found, observable, distance))) < 4, (observable, distance)


def test_too_few_events_of_negative_weight_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weight = np.where(np.arange(N) % 20 == 0, -1.0, 1.0)
    assert judge(tmp_path, replace(sample(1), weight=weight), sample(2)) == 0
    found = card(capsys)
    assert "classifier_cells (negative weights leave fewer than 200 events)" in found["about"]["note"]
    assert not {"cells", "observables", "features"} & {r["observable"] for r in found["rows"]}


@pytest.mark.parametrize("size", [1e30, 3e38])
def test_energies_beyond_all_reason_are_judged_or_refused(size: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def one_wild_event(r: np.ndarray) -> np.ndarray:
        r[7, :, 2, 2] = size
        return r

    if judge(tmp_path, with_response(sample(1), one_wild_event), sample(2)):
        refused(capsys, "too large")
    else:
        assert card(capsys)["rows"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--recipe", "official"], "the detector is not that of any data set of the CaloChallenge"),
        (["--recipe", "official", "--data-set", "2"], "the detector is not that of data set 2: expected 6480 voxels in polar layers"),
        (["--recipe", "official", "--data-set", "5"], "unknown data set of the CaloChallenge '5'"),
        (["--recipe", "fats"], "unknown recipe 'fats'"),
        (["--recipe", "bins,curvs"], "unknown section 'curvs'"),
    ],
)
def test_what_cannot_be_asked_is_refused(more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, sample(1), sample(2), *more) == 1
    refused(capsys, message)


def test_sections_can_be_asked_for_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, sample(1), sample(2), "--recipe", "conditions,curves") == 0
    assert {r["distance"] for r in card(capsys)["rows"]} == {"ks", "mean_departure", "width_departure"}


def test_the_challenges_scale_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    detector = PolarLayers.uniform(45, 16, [4.65 * i for i in range(10)])
    energy = np.random.default_rng(1).uniform(1e3, 1e5, (120, 1))
    response = np.broadcast_to((0.033 / detector.n_cells * energy)[:, :, None, None], (120, *detector.shape))
    visible = Events(energy, response, detector, VARIABLES)
    assert judge(tmp_path, visible, visible, "--recipe", "official") == 1
    refused(capsys, "the truth is not in the scale of data set 2: expected a median E_tot / E_inc of about 1, got 0.033; divide the deposits")


def test_other_conditions_and_detectors_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(tmp_path, replace(sample(1), variables=(Variable("momentum", "MeV"),)), sample(2)) == 1
    refused(capsys, "different condition variables")
    more = beside(sample(2), Variable("x", "mm"), np.zeros((len(sample(2)), 1)))
    assert judge(tmp_path, sample(1), more) == 1
    refused(capsys, f"facsim convert FILE OUT --condition {VARIABLES[0].name} leaves out the others")
    assert judge(tmp_path, replace(sample(1), detector=RegularGrid((3, 6, 6), (20.0, 10.0, 5.0))), sample(2)) == 1
    refused(capsys, "different detectors")


def test_several_candidates_are_ranked_on_one_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = sample(1, 400), sample(3, 400, scale=1.3)
    for name, events in {"good": good, "bad": bad, "truth": sample(2, 800), "train": sample(4, 400)}.items():
        write(events, tmp_path / f"{name}.h5")
    paths = {name: str(tmp_path / f"{name}.h5") for name in ("good", "bad", "truth", "train")}
    assert run(["evaluate", paths["bad"], paths["good"], "--truth", paths["truth"], "--train", paths["train"], "--out", str(tmp_path / "out")]) == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"good.json", "bad.json", "report.html"}
    page = (tmp_path / "out" / "report.html").read_text()
    sections = [page.index(f'id="{anchor}"') for anchor in ("ranking", "failures", "observables", "distinguish", "scorecard")]
    assert sections == sorted(sections)
    ranking = page[sections[0] : sections[1]]
    assert ranking.index("good") < ranking.index("bad")
    for words in ("Memorisation check", "Precision and recall", "output for held-out events", "Response and resolution"):
        assert words in page
    capsys.readouterr()
    assert run(["evaluate", paths["bad"], paths["bad"], "--truth", paths["truth"], "--out", str(tmp_path / "again")]) == 1
    refused(capsys, "given twice")
    assert not (tmp_path / "again").exists()
