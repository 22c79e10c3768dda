"""Surrogates as the command line names them: a run folder, a bundle folder, or zoo:NAME."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facsim.surrogate import Surrogate


def open_surrogate(reference: str) -> Surrogate:
    """The surrogate of a run folder, a bundle folder, or the zoo.

    Raises:
        FacsimError: if there is none.
    """
    from facsim.surrogate import load_bundle

    return load_bundle(surrogate_folder(reference))


def surrogate_folder(reference: str) -> Path:
    """The bundle folder that is meant, whether or not it is there."""
    from facsim.surrogate import bundle_folder, zoo_folder

    name = reference.removeprefix("zoo:")
    return zoo_folder(name) if name != reference else bundle_folder(Path(reference).resolve())
