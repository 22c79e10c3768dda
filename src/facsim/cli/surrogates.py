"""Surrogates as the command line names them: a run folder, a bundle folder, or zoo:NAME."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facsim.surrogate import Surrogate


def open_surrogate(reference: str) -> Surrogate:
    """The surrogate of a run folder, a bundle folder, or the zoo.

    Raises:
        FacsimError: if there is none.
    """
    from pathlib import Path

    from facsim.surrogate import load_bundle, zoo_folder

    name = reference.removeprefix("zoo:")
    return load_bundle(zoo_folder(name) if name != reference else Path(reference))
