"""Engines: other ways to compute a surrogate's chain, and how faithful they are to torch's own; the table ENGINES."""

from __future__ import annotations

import copy
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facsim.core import FacsimError, look_up, stream
from facsim.export.contracts import Plain
from facsim.export.file import graph_of
from facsim.export.parity import Parity, open_session
from facsim.surrogate import Surrogate

Respond = Callable[[Tensor, Tensor], Tensor]

EVENTS = 1000  # on which an engine is compared with torch
FAITHFUL = 1e-3  # root mean square difference of the cells, relative to theirs, up to which an engine is as good as another
DEFAULT = "eager"  # what is used unless something else is asked for: the only one whose bits are promised


def eager(surrogate: Surrogate) -> Respond:
    """Torch, operation by operation."""
    return surrogate.respond


def compiled(surrogate: Surrogate) -> Respond:
    """Torch's compiler, which needs one for C++."""
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise FacsimError("torch.compile needs a C++ compiler", remedy="install g++")
    faster: Any = torch.compile(surrogate.respond, dynamic=True)

    def respond(condition: Tensor, noise: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            response: Tensor = faster(condition, noise)
        return response

    return respond


def onnxruntime(surrogate: Surrogate) -> Respond:
    """The exported graph, with as many threads as torch has at the time."""
    content, contract, sessions = graph_of(surrogate, "plain"), Plain(surrogate), dict[int, Any]()

    def respond(condition: Tensor, noise: Tensor) -> Tensor:
        threads = torch.get_num_threads()
        if threads not in sessions:
            sessions[threads] = open_session(content, threads)
        inputs = {name: tensor.numpy() for name, tensor in contract.inputs(condition, noise).items()}
        return torch.from_numpy(sessions[threads].run([contract.output], inputs)[0])

    return respond


def bfloat16(surrogate: Surrogate) -> Respond:
    """Products of matrices in 16 bits."""

    def respond(condition: Tensor, noise: Tensor) -> Tensor:
        encoded = surrogate.condition_transform(condition, condition)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            response = surrogate.model(encoded, noise)
        return surrogate.response_transform.inverse(response.float(), condition).reshape(-1, *surrogate.detector.shape)

    return respond


def int8(surrogate: Surrogate) -> Respond:
    """Weights of dense layers in 8 bits, scaled anew for each batch of inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantise: Any = torch.ao.quantization.quantize_dynamic
        model = quantise(copy.deepcopy(surrogate.model), {nn.Linear}, dtype=torch.qint8)
    return replace(surrogate, model=model).respond


ENGINES: dict[str, Callable[[Surrogate], Respond]] = {
    "eager": eager,
    "compile": compiled,
    "onnxruntime": onnxruntime,
    "bfloat16": bfloat16,
    "int8": int8,
}


def with_engine(surrogate: Surrogate, name: str) -> Surrogate:
    """The surrogate, its chain computed by an engine of ENGINES, which is tried on two events.

    Raises:
        FacsimError: if there is no such engine, or it cannot run this surrogate here.
    """
    build = look_up(ENGINES, name, "engine")
    if name == DEFAULT:
        return replace(surrogate, engine=None)
    try:
        engine = build(surrogate)
        with torch.inference_mode():
            engine(*_examples(surrogate, 2))
        return replace(surrogate, engine=engine)
    except (RuntimeError, NotImplementedError, AttributeError, TypeError) as error:
        raise FacsimError(f"engine {name!r} cannot run this surrogate", got=str(error).splitlines()[0], remedy="use engine eager") from error


@dataclass(frozen=True)
class Fidelity:
    """How far an engine is from torch on the same noise: largest difference of a cell over the largest of its event, flipped cells (see Parity),
    and the root mean square of all differences over that of all cells."""

    difference: float
    flips: float
    rms: float

    @property
    def faithful(self) -> bool:
        """Whether the engine is as good as torch for physics."""
        return self.rms <= FAITHFUL


def fidelity(surrogate: Surrogate) -> Fidelity:
    """The fidelity of a surrogate's engine."""
    condition, noise = _examples(surrogate, EVENTS)
    with torch.inference_mode():
        truth = surrogate.respond(condition, noise).numpy()
        found = (surrogate.engine or surrogate.respond)(condition, noise).numpy()
    parity = Parity.of(truth, found)
    rms = np.sqrt(np.square(found - truth, dtype=np.float64).mean() / np.square(truth, dtype=np.float64).mean())
    return Fidelity(parity.difference, parity.flips, float(rms))


def _examples(surrogate: Surrogate, n: int) -> tuple[Tensor, Tensor]:
    """Conditions as in training, and noise."""
    condition = torch.from_numpy(surrogate.draw_condition(n, stream(0, "fidelity")))
    return condition, surrogate.model.draw_noise(n, torch.Generator().manual_seed(0))
