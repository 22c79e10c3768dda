"""Events in memory as a source of events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from facsim.core import Detector, Events, Variable


@dataclass(frozen=True)
class InMemory:
    """Events under a name that tells where they come from, `about` them (JSON-ready), and how many are read at once."""

    events: Events
    fingerprint: str
    chunk: int = 256
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def detector(self) -> Detector:
        return self.events.detector

    @property
    def variables(self) -> tuple[Variable, ...]:
        return self.events.variables

    @property
    def n(self) -> int:
        return len(self.events)

    def read(self, start: int = 0, stop: int | None = None) -> Events:
        """Events from `start` to `stop`."""
        return self.events[start:stop]
