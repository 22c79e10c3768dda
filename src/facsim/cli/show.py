"""What commands print: tables and JSON on standard output, progress on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from facsim.evaluation.scorecard import Scorecard
    from facsim.training import Progress as Training

WIDE = 160  # columns where the output is no terminal


def console(error: bool = False) -> Console:
    """A console on standard output or error; wide where it is no terminal, so that files are not cut."""
    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDE, highlight=False)


def say(text: str) -> None:
    """A line for the user, beside the output."""
    console(error=True).print(text, markup=False)


def show_json(document: Any) -> None:
    """One JSON document on standard output and nothing else."""
    print(json.dumps(document, indent=1, allow_nan=False))


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """A table on standard output; columns named in `right` are aligned to the right."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))  # names such as hits[x] are no markup
    console().print(table)


def show_scorecard(scorecard: Scorecard, title: str, most: int = 40) -> None:
    """The rows over all conditions, those furthest above their floor first."""
    rows = sorted((r for r in scorecard.rows if r.bin == "all"), key=lambda r: -r.excess)
    cells = [(r.observable, r.distance, f"{r.value:.4g} ± {r.error:.2g}", f"{r.floor:.4g} ± {r.floor_error:.2g}", f"{r.excess:+.1f}") for r in rows]
    show_table(title, ("observable", "distance", "value", "floor", "errors above"), cells[:most], right=("value", "floor", "errors above"))
    if len(cells) > most:
        say(f"{len(cells) - most} more rows, nearer to their floor, are in the scorecard")


@contextmanager
def training_bar() -> Iterator[Callable[[Training], None]]:
    """A progress bar of a training on standard error: call it with each Progress."""
    columns = (TextColumn("epoch {task.fields[epoch]}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[losses]}"))
    with Progress(*columns, console=console(error=True), transient=False, refresh_per_second=4) as bar:
        task = bar.add_task("fit", epoch="1", losses="")

        def update(now: Training) -> None:
            losses = "  ".join(f"{name} {loss:.4g}" for name, loss in now.losses.items())
            bar.update(task, total=now.steps, completed=now.step, epoch=f"{now.epoch}/{now.epochs}", losses=losses)

        yield update


@contextmanager
def counting_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar that counts events on standard error."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(error=True), refresh_per_second=4) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)
