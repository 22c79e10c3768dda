"""Tables: order, verdicts in words, ranks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from facsim.core import FacsimError
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.report import tables, words

FINE = Row("width", "ks", 0.11, 0.01, 0.10, 0.0)
BAD = Row("total_energy", "ks", 0.20, 0.01, 0.10, 0.0)
BIASED = Row("total_energy", "mean_difference", -0.5, 0.01, 0.0, 0.0, signed=True)


def test_rows_furthest_from_the_floor_come_first() -> None:
    assert tables.overall(Scorecard((FINE, BAD, BIASED))) == [BIASED, BAD, FINE]


def test_verdicts_are_words() -> None:
    assert [tables.verdict(r).text for r in (FINE, BAD, BIASED)] == ["✓ at the floor", "▲ above the floor", "▲ off the floor"]
    assert [tables.verdict(r).kind for r in (FINE, BAD)] == ["floor", "above"]


def test_three_errors_are_still_at_the_floor() -> None:
    assert tables.at_floor(Row("E", "ks", 3.0, 1.0, 0.0, 0.0))
    assert not tables.at_floor(Row("E", "ks", 3.1, 1.0, 0.0, 0.0))


def test_tally_counts_rows_at_the_floor() -> None:
    card = Scorecard((FINE, BAD))
    assert tables.tally(card) == "1 of 2"
    assert tables.share_above(card) == 0.5


def test_each_observable_fails_once() -> None:
    assert tables.distinct((FINE, BAD, BIASED)) == [BIASED, FINE]


def test_bins_are_columns() -> None:
    rows = (replace(BAD, bin="low"), replace(BAD, bin="high"), replace(FINE, bin="high"), FINE)
    table = tables.bin_table(Scorecard(rows), "")
    assert list(table.header) == ["observable", "distance", "unit", "low", "high"]
    assert [[c.text for c in line] for line in table.rows] == [
        ["total_energy", "ks", "1", "0.200 ± 0.010 ▲", "0.200 ± 0.010 ▲"],
        ["width", "ks", "1", "—", "0.110 ± 0.010 ✓"],
    ]


def test_ranks_follow_the_share_at_the_floor() -> None:
    cards = {"bad": Scorecard((BAD, FINE)), "good": Scorecard((FINE, FINE)), "worst": Scorecard((BAD, BIASED))}
    assert tables.ranked(cards) == ["good", "bad", "worst"]
    lines = tables.ranking_table(cards, {"good": 2e-3}).rows
    assert [c.text for c in lines[0]][:2] == ["1", "good"]
    assert lines[0][-1].text == "2 ms"
    assert lines[1][-1].text == "—"


def test_memorisation_is_no_classifier_of_truth_against_candidate() -> None:
    auc = Row("cells", "auc", 0.6, 0.01, 0.5, 0.01)
    assert tables.auc_rows(Scorecard((auc, replace(auc, observable="memorisation", value=0.9), BAD))) == [auc]
    assert tables.auc_text(Scorecard((auc,))) == "0.600 ± 0.010 (floor 0.500 ± 0.010)"
    assert tables.auc_text(Scorecard((BAD,))) == ""


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (999.0, "MeV", "999 MeV"),
        (1000.0, "MeV", "1 GeV"),
        (-2500.0, "mm", "-2.5 m"),
        (0.0, "MeV", "0 MeV"),
        (211.0, "1", "211"),
        (2.5e6, "MeV", "2.5 TeV"),
    ],
)
def test_quantities_are_told_in_readable_units(value: float, unit: str, text: str) -> None:
    assert words.quantity(value, unit) == text


def test_scores_without_an_error_are_told_without_one() -> None:
    assert words.measured(0.25, 0.0) == "0.25"
    with pytest.raises(FacsimError):
        Scorecard((Row("E", "ks", float("nan"), 0.0, 0.0, 0.0),))
