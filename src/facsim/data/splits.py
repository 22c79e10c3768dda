"""Disjoint parts of files too large for memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from facsim.core import Detector, Events, FacsimError, Variable, concatenate, stream
from facsim.data.reader import Source

Span = tuple[int, int]  # rows from, to


@dataclass(frozen=True)
class Part:
    """The rows of a source that lie in `spans`, as a source of its own."""

    source: Source
    spans: tuple[Span, ...]

    @property
    def detector(self) -> Detector:
        """The source's detector."""
        return self.source.detector

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The source's condition variables."""
        return self.source.variables

    @property
    def chunk(self) -> int:
        """The source's chunk of rows."""
        return self.source.chunk

    @cached_property
    def n(self) -> int:
        """Number of events in the part."""
        return sum(stop - start for start, stop in self.spans)

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 of the source's fingerprint and the spans."""
        return hashlib.sha256(f"{self.source.fingerprint} {self.spans}".encode()).hexdigest()

    def read(self, start: int = 0, stop: int | None = None) -> Events:
        """Events of the part, counted within it."""
        start, stop, _ = slice(start, stop).indices(self.n)
        pieces = [self.source.read(*rows) for rows in within(self.spans, start, stop)]
        return concatenate(pieces) if pieces else self.source.read(0, 0)


def within(spans: tuple[Span, ...], start: int, stop: int) -> list[Span]:
    """The spans that rows `start` to `stop` of the joined spans are.

    Examples:
        >>> within(((0, 10), (50, 60)), 8, 12)
        [(8, 10), (50, 52)]
    """
    first = np.cumsum([0, *(b - a for a, b in spans)])
    clipped = [(a + max(0, start - f), min(b, a + stop - f)) for (a, b), f in zip(spans, first.tolist(), strict=False)]
    return [(a, b) for a, b in clipped if a < b]


def split(source: Source, fraction: float, seed: int) -> tuple[Part, Part]:
    """Two disjoint parts, the first with `fraction` of the events; the same for the same seed.

    The parts are made of whole chunks drawn at random, of which one at most is cut; events in memory are split one by one by `Events.split`.

    Raises:
        FacsimError: if the fraction is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise FacsimError("cannot split the events", expected="a fraction between 0 and 1", got=fraction)
    starts = np.arange(0, source.n, source.chunk)
    order = stream(seed, "split").permutation(starts).tolist()
    drawn = tuple((start, min(source.n, start + source.chunk)) for start in order)
    cut = round(fraction * source.n)
    return Part(source, _ordered(within(drawn, 0, cut), source.chunk)), Part(source, _ordered(within(drawn, cut, source.n), source.chunk))


def _ordered(spans: list[Span], chunk: int) -> tuple[Span, ...]:
    """By place in the file, incomplete chunks last, so that every block of `chunk` rows of a part is a chunk of the file."""
    return tuple(sorted(spans, key=lambda span: (span[1] - span[0] < chunk, span)))
