"""A surrogate on disk: a folder with a manifest, weights without pickle, and a card for people."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import load, save
from torch import Tensor

import facsim
from facsim.core import FacsimError
from facsim.core.atomic import write_whole
from facsim.core.detectors import describe, from_description
from facsim.core.variables import describe_variable, variable_from, width
from facsim.models import build
from facsim.surrogate.surrogate import Surrogate
from facsim.transforms import Chain

FORMAT, VERSION = "facsim-bundle", 1
MANIFEST, WEIGHTS, CARD = "manifest.json", "weights.safetensors", "card.yaml"
SAVED = ("model", "condition_transform", "response_transform")


def save_bundle(surrogate: Surrogate, folder: Path, *, scorecard: dict[str, Any] | None = None, half: bool = False) -> None:
    """Write the bundle; the folder appears whole or not at all, and replaces an older one.

    With `half` the weights of layers are rounded to half precision, by 5e-4 of themselves at most, which halves the file: score what was saved.
    """
    weights = save({key: _halved(key, value) if half else value for key, value in _tensors(surrogate).items()})
    write_folder(folder, weights, _manifest(surrogate, weights, scorecard), _card(surrogate, scorecard))


def write_folder(folder: Path, weights: bytes, manifest: dict[str, Any], card: dict[str, Any]) -> None:
    """Write weights, manifest and card into a folder that appears whole or not at all, and replaces an older one.

    Raises:
        FacsimError: if it cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write_whole(fresh / WEIGHTS, weights)
        write_whole(fresh / CARD, yaml.safe_dump(card, sort_keys=False, allow_unicode=True).encode())
        write_whole(fresh / MANIFEST, json.dumps(manifest, indent=1, allow_nan=False).encode())
        fresh.chmod(0o755)
        _swap(fresh, folder)
    except OSError as error:
        raise FacsimError(f"cannot write the bundle {folder}", got=error.strerror or error, remedy="free space or choose another folder") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def load_bundle(folder: Path) -> Surrogate:
    """The surrogate of a bundle folder, or of a run folder that holds one.

    Raises:
        FacsimError: if there is no bundle, or its weights are not those that the manifest speaks of.
    """
    folder = bundle_folder(folder)
    manifest = read_manifest(folder)
    return _surrogate(manifest, load(checked_weights(folder, manifest)))


def checked_weights(folder: Path, manifest: dict[str, Any]) -> bytes:
    """The weights of a bundle folder.

    Raises:
        FacsimError: if there are none, or they are not those that the manifest speaks of.
    """
    try:
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise FacsimError(f"the bundle {folder} has no weights", expected=WEIGHTS, got=error.strerror) from error
    found = hashlib.sha256(weights).hexdigest()
    if found != manifest["weights"]["sha256"]:
        raise FacsimError(
            f"the weights of {folder} are not those of its manifest",
            expected=manifest["weights"]["sha256"][:12],
            got=found[:12],
            remedy="fetch or save the bundle again",
        )
    return weights


def bundle_folder(folder: Path) -> Path:
    """The bundle in a run folder; the folder itself where there is none in it."""
    return folder / "bundle" if (folder / "bundle" / MANIFEST).is_file() else folder


def read_manifest(folder: Path, format: str = FORMAT) -> dict[str, Any]:
    """The manifest of a bundle folder."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise FacsimError(f"{folder} is no surrogate", expected=f"a folder with {MANIFEST}", got=error, remedy="make one with facsim fit") from error
    if manifest.get("format") != format or manifest.get("version", 0) > VERSION:
        got = f"{manifest.get('format')} of version {manifest.get('version')}"
        raise FacsimError(f"cannot read the bundle {folder}", expected=f"{format} of version {VERSION} or older", got=got, remedy="update facsim")
    return manifest


def revision() -> str | None:
    """The git revision of the facsim that runs, if it runs from a checkout; marked where files were changed since."""
    where = Path(facsim.__file__).parent
    run = subprocess.run(["git", "-C", str(where), "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=False)
    return run.stdout.strip() or None


def _manifest(surrogate: Surrogate, weights: bytes, scorecard: dict[str, Any] | None) -> dict[str, Any]:
    shapes = {k: list(v.shape) for k, v in _tensors(surrogate).items()}
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_with": {"facsim": facsim.__version__, "torch": str(torch.__version__), "revision": revision()},
        "condition_size": surrogate.model.condition_size,
        "response_shape": list(surrogate.model.response_shape),
        "condition_transform": surrogate.condition_transform.recipe,
        "response_transform": surrogate.response_transform.recipe,
        "detector": describe(surrogate.detector),
        "variables": [describe_variable(v) for v in surrogate.variables],
        "weights": {"file": WEIGHTS, "sha256": hashlib.sha256(weights).hexdigest(), "shapes": shapes},
        **surrogate.about,
        "scorecard": scorecard,
    }


def _surrogate(manifest: dict[str, Any], tensors: dict[str, Tensor]) -> Surrogate:
    try:
        detector = from_description(manifest["detector"])
        variables = tuple(variable_from(v) for v in manifest["variables"])
        model = build(manifest["model"]["name"], manifest["condition_size"], tuple(manifest["response_shape"]), **manifest["model"]["settings"])
        condition = Chain((width(variables),), manifest["condition_transform"])
        response = Chain(detector.shape, manifest["response_transform"])
        about = {k: manifest[k] for k in ("model", "training")}
        surrogate = Surrogate(model.eval(), condition, response, detector, variables, tensors.pop("prior").numpy(), about)
        for part in SAVED:
            own = {k.removeprefix(part + "."): v for k, v in tensors.items() if k.startswith(part + ".")}
            getattr(surrogate, part).load_state_dict(own)
    except (KeyError, RuntimeError, TypeError) as error:
        raise FacsimError("the bundle's manifest does not fit its weights", got=error, remedy="fetch or save the bundle again") from error
    return surrogate


def _tensors(surrogate: Surrogate) -> dict[str, Tensor]:
    parts = {f"{part}.{key}": value.contiguous() for part in SAVED for key, value in getattr(surrogate, part).state_dict().items()}
    return {**parts, "prior": torch.from_numpy(np.array(surrogate.prior, dtype=np.float32))}


def _halved(key: str, value: Tensor) -> Tensor:
    """Weights of a layer in half precision, where they are no larger than it can tell; all else as it is."""
    fits = key.endswith(".weight") and value.ndim > 1 and float(value.abs().max()) < torch.finfo(torch.half).max
    return value.half() if fits else value


def _card(surrogate: Surrogate, scorecard: dict[str, Any] | None) -> dict[str, Any]:
    """What a person wants to know before using the surrogate."""
    return {
        "intended_use": "fast simulation of the detector below, inside the validity range",
        "detector": json.loads(json.dumps(describe(surrogate.detector))),
        "validity": [describe_variable(v) for v in surrogate.variables],
        "parameters": sum(p.numel() for p in surrogate.model.parameters()),
        **json.loads(json.dumps(surrogate.about)),
        "judged": bool(scorecard),
    }


def _swap(fresh: Path, folder: Path) -> None:
    """Put the fresh folder in place of the old one; the old one is removed only when the new one stands."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = folder.with_name(f".{folder.name}-old-{os.getpid()}")
    folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old)
