"""Making one shard: its file, and beside it a record that says that it is whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from facsim.core import Events, FacsimError
from facsim.core.atomic import write_whole
from facsim.data import open_writer
from facsim.production.blocks import BLOCK, Maker, add, content, make_block
from facsim.production.plan import Plan, Shard, versions

Build = Callable[[], Maker]
Record = dict[str, Any]

_MAKERS: dict[str, Maker] = {}  # of this process, by what the plan says of the source


def make_shard(plan: Plan, build: Build, shard: Shard, folder: Path) -> Record:
    """Write a shard and its record; both are there whole or not at all, whenever the process ends.

    Raises:
        FacsimError: if the folder cannot be written.
    """
    maker, path, total = _maker(plan, build), folder / shard.file, 0
    about = {"source": dict(plan.source), "seed": plan.seed, "first": shard.first}
    with open_writer(path, maker.simulator.detector, maker.simulator.variables, about=about) as writer:
        for number in range(shard.first // BLOCK, -(-(shard.first + shard.n) // BLOCK)):
            events = _cut(make_block(maker, plan.seed, number), plan.n - number * BLOCK)
            writer.append(events)
            total = add(total, content(events, number))
    record = {"file": shard.file, "first": shard.first, "n": shard.n, "sha256": _sha256(path), "content": f"{total:064x}", "versions": versions()}
    write_whole(record_path(folder, shard), json.dumps(record).encode())
    return record


def finished(folder: Path, shard: Shard) -> Record | None:
    """The record of a shard that is whole; None if it is to be made (again)."""
    try:
        record: Record = json.loads(record_path(folder, shard).read_text())
        same = (record["file"], record["first"], record["n"]) == (shard.file, shard.first, shard.n)
        return record if same and record["sha256"] == _sha256(folder / shard.file) else None
    except (OSError, ValueError, KeyError, TypeError, FacsimError):
        return None


def record_path(folder: Path, shard: Shard) -> Path:
    """Where the record of a shard is."""
    return folder / f"{shard.file}.json"


def _cut(events: Events, left: int) -> Events:
    return events if left >= len(events) else events[:left]


def _maker(plan: Plan, build: Build) -> Maker:
    key = json.dumps(dict(plan.source), sort_keys=True)
    if key not in _MAKERS:
        _MAKERS[key] = build()
    return _MAKERS[key]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
