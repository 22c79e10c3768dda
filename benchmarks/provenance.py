"""What a benchmark says of its making: revision, seed, time, load; and how it caps samples."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from facsim.core import stream
from facsim.core.events import Array, Events


class Clock:
    """CPU and wall time since it was made, and the revision then."""

    def __init__(self) -> None:
        self.revision = revision()
        self.wall, self.cpu = time.time(), time.process_time()

    def told(self) -> dict[str, float]:
        """Seconds so far and the machine's load."""
        return {
            "wall_seconds": round(time.time() - self.wall, 1),
            "cpu_seconds": round(time.process_time() - self.cpu, 1),
            "load_1min": round(os.getloadavg()[0], 2),
        }


USED = ("src/facsim/core", "src/facsim/data", "src/facsim/evaluation", "benchmarks")  # what a benchmark of the evaluation depends on


def revision() -> str:
    """The git revision of the project, marked `+changes` if files that a benchmark depends on differ from it."""
    changed = _git("status", "--porcelain", "--", *USED)
    return _git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def about(seed: int, clock: Clock, **more: Any) -> dict[str, Any]:
    """Revision (when the run began), seed, date and times, with what else there is to tell."""
    return {"revision": clock.revision, "seed": seed, "date": datetime.now(UTC).strftime("%Y-%m-%d"), **clock.told(), **more}


def capped(events: Events, most: int, seed: int) -> Events:
    """At most so many random events, in their order."""
    return events if len(events) <= most else events[_sorted(stream(seed, "cap").permutation(len(events))[:most])]


def _sorted(index: Array) -> Array:
    index.sort()
    return index


def save(folder: Path, name: str, document: dict[str, Any], text: Iterable[str]) -> None:
    """Write name.json and name.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    (folder / f"{name}.md").write_text("\n".join(text) + "\n")


def table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows)]


def grouped(keys: Iterable[Any], of: Callable[[Any], str]) -> dict[str, list[Any]]:
    """Things by name, in the order in which names first appear."""
    found: dict[str, list[Any]] = {}
    for key in keys:
        found.setdefault(of(key), []).append(key)
    return found
