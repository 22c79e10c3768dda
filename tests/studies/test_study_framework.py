"""Summaries of studies: means over seeds, bars that every seed must meet, files written whole."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from facsim.core import FacsimError
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.report.study_curves import epoch_curves
from facsim.studies.run import replace_file, request_for, run_study
from facsim.studies.study import Expected, Outcome, Request, Study, Trial
from facsim.studies.summary import average, summarise
from facsim.studies.table import STUDIES


def row(value: float, error: float = 0.01, distance: str = "kl") -> Row:
    return Row("x", distance, value, error, 0.1, 0.0, bin="all")


def study(values: dict[str, list[float]], bar: float | None = 0.5) -> tuple[Study, Outcome]:
    trials = tuple(
        Trial(model, seed, (row(v),), {"all": {"KL": [1.0, v], "mean": [0.0, 1.0], "truth mean": [2.0, 2.0]}})
        for model, found in values.items()
        for seed, v in enumerate(found)
    )
    outcome = Outcome(trials, {"width": 1}, {"printed": "2 of 1000 epochs"})
    expected = (Expected("printed", "kl", "x", "all", published=0.7), Expected("ours", "kl", "x", "all", bar=bar))
    return Study("toy", "nobody", "nothing", {"printed": "theirs", "ours": "ours"}, expected, "", lambda request: outcome), outcome


def test_error_is_the_spread_over_seeds_or_that_of_the_estimates_whichever_is_larger() -> None:
    """By hand: 1, 2, 3 have deviation 1, over the root of 3; equal values leave 0.06 over the root of 3."""
    assert average([row(v) for v in (1.0, 2.0, 3.0)]).error == pytest.approx(1 / math.sqrt(3))
    assert average([row(1.0, 0.06)] * 3).error == pytest.approx(0.06 / math.sqrt(3))
    assert average([row(1.0, 0.06)]).error == 0.06


def test_different_scores_are_not_averaged() -> None:
    with pytest.raises(FacsimError, match="cannot be averaged"):
        average([row(1.0), row(1.0, distance="ks")])


def test_one_bad_seed_misses_the_bar_although_the_mean_meets_it() -> None:
    made, outcome = study({"ours": [0.1, 0.1, 0.6]})
    (found,) = summarise(made, outcome)
    assert found["ours"] == pytest.approx(0.8 / 3)
    assert found["met"] is False
    assert found["values"] == [0.1, 0.1, 0.6]


def test_a_negative_departure_counts_by_its_size() -> None:
    assert summarise(*study({"ours": [-0.4]}))[0]["met"] is True
    assert summarise(*study({"ours": [-0.6]}))[0]["met"] is False


def test_a_number_without_a_bar_is_neither_met_nor_missed_and_says_how_it_was_trained() -> None:
    published, ours = summarise(*study({"printed": [0.9], "ours": [0.1]}))
    assert (published["published"], published["bar"], published["met"]) == (0.7, None, None)
    assert published["note"] == "2 of 1000 epochs"
    assert (ours["published"], ours["met"]) == (None, True)


def test_a_score_that_was_promised_and_not_made_is_an_error() -> None:
    made, _ = study({})
    with pytest.raises(FacsimError, match="no kl of x"):
        summarise(made, Outcome((Trial("ours", 0, (row(1.0, distance="ks"),)),), {}))


def test_a_run_writes_every_file(tmp_path: Path) -> None:
    made, _ = study({"printed": [0.9, 0.8], "ours": [0.1, 0.2]})
    rows = run_study(made, request_for(made), tmp_path / "out")
    out = tmp_path / "out"
    assert json.loads((out / "summary.json").read_text()) == rows
    assert Scorecard.from_json((out / "ours" / "scorecard.json").read_text()).find("x", "kl").value == pytest.approx(0.15)
    about = json.loads((out / "about.json").read_text())
    assert (about["mode"], about["truth"], len(about["trials"])) == ("quick", {"width": 1}, 4)
    assert (out / "curves-all.png").read_bytes().startswith(b"\x89PNG")
    assert not list(out.glob(".*"))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    replace_file(path, b"old")
    with pytest.raises(TypeError):
        replace_file(path, "text is no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_requests() -> None:
    made, _ = study({})
    assert request_for(made) == Request(("printed", "ours"), (0,), False)
    assert request_for(made, model="ours", full=True, seed=5).seeds == (5, 6, 7)
    with pytest.raises(FacsimError, match="did you mean 'ours'"):
        request_for(made, model="our")


FIGURES_ALONE = {
    "airshower-patterns",
    "airshower-refinement",
    "lhcb-ecal",
    "lcd-ecal",
    "hcal-single-track",
    "hcal-refinement",
    "hcal-direct",
    "airshower-reconstruction",
}  # studies whose source prints no number for what is compared


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_a_bar_and_a_published_number_and_models_that_it_knows(name: str) -> None:
    made = STUDIES[name]
    assert made.name == name
    assert {e.model for e in made.expected} == set(made.models)
    assert any(e.bar is not None for e in made.expected)
    assert any(e.published is not None for e in made.expected) or name in FIGURES_ALONE
    assert len({(e.model, e.label) for e in made.expected}) == len(made.expected)


def test_curves_have_a_panel_for_each_quantity_and_the_truth_as_a_line() -> None:
    slow = {"KL": [4.0, 2.0, 1.0, 0.5], "mean": [0.0, 1.0, 2.0, 3.0], "truth mean": [2.5] * 4}
    fast = {"KL": [0.5, 0.1], "mean": [2.0, 2.5], "truth mean": [2.5] * 2}
    left, right = epoch_curves([("slow", slow), ("fast", fast)]).axes
    assert (left.get_title(), left.get_yscale(), right.get_title(), right.get_yscale()) == ("KL", "log", "mean", "linear")
    lines = [list(line.get_ydata()) for line in right.get_lines()]
    assert lines[:2] == [slow["mean"], fast["mean"]]
    assert lines[2] == [2.5, 2.5]
    assert list(right.get_lines()[1].get_xdata()) == [0.5, 1.0]
