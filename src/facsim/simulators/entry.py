"""What the table of simulators says of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facsim.core import Detector, Events, Variable

Array = NDArray[Any]


Folder = Callable[[Mapping[str, Iterable[Events]]], Any]


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
    """One simulator: what it is, how to build it (keyword arguments, all plain numbers, words or truth values with defaults), whence it comes.

    `folders` names the settings that a user gives as a folder of files: what is made of their events, {name of the file: its events in parts}.
    """

    description: str
    build: Callable[..., Gun]
    source: str
    folders: Mapping[str, Folder] = field(default_factory=dict)
