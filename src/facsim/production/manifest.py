"""The manifest of a production: its plan, and when it is complete, its shards with their checksums."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facsim.core import FacsimError
from facsim.core.atomic import write_whole
from facsim.production.blocks import add
from facsim.production.plan import Plan, Shard
from facsim.production.shards import Record, finished
from facsim.surrogate import revision

NAME = "manifest.json"
VERSION = 1


def write_manifest(folder: Path, plan: Plan, records: Sequence[Record]) -> dict[str, Any]:
    """Write the manifest; the production is complete when all its shards are there."""
    manifest = {
        "format": "facsim-production",
        "version": VERSION,
        "plan": plan.describe(),
        "made_with": {"revision": revision(), "python": platform.python_version(), "machine": platform.machine()},
        "complete": len(records) == len(plan.shards()),
        "events": sum(r["n"] for r in records),
        "content": f"{add(*(int(r['content'], 16) for r in records)):064x}",
        "shards": sorted(records, key=lambda r: int(r["first"])),
    }
    write_whole(folder / NAME, json.dumps(manifest, indent=1).encode())
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a production's folder.

    Raises:
        FacsimError: if there is none.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / NAME).read_text())
    except (OSError, ValueError) as error:
        raise FacsimError(f"{folder} is no production", expected=f"a folder with {NAME}", got=error) from error
    if manifest.get("format") != "facsim-production":
        raise FacsimError(f"{folder} is no production", expected="facsim-production", got=manifest.get("format"))
    return manifest


def require_same_plan(folder: Path, plan: Plan) -> None:
    """Raise if the folder holds another production, of which no event may be mixed with this one's."""
    told, asked = read_manifest(folder)["plan"], json.loads(json.dumps(plan.describe()))
    for key in asked:
        if told.get(key) != asked[key]:
            raise FacsimError(
                f"{folder} holds another production: {key} differs", expected=told.get(key), got=asked[key], remedy="choose another --out"
            )


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a complete production, every file of which has its checksum.

    Raises:
        FacsimError: if the production is not complete, an event is missing or there twice, or a file has changed.
    """
    manifest = read_manifest(folder)
    after = 0
    for number, told in enumerate(manifest["shards"]):
        shard = Shard(number, after, told["n"])
        if finished(folder, shard) != told:
            raise FacsimError(f"shard {shard.file} of {folder} is not as it was made", remedy="run the production again with --resume")
        after += told["n"]
    if after != manifest["plan"]["n"] or not manifest["complete"]:
        raise FacsimError(f"the production {folder} is not complete", expected=manifest["plan"]["n"], got=after, remedy="run it again with --resume")
    return manifest
