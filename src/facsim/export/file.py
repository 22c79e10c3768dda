"""export(): a surrogate as an ONNX file."""

from __future__ import annotations

import json
from pathlib import Path

import torch

import facsim
from facsim.core import FacsimError, look_up, stream
from facsim.core.atomic import write_whole
from facsim.core.detectors import describe
from facsim.core.variables import describe_variable
from facsim.export.contracts import CONTRACTS, Contract
from facsim.export.graph import to_onnx
from facsim.export.parity import BAR, Parity, parity
from facsim.surrogate import Surrogate

EXAMPLES = 3  # events with which the chain is traced


def export(surrogate: Surrogate, path: Path, contract: str = "plain") -> Parity:
    """Write the whole chain as one graph and say how well onnxruntime repeats torch with it; what is not the same but for rounding is not kept.

    `contract` is a key of CONTRACTS. The file tells variables, detector and the kind of noise in its metadata.

    Raises:
        FacsimError: if the family cannot be exported (says why), the contract does not suit the surrogate, or the graph differs from torch.
    """
    content, chosen = graph_of(surrogate, contract), look_up(CONTRACTS, contract, "contract")(surrogate)
    found = parity(content, chosen)
    if not found.met:
        raise FacsimError("the graph differs from the network; it is not kept", expected=f"{BAR:g} or less", got=found)
    write_whole(path, content)
    chosen.write_beside(path)
    return found


def graph_of(surrogate: Surrogate, contract: str) -> bytes:
    """The content of the file, not yet checked; raises as `export`."""
    if surrogate.obstacle:
        raise FacsimError("this family cannot be exported", got=surrogate.obstacle, remedy="facsim models list says which families can")
    surrogate.response_transform.require_fitted()
    chosen = look_up(CONTRACTS, contract, "contract")(surrogate).eval()
    noise = surrogate.model.draw_noise(EXAMPLES, torch.Generator().manual_seed(0))
    condition = torch.from_numpy(surrogate.draw_condition(EXAMPLES, stream(0, "export")))
    return to_onnx(chosen, chosen.inputs(condition, noise), chosen.output, _metadata(chosen, contract))


def noise_kind(surrogate: Surrogate) -> str:
    """How the noise that the model expects is distributed."""
    drawn = surrogate.model.draw_noise(1000, torch.Generator().manual_seed(0))
    return "uniform on [0, 1)" if bool((drawn >= 0).all()) else "standard normal"


def _metadata(contract: Contract, name: str) -> dict[str, str]:
    surrogate = contract.surrogate
    return {
        "facsim": facsim.__version__,
        "contract": name,
        "noise": noise_kind(surrogate),
        "variables": json.dumps([describe_variable(v) for v in surrogate.variables]),
        "detector": json.dumps(describe(surrogate.detector)),
        "about": json.dumps(surrogate.about, default=str),
        **contract.describe(),
    }
