"""What the table of simulators says of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facsim.core import Detector, Events, Variable

Array = NDArray[Any]


class Gun(Protocol):
    """A simulator (`facsim.core.contracts.Simulator`) that also draws conditions of its own, from the range given when it was built."""

    @property
    def detector(self) -> Detector: ...

    @property
    def variables(self) -> tuple[Variable, ...]: ...

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Default conditions [n, c]."""
        ...

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Events for the conditions [n, c]."""
        ...


@dataclass(frozen=True)
class Entry:
    """One simulator: what it is, how to build it (keyword arguments, all plain numbers, words or truth values with defaults), whence it comes."""

    description: str
    build: Callable[..., Gun]
    source: str
