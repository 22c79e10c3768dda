"""Tables of the page: scorecards, condition bins, the ranking of candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facsim.evaluation.scorecard import Row, Scorecard
from facsim.report.words import measured

ERRORS = 3.0  # a row this many errors above its floor, or less, is at the floor


@dataclass(frozen=True)
class Cell:
    """One cell of a table; `kind` chooses its look: floor, above or number."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its caption."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def at_floor(row: Row) -> bool:
    """Whether the row lies within 3 errors of its floor."""
    return row.excess <= ERRORS


def verdict(row: Row) -> Cell:
    """A mark and words: colour alone says nothing on a grey print.

    Examples:
        >>> verdict(Row("E", "W1", 0.50, 0.1, 0.05, 0.0)).text
        '▲ above the floor'
    """
    return Cell("✓ at the floor", "floor") if at_floor(row) else Cell("▲ off the floor" if row.signed else "▲ above the floor", "above")


def overall(card: Scorecard) -> list[Row]:
    """The rows over all conditions, furthest above the floor first."""
    return furthest(r for r in card.rows if r.bin == "all")


def furthest(rows: Iterable[Row]) -> list[Row]:
    """The rows furthest from their floor first."""
    return sorted(rows, key=lambda r: -r.excess)


def distinct(rows: Iterable[Row]) -> list[Row]:
    """The row furthest from the floor of each observable, furthest first."""
    first: dict[str, Row] = {}
    for row in furthest(rows):
        first.setdefault(row.observable, row)
    return list(first.values())


def auc_rows(card: Scorecard) -> list[Row]:
    """The classifiers' areas under the ROC curve, over all conditions."""
    return [r for r in overall(card) if "auc" in r.distance.lower() and r.observable != "memorisation"]


def tally(card: Scorecard) -> str:
    """How many rows are at the floor.

    Examples:
        >>> tally(Scorecard((Row("E", "W1", 0.1, 0.1, 0.1, 0.1), Row("E", "KS", 9.0, 0.1, 0.1, 0.1))))
        '1 of 2'
    """
    return f"{sum(map(at_floor, card.rows))} of {len(card.rows)}"


def row_table(rows: Iterable[Row], caption: str) -> Table:
    """Value, floor and verdict of each row."""
    header = ("observable", "distance", "value", "floor", "unit", "bin", "errors from floor", "verdict")
    return Table(caption, header, [_line(r) for r in rows])


def _line(row: Row) -> list[Cell]:
    numbers = [Cell(measured(row.value, row.error), "number"), Cell(measured(row.floor, row.floor_error), "number")]
    tail = [Cell(row.unit), Cell(row.bin), Cell(f"{row.excess:+z.1f}", "number"), verdict(row)]
    return [Cell(row.observable), Cell(row.distance), *numbers, *tail]


def bin_table(card: Scorecard, caption: str) -> Table:
    """A line for each observable and distance, a column for each condition bin: value ± error and the mark."""
    rows = [r for r in card.rows if r.bin != "all"]
    bins = list(dict.fromkeys(r.bin for r in rows))
    lines: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        lines.setdefault((row.observable, row.distance, row.unit), {})[row.bin] = row
    cells = [[*map(Cell, key), *(_bin_cell(found.get(b)) for b in bins)] for key, found in lines.items()]
    return Table(caption, ("observable", "distance", "unit", *bins), cells)


def _bin_cell(row: Row | None) -> Cell:
    if row is None:
        return Cell("—")
    return Cell(f"{measured(row.value, row.error)} {verdict(row).text[0]}", verdict(row).kind)


def ranked(scorecards: Mapping[str, Scorecard]) -> list[str]:
    """Names of the candidates, best first: fewest rows above the floor, then the smallest median of errors above it."""
    return sorted(scorecards, key=lambda name: (share_above(scorecards[name]), median_excess(scorecards[name]), name))


def share_above(card: Scorecard) -> float:
    """Fraction of the rows off the floor; 0 without rows."""
    return 1 - sum(map(at_floor, card.rows)) / len(card.rows) if card.rows else 0.0


def median_excess(card: Scorecard) -> float:
    """Median of the rows' errors above the floor; 0 without rows."""
    return float(np.median([r.excess for r in card.rows] or [0.0]))


def ranking_table(scorecards: Mapping[str, Scorecard], timings: Mapping[str, float]) -> Table:
    """A line for each candidate, best first; `timings` in seconds per event."""
    header = ("rank", "candidate", "classifier AUC", "scores at the floor", "median errors from floor", "worst score", "time per event")
    rows = [_rank_line(i, name, scorecards[name], timings.get(name)) for i, name in enumerate(ranked(scorecards), 1)]
    return Table("Candidates, best first: by the fraction of scores at the floor, then by the median distance from it.", header, rows)


def _rank_line(rank: int, name: str, card: Scorecard, seconds: float | None) -> list[Cell]:
    worst = distinct(card.rows)
    texts = [
        auc_text(card) or "—",
        tally(card),
        f"{median_excess(card):+z.1f}",
        f"{worst[0].observable}, {worst[0].distance} ({worst[0].excess:+z.1f})" if worst else "—",
        "—" if seconds is None else duration(seconds),
    ]
    return [Cell(str(rank), "number"), Cell(name), *map(Cell, texts)]


def auc_text(card: Scorecard) -> str:
    """The largest classifier AUC with its error and floor; empty without one."""
    rows = auc_rows(card)
    largest = max(rows, key=lambda r: r.value, default=None)
    return "" if largest is None else f"{measured(largest.value, largest.error)} (floor {measured(largest.floor, largest.floor_error)})"


def duration(seconds: float) -> str:
    """A time in a readable unit.

    Examples:
        >>> duration(2.7e-4), duration(3.2)
        ('270 µs', '3.2 s')
    """
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
