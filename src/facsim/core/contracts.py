"""The contracts that hold facsim together: Simulator, Generator, Objective, Transform."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from facsim.core.detectors import Detector
from facsim.core.errors import FacsimError
from facsim.core.events import Array, Events
from facsim.core.variables import Variable


class Simulator(Protocol):
    """Anything that maps conditions to Events: a truth simulation, or a surrogate of one."""

    @property
    def detector(self) -> Detector: ...

    @property
    def variables(self) -> tuple[Variable, ...]: ...

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for the conditions [n, c] (columns as in `variables`), random numbers drawn from `rng` alone."""
        ...


class Batch(NamedTuple):
    """What a loss sees: condition [n, c], response [n, ...] as the network has them, weight [n]."""

    condition: Tensor
    response: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(*(t.to(device) for t in self))


Loss = Callable[[Batch, torch.Generator], dict[str, Tensor]]


@dataclass(frozen=True)
class Objective:
    """One loss and the parameters that it may move.

    `loss(batch, rng)` returns named scalar terms; their sum is minimised. `repeats` is how often the objective steps, each time on a
    new batch, before the next objective's turn.
    """

    name: str
    loss: Loss
    parameters: tuple[nn.Parameter, ...]
    repeats: int = 1
    after_step: Callable[[], None] | None = None  # a projection after each step, such as weight clipping


class Generator(nn.Module, ABC):
    """A trained network behind one deterministic map: (condition, noise) -> response.

    `condition_size` and `response_shape` are in network tensors, after the transforms.
    """

    condition_size: int
    response_shape: tuple[int, ...]

    def see(self, batch: Batch) -> None:
        """Fix numbers that come from the training data alone, such as its largest energy; called once, before training."""

    @abstractmethod
    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        """Noise for n events, first axis n."""

    @abstractmethod
    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Responses [n, *response_shape] for conditions [n, condition_size]; no hidden randomness."""

    @abstractmethod
    def objectives(self) -> tuple[Objective, ...]:
        """The losses that train it, in the order in which they step."""


class Transform(nn.Module, ABC):
    """An invertible map between arrays of Events and network tensors; fitted numbers are buffers, born NaN.

    `condition` is the raw condition [n, c] in physical units: maps such as energy fractions depend on it.
    """

    def fit(self, x: Tensor, condition: Tensor) -> None:
        """Learn the map's numbers from training data."""

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """From physics to network."""

    @abstractmethod
    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        """From network to physics."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of one transformed event."""
        return shape

    def require_fitted(self) -> None:
        """Raise unless every fitted number is there: an unfitted transform must never pass for an identity. A graph holds no such question."""
        if not torch.compiler.is_compiling() and any(bool(torch.isnan(b).any()) for b in self.buffers()):
            raise FacsimError(f"{type(self).__name__} is not fitted", remedy="call fit(x, condition) with training data first")


class Batches(Protocol):
    """Training data as `fit` wants it: a known number of steps, a deterministic order for each epoch."""

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        ...

    def epoch(self, number: int, start: int = 0) -> Iterable[Batch]:
        """The batches of one epoch, from batch `start` on; the same for the same number."""
        ...
