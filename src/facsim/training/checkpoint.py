"""A checkpoint: one file, written beside and renamed, so that it is there whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from facsim.core import FacsimError
from facsim.core.atomic import write_whole
from facsim.training.state import digest, pack, unpack

NAME = "checkpoint.safetensors"
FORMAT = "1"


def write_checkpoint(folder: Path, tree: dict[str, Any]) -> None:
    """Replace the folder's checkpoint by this nested state; after a crash at any moment the old one or the new one is there.

    Raises:
        FacsimError: if it cannot be written; the old checkpoint stays.
    """
    tensors, text = pack(tree)
    metadata = {"format": FORMAT, "state": text, "sha256": digest(tensors, text)}
    write_whole(folder / NAME, save(tensors, metadata))


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """The nested state in the folder's checkpoint.

    Raises:
        FacsimError: if there is none, or it is damaged or of another format.
    """
    path = folder / NAME
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise FacsimError(f"cannot read {path}: {error}", remedy="start the fit anew in another folder") from error
    if metadata.get("format") != FORMAT:
        raise FacsimError(f"{path} is no checkpoint of this version", expected=f"format {FORMAT}", got=metadata.get("format"))
    text = metadata.get("state", "")
    if digest(tensors, text) != metadata.get("sha256"):
        raise FacsimError(f"{path} is damaged", expected="content that fits its checksum", remedy="start the fit anew in another folder")
    state: dict[str, Any] = unpack(tensors, text)
    return state


def has_checkpoint(folder: Path) -> bool:
    """Whether the folder has a checkpoint."""
    return (folder / NAME).is_file()
