"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from facsim.core.errors import FacsimError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, bring it to disk, then give it its name; after a failure or a crash the older file is there.

    Raises:
        FacsimError: if it cannot be written; nothing half-written remains.
    """
    beside = path.with_name(f".{path.name}.partial")  # one name, so that what a killed process left is written over
    try:
        beside.write_bytes(content)
        flush(beside)
        beside.replace(path)
        with suppress(PermissionError):  # Windows opens no folders
            flush(path.parent)
    except OSError as error:
        remedy = "check the folder and its free space; nothing half-written remains"
        raise FacsimError(f"cannot write {path}", got=error.strerror or error, remedy=remedy) from error
    finally:
        beside.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
