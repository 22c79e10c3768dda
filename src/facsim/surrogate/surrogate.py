"""A surrogate is a simulator: a trained model between transforms, which maps conditions in physical units to Events."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facsim.core import Detector, Events, Variable, stream
from facsim.core.contracts import Batch, Generator
from facsim.core.events import Array
from facsim.core.variables import checked_condition
from facsim.models import MODELS
from facsim.transforms import Chain

BATCH = 1000  # events in one pass of the network: large enough for speed, small enough for the cache; more of them if they are small:
NUMBERS = 20_000  # numbers of a response times events
BLOCK = 10_000  # events that share one random stream when many are sampled


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A model, the fitted transforms on either side of it, and what its numbers mean.

    The ranges of `variables` are where it was trained. `prior` [m, c] holds conditions of the training data, from which `draw_condition`
    draws. `about` tells its origin: model family and settings, training data, seed, revision. `engine` computes `respond` in another way.
    """

    model: Generator
    condition_transform: Chain
    response_transform: Chain
    detector: Detector
    variables: tuple[Variable, ...]
    prior: Array
    about: dict[str, Any] = field(default_factory=dict)
    engine: Callable[[Tensor, Tensor], Tensor] | None = None

    def simulate(self, condition: Array, rng: np.random.Generator, *, extrapolate: bool = False) -> Events:
        """Events for conditions [n, c] in the units of `variables`.

        Outside the training range only with `extrapolate`; such events are told by `Events.extrapolated`.

        Raises:
            FacsimError: for a condition of the wrong shape or outside the training range.
        """
        condition = checked_condition(condition, self.variables, extrapolate=extrapolate)
        noise_rng = torch.Generator().manual_seed(int(rng.integers(2**63)))
        respond = self.engine or self.respond
        response = np.empty((len(condition), *self.detector.shape), dtype=np.float32)
        batch = max(BATCH, NUMBERS // math.prod(self.detector.shape))
        with torch.inference_mode():
            for start in range(0, len(condition), batch):
                part = torch.from_numpy(condition[start : start + batch])
                response[start : start + batch] = respond(part, self.model.draw_noise(len(part), noise_rng)).numpy()
        return Events(condition, response, self.detector, self.variables)

    def respond(self, condition: Tensor, noise: Tensor) -> Tensor:
        """The whole deterministic chain on tensors: conditions in physical units and noise -> response in physical units."""
        encoded = self.condition_transform(condition, condition)
        return self.response_transform.inverse(self.model(encoded, noise), condition).reshape(-1, *self.detector.shape)

    @property
    def obstacle(self) -> str:
        """Why a graph for other software cannot be made of the model's family; empty where it can."""
        family = MODELS.get(self.about.get("model", {}).get("name", ""))
        return family.onnx if family else ""

    def prepare(self, events: Events) -> Batch:
        """Events as the network's tensors, for training and reconstruction."""
        condition, response = torch.tensor(events.condition), torch.tensor(events.response)
        return Batch(self.condition_transform(condition, condition), self.response_transform(response, condition), torch.tensor(events.weights))

    def draw_condition(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """n conditions distributed as those of the training data."""
        return np.asarray(self.prior[rng.integers(len(self.prior), size=n)], dtype=np.float32)


def blocks(surrogate: Surrogate, n: int, seed: int, condition: Array | None = None, *, extrapolate: bool = False) -> Iterator[Events]:
    """n events in blocks, so that any number fits in memory; conditions are given [n, c] or drawn from the prior.

    Each block has its own random stream, so that blocks can be made anywhere and in any order; only the last may be shorter.
    """
    for number, start in enumerate(range(0, n, BLOCK)):
        rng, size = stream(seed, "sample", number), min(BLOCK, n - start)
        part = surrogate.draw_condition(BLOCK, rng)[:size] if condition is None else condition[start : start + size]
        yield surrogate.simulate(part, rng, extrapolate=extrapolate)
