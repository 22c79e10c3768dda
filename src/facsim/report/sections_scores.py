"""Sections made of scores: ranking, where it fails, scorecards, provenance."""

from __future__ import annotations

import json

from facsim.evaluation.scorecard import Row
from facsim.report import pareto
from facsim.report.comparison import Comparison
from facsim.report.layout import Picture, Section, picture
from facsim.report.sections_figures import observable_picture
from facsim.report.tables import Cell, Table, auc_rows, distinct, overall, ranked, ranking_table, row_table, share_above

WORST = 5


def ranking(c: Comparison) -> Section | None:
    """All candidates in order, and speed against fidelity where times are known."""
    if len(c.candidates) < 2 and "truth" not in c.timings:
        return None
    timed = {name: c.timings[name] for name in c.candidates if name in c.timings}
    pictures = [_pareto(c, timed)] if timed else []
    return Section("ranking", "Ranking", pictures=pictures, tables=[ranking_table(c.scorecards, c.timings)])


def _pareto(c: Comparison, timed: dict[str, float]) -> Picture:
    aucs = {name: max((r.value for r in auc_rows(c.scorecards[name])), default=None) for name in timed}
    known = {name: value for name, value in aucs.items() if value is not None}
    complete = len(known) == len(timed)
    score = known if complete else {name: share_above(c.scorecards[name]) for name in timed}
    label = "classifier AUC (best: 0.5)" if complete else "fraction of scores off the floor"
    figure = pareto.pareto(timed, score, label=label, best=0.5 if complete else 0.0, truth_seconds=c.timings.get("truth"))
    return picture(figure, "Speed against fidelity: best is low and to the right. The dotted line joins candidates that none beats in both.")


def failures(c: Comparison) -> Section:
    """The scores furthest above their floor, with the observables behind them."""
    names = worst_observables(c)
    worst = {name: distinct(c.scorecards[name].rows)[:WORST] for name in ranked(c.scorecards)}
    tables = [row_table(rows, f"{name}: the {len(rows)} observables furthest from the floor, one score each") for name, rows in worst.items()]
    text = "The observables furthest from the floor, in errors, and what they look like, worst first."
    return Section("failures", "Where it fails", text, [observable_picture(c, name) for name in names], tables)


def worst_observables(c: Comparison) -> list[str]:
    """Up to five observables furthest from the floor in any candidate, worst first; only those that can be drawn."""
    rows: list[Row] = distinct([r for card in c.scorecards.values() for r in card.rows])
    return [r.observable for r in rows if r.observable in c.columns or r.observable in c.layered][:WORST]


def scorecard_section(c: Comparison) -> Section:
    """Every row of every scorecard over all conditions."""
    tables = [row_table(overall(card), f"{name}: all {len(overall(card))} scores over all conditions") for name, card in c.scorecards.items()]
    return Section("scorecard", "Scorecard", "Each score beside its floor, furthest from it first.", folded=tables)


def provenance(c: Comparison) -> Section | None:
    """What each scorecard says of its making."""
    tables = [
        Table(f"{name}: what was compared", ("key", "value"), [[Cell(str(k)), Cell(_plain(v))] for k, v in card.about.items() if v != ""])
        for name, card in c.scorecards.items()
    ]
    filled = [t for t in tables if t.rows]
    return Section("provenance", "Provenance", tables=filled) if filled else None


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_plain(v)}" for k, v in value.items())
    return value if isinstance(value, str) else json.dumps(value, default=str)
