"""Sources made of other sources: files on a coarser grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from facsim.core import Detector, Events, Variable, coarsen
from facsim.data import Source


@dataclass(frozen=True)
class Coarsened:
    """A source whose grid has cells `factor` times larger in x and y."""

    source: Source
    factor: int

    @cached_property
    def detector(self) -> Detector:
        return self.read(0, 0).detector

    @property
    def variables(self) -> tuple[Variable, ...]:
        return self.source.variables

    @property
    def n(self) -> int:
        return self.source.n

    @property
    def chunk(self) -> int:
        return self.source.chunk

    @property
    def fingerprint(self) -> str:
        return f"{self.source.fingerprint}, coarsened by {self.factor}" if self.factor > 1 else self.source.fingerprint

    def read(self, start: int = 0, stop: int | None = None) -> Events:
        """Events from `start` to `stop`."""
        return coarsen(self.source.read(start, stop), self.factor)
