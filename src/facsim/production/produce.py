"""produce(): a production from its plan to its manifest, at once or after any interruption."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from facsim.core import FacsimError
from facsim.production.manifest import NAME, require_same_plan, write_manifest
from facsim.production.plan import Plan, versions
from facsim.production.shards import Build, Record, finished, make_shard
from facsim.production.workers import Workers, in_process

OnShard = Callable[[Record], None]


def produce(
    plan: Plan, build: Build, folder: Path, *, workers: Workers = in_process, resume: bool = False, on_shard: OnShard | None = None
) -> dict[str, Any]:
    """Make all shards of a plan in a folder and write its manifest, which is returned.

    `build` makes the source (in each worker, once), so it must be importable there. With `resume` shards that are whole are kept; the result has
    the same bits as without the interruption, whatever was killed.

    Raises:
        FacsimError: if the folder holds a production and `resume` was not asked for, or another production, or workers are lost again and again,
            or are of another kind than this process.
    """
    _open(folder, plan, resume)
    shards = plan.shards()
    records = [record for shard in shards if (record := finished(folder, shard))]
    whole = {record["file"] for record in records}
    for record in records:
        _tell(on_shard, record)
    for record in workers(partial(make_shard, plan, build, folder=folder), [s for s in shards if s.file not in whole]):
        _require_same_versions(record)
        records.append(record)
        _tell(on_shard, record)
    for left in folder.glob(".*.partial"):  # of killed workers
        left.unlink(missing_ok=True)
    return write_manifest(folder, plan, records)


def _open(folder: Path, plan: Plan, resume: bool) -> None:
    if (folder / NAME).exists():
        if not resume:
            raise FacsimError(f"{folder} holds a production already", remedy="choose another --out, or pass --resume")
        require_same_plan(folder, plan)
        return
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob("shard-*")):
        raise FacsimError(f"{folder} has shards but no manifest", remedy="choose an empty folder")
    write_manifest(folder, plan, [])


def _require_same_versions(record: Record) -> None:
    if record["versions"] != versions():
        what = f"{record['file']} was made by other software or another kind of processor: its last bits may differ"
        raise FacsimError(what, expected=versions(), got=record["versions"], remedy="use workers that are alike")


def _tell(on_shard: OnShard | None, record: Record) -> None:
    if on_shard is not None:
        on_shard(record)
