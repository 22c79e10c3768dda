"""The zoo: surrogates that ship with facsim."""

from __future__ import annotations

from pathlib import Path

from facsim.core import look_up

ZOO = Path(__file__).parent / "zoo"


def zoo() -> dict[str, Path]:
    """Name and bundle folder of each surrogate that ships with facsim."""
    return {manifest.parent.name: manifest.parent for manifest in sorted(ZOO.glob("*/manifest.json"))}


def zoo_folder(name: str) -> Path:
    """The bundle folder of a zoo surrogate.

    Raises:
        FacsimError: if there is no such surrogate; lists those there are.
    """
    return look_up(zoo(), name, "zoo surrogate")
