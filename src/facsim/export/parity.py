"""Whether a graph does what the network does: onnxruntime against torch on the same noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from facsim.core import FacsimError
from facsim.core.events import Array
from facsim.export.contracts import Contract
from facsim.export.graph import INSTALL

BATCHES = (1, 7, 200)  # several, since the first axis is free
BAR = 1e-4  # largest relative difference
FLIPS = 1e-5  # largest share of cells that are hit in one alone: rounding decides at the threshold of a hit


@dataclass(frozen=True)
class Parity:
    """How far two responses to the same noise are apart.

    `difference`: the largest difference of a cell that is hit in both, over the largest cell of its event. `flips`: the share of cells that are
    hit in one alone, as a number next to the threshold of a hit falls on either side.

    Examples:
        >>> Parity.of(np.array([[2.0, 1.0, 0.0, 0.0]]), np.array([[2.0, 1.1, 0.0, 0.3]]))
        Parity(difference=0.05..., flips=0.25, events=1)
    """

    difference: float
    flips: float
    events: int

    @classmethod
    def of(cls, truth: Array, found: Array) -> Parity:
        """The parity of responses [n, ...] with true ones."""
        truth, found = truth.reshape(len(truth), -1).astype(np.float64), found.reshape(len(truth), -1).astype(np.float64)
        flipped = (truth == 0) != (found == 0)
        scale = np.maximum(np.abs(truth).max(1, keepdims=True), np.finfo(np.float32).tiny)
        apart = np.where(flipped, 0.0, np.abs(found - truth) / scale)
        return cls(float(apart.max()), float(flipped.mean()), len(truth))

    @property
    def met(self) -> bool:
        """Whether the two are the same but for rounding; a NaN is not."""
        return self.difference <= BAR and self.flips <= FLIPS


def parity(content: bytes, contract: Contract, *, seed: int = 0) -> Parity:
    """The parity of an ONNX file's content with the module that it was made of; conditions are drawn as in training.

    Raises:
        FacsimError: if onnxruntime is not installed.
    """
    session = open_session(content, torch.get_num_threads())
    truth, found = [], []
    for n in BATCHES:
        rng = np.random.default_rng([seed, n])
        condition = torch.from_numpy(contract.surrogate.draw_condition(n, rng))
        inputs = contract.inputs(condition, contract.surrogate.model.draw_noise(n, torch.Generator().manual_seed(seed + n)))
        with torch.inference_mode():
            truth.append(contract(**inputs).numpy())
        found.append(session.run([contract.output], {name: tensor.numpy() for name, tensor in inputs.items()})[0])
    return Parity.of(np.concatenate(truth), np.concatenate(found))


def open_session(content: bytes, threads: int) -> Any:
    """An onnxruntime session on the processor.

    Raises:
        FacsimError: if onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise FacsimError("a graph cannot be run without onnxruntime", remedy=INSTALL) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
