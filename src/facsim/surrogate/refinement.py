"""A refinement: a trained refiner between transforms, which maps simulated events to events that fit the data; and its folder on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

import facsim
from facsim.core import Detector, Events, FacsimError, Variable, look_up, stream
from facsim.core.contracts import Generator
from facsim.core.detectors import describe, from_description
from facsim.core.variables import describe_variable, variable_from
from facsim.models import REFINERS
from facsim.surrogate.bundle import MANIFEST, VERSION, WEIGHTS, bundle_folder, checked_weights, read_manifest, revision, write_folder
from facsim.transforms import Chain

FORMAT = "facsim-refiner"
BATCH = 500  # events in one pass of the network
BLOCK = 10_000  # events that share one random stream
SAVED = ("model", "simulation_transform", "data_transform")


@dataclass(frozen=True, eq=False)
class Refinement:
    """A refiner, the transforms fitted to simulation (before it) and to data (after it), and what its numbers mean.

    Conditions and weights of an event are left as they are. `about` tells its origin.
    """

    model: Generator
    simulation_transform: Chain
    data_transform: Chain
    detector: Detector
    variables: tuple[Variable, ...]
    about: dict[str, Any] = field(default_factory=dict)

    def refine(self, events: Events, rng: np.random.Generator) -> Events:
        """The events as data would have them; one refined for each, in order.

        Raises:
            FacsimError: if the events are of another detector, or have other condition variables or units.
        """
        require_alike(events.detector, events.variables, self.detector, self.variables, "the events", "the refiner's training")
        noise_rng = torch.Generator().manual_seed(int(rng.integers(2**63)))
        response = np.empty_like(events.response)
        with torch.inference_mode():
            for start in range(0, len(events), BATCH):
                part = slice(start, start + BATCH)
                x, condition = torch.tensor(events.response[part]), torch.tensor(events.condition[part])
                response[part] = self.respond(x, self.model.draw_noise(len(x), noise_rng), condition).numpy()
        return Events(events.condition, response, events.detector, events.variables, events.weight)

    def respond(self, response: Tensor, noise: Tensor, condition: Tensor) -> Tensor:
        """The whole deterministic chain on tensors, responses and conditions in physical units and noise -> refined responses."""
        nothing = response.new_zeros(len(response), 0)
        original = self.simulation_transform(response, nothing).flatten(1)
        told = torch.cat([original, condition], dim=1)[:, : self.model.condition_size]  # most refiners see the event alone
        return self.data_transform.inverse(self.model(told, noise), nothing).reshape(-1, *self.detector.shape)


def refine_blocks(refinement: Refinement, events: Iterator[Events], seed: int) -> Iterator[tuple[Events, Events]]:
    """Refined events and their originals, block by block; each block has its own random stream."""
    for number, block in enumerate(events):
        yield refinement.refine(block, stream(seed, "refine", number)), block


def require_alike(detector: Detector, variables: tuple[Variable, ...], other: Detector, others: tuple[Variable, ...], who: str, whom: str) -> None:
    """Raise unless both samples are of one detector and have the same condition variables in the same units."""
    if detector != other:
        raise FacsimError(f"{who} and {whom} are of different detectors", expected=_short(other), got=_short(detector))
    named, wanted = ([f"{v.name} [{v.unit}]" for v in vs] for vs in (variables, others))
    if named != wanted:
        expected, got = (", ".join(names) or "none" for names in (wanted, named))
        raise FacsimError(f"{who} and {whom} have different condition variables", expected=expected, got=got)


def save_refinement(refinement: Refinement, folder: Path) -> None:
    """Write the refiner's folder; it appears whole or not at all, and replaces an older one."""
    weights = save({f"{part}.{k}": v.contiguous() for part in SAVED for k, v in getattr(refinement, part).state_dict().items()})
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "made_with": {"facsim": facsim.__version__, "torch": str(torch.__version__), "revision": revision()},
        "condition_size": refinement.model.condition_size,
        "response_shape": list(refinement.model.response_shape),
        "simulation_transform": refinement.simulation_transform.recipe,
        "data_transform": refinement.data_transform.recipe,
        "detector": describe(refinement.detector),
        "variables": [describe_variable(v) for v in refinement.variables],
        "weights": {"file": WEIGHTS, "sha256": hashlib.sha256(weights).hexdigest()},
        **refinement.about,
    }
    use = {"intended_use": "making simulated events of the detector below look like data", **json.loads(json.dumps(refinement.about))}
    write_folder(folder, weights, manifest, {**use, "detector": json.loads(json.dumps(describe(refinement.detector)))})


def load_refinement(folder: Path) -> Refinement:
    """The refinement of a folder, or of a run folder that holds one.

    Raises:
        FacsimError: if there is none, or its weights are not those that the manifest speaks of.
    """
    folder = bundle_folder(folder)
    manifest = read_manifest(folder, FORMAT)
    tensors = load(checked_weights(folder, manifest))
    try:
        detector = from_description(manifest["detector"])
        told, shape = manifest["model"], tuple(manifest["response_shape"])
        model = look_up(REFINERS, told["name"], "refiner").build(manifest["condition_size"], shape, **told["settings"])
        simulation, data = (Chain(detector.shape, manifest[part]) for part in SAVED[1:])
        variables = tuple(variable_from(v) for v in manifest["variables"])
        refinement = Refinement(model.eval(), simulation, data, detector, variables, {k: manifest[k] for k in ("model", "training")})
        for part in SAVED:
            own = {k.removeprefix(part + "."): v for k, v in tensors.items() if k.startswith(part + ".")}
            getattr(refinement, part).load_state_dict(own)
    except (KeyError, RuntimeError, TypeError) as error:
        raise FacsimError("the refiner's manifest does not fit its weights", got=error, remedy="fetch or make it again") from error
    return refinement


def is_refinement(folder: Path) -> bool:
    """Whether a folder, or the bundle in a run folder, is that of a refiner."""
    try:
        return bool(json.loads((bundle_folder(folder) / MANIFEST).read_text()).get("format") == FORMAT)
    except (OSError, ValueError, AttributeError):
        return False


def _short(detector: Detector) -> str:
    text = str(detector)
    return text if len(text) < 120 else text[:117] + "..."
