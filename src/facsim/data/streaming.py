"""Batches of a file that may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facsim.core import stream
from facsim.core.contracts import Batch
from facsim.core.events import Array
from facsim.data.batches import Plan, Prepare, to_batch
from facsim.data.reader import Source
from facsim.data.scratch import Scratch

WINDOW_BYTES = 2**28


class FileBatches:
    """Batches of a source, shuffled in two steps: the order of blocks of chunks, then the events within a window of many blocks.

    Memory holds one window (`window_bytes`, one batch at least). The first pass decompresses each block once into a scratch file in `folder`
    (the system's temporary folder if None), which needs room for all events uncompressed and vanishes with the object; later passes read that.
    The order depends on the seed, the epoch and the window alone. `prepare` makes network tensors of the events of each batch.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        seed: int,
        *,
        prepare: Prepare = to_batch,
        window_bytes: int = WINDOW_BYTES,
        folder: Path | None = None,
    ) -> None:
        self.plan = Plan.of(source.n, batch_size)
        self.seed, self.prepare = seed, prepare
        self.scratch = Scratch(source, folder)
        self.window = max(1, min(self.plan.steps, window_bytes // (4 * self.scratch.width * self.plan.size)))  # batches

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return self.plan.steps

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from batch `start` on, without reading the windows before; every event at most once."""
        size, window = self.plan.size, self.window
        blocks = stream(self.seed, "batches", number).permutation(len(self.scratch.starts))
        rows = np.empty((window * size, self.scratch.width), dtype=np.float32)
        for first in range(start // window * window, self.steps, window):
            last = min(first + window, self.steps)
            self._load(blocks, first * size, rows[: (last - first) * size])
            order = stream(self.seed, "batches", number, "window", first).permutation((last - first) * size)
            for i in range(max(first, start) - first, last - first):
                yield self.prepare(self.scratch.events(rows[order[i * size : (i + 1) * size]]))

    def close(self) -> None:
        """Give the scratch file back; it also goes when the object does."""
        self.scratch.close()

    def _load(self, blocks: Array, start: int, rows: Array) -> None:
        """Fill the rows with events, from the one at place `start` of the shuffled blocks on."""
        ends = np.cumsum(self.scratch.sizes[blocks])
        done = 0
        while done < len(rows):
            at = int(np.searchsorted(ends, start + done, side="right"))
            count = min(int(ends[at]) - start - done, len(rows) - done)
            inside = int(self.scratch.sizes[blocks[at]] - (ends[at] - start - done))
            self.scratch.read(int(blocks[at]), inside, rows[done : done + count])
            done += count
