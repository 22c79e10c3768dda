"""The history of a training: one row for each epoch, in memory and as `log.csv`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facsim.core import FacsimError
from facsim.core.atomic import write_whole

LOG = "log.csv"
GRADIENT = "gradient"  # of an objective: no term


@dataclass
class History:
    """Rows of numbers, one for each finished epoch: epoch (from 1), step (of all), seconds (of training, over all interruptions), then the mean of
    each term over the epoch's steps as `objective/term`, then what validation gave as `validation/name`, then the mean norm of each objective's
    gradient before clipping as `objective/gradient`: where it goes to zero, nothing is learned any more."""

    rows: list[dict[str, float]] = field(default_factory=list)

    def columns(self) -> dict[str, list[float]]:
        """The history by columns, NaN where an epoch has no such number.

        Examples:
            >>> History([{"epoch": 1, "vae/loss": 0.5}, {"epoch": 2, "vae/loss": 0.25}]).columns()
            {'epoch': [1, 2], 'vae/loss': [0.5, 0.25]}
        """
        names = dict.fromkeys(name for row in self.rows for name in row)
        return {name: [row.get(name, math.nan) for row in self.rows] for name in names}

    def terms(self) -> dict[str, list[float]]:
        """The terms of all objectives and what validation gave, by the names behind the slash.

        Examples:
            >>> History([{"epoch": 1, "vae/loss": 0.5, "vae/gradient": 0.1}]).terms()
            {'loss': [0.5]}
        """
        named = {name.partition("/")[2]: values for name, values in self.columns().items()}
        return {name: values for name, values in named.items() if name not in ("", GRADIENT)}

    def write(self, folder: Path) -> None:
        """Replace the folder's log; a reader never sees half of it."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(self.columns()))
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(folder / LOG, text.getvalue().encode())


def read_history(folder: Path) -> dict[str, list[float]]:
    """The columns of the log in a run's folder, NaN where a cell is empty.

    Raises:
        FacsimError: if there is no log, or it is no table of numbers.
    """
    path = folder / LOG
    try:
        with path.open(newline="") as file:
            header, *rows = list(csv.reader(file)) or [[]]
        return {name: [float(row[i] or math.nan) for row in rows] for i, name in enumerate(header)}
    except OSError as error:
        raise FacsimError(f"no log in {folder}", expected=f"the {LOG} of a fit", remedy="check the folder's name") from error
    except (ValueError, IndexError) as error:
        raise FacsimError(f"{path} is no table of numbers: {error}", expected=f"the {LOG} of a fit") from error


@dataclass
class Means:
    """Running means of named numbers; not every number comes in every step."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, names: Sequence[str], values: Sequence[float]) -> None:
        """Count one value of each name."""
        for name, value in zip(names, values, strict=True):
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """The means up to now.

        Examples:
            >>> means = Means()
            >>> means.add(["a", "b"], [1.0, 5.0])
            >>> means.add(["a"], [2.0])
            >>> means.means()
            {'a': 1.5, 'b': 5.0}
        """
        return {name: total / self.counts[name] for name, total in self.sums.items()}


@dataclass
class Stopping:
    """Early stopping: the best value up to now (lower is better) and the epochs since."""

    best: float = math.inf
    stale: int = 0

    def update(self, value: float) -> None:
        """Take in the value of one more epoch; a NaN never improves.

        Examples:
            >>> stopping = Stopping()
            >>> for value in (2.0, 1.0, 1.0, 3.0):
            ...     stopping.update(value)
            >>> stopping
            Stopping(best=1.0, stale=2)
        """
        better = value < self.best
        self.best = value if better else self.best
        self.stale = 0 if better else self.stale + 1


def validation_row(metrics: Mapping[str, float]) -> dict[str, float]:
    """What validation gave, as columns of the history."""
    return {f"validation/{name}": float(value) for name, value in metrics.items()}
