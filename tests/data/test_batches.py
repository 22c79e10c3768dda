"""Batches: each event once an epoch, the same order for the same epoch, resumable in the middle, in bounded memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.core import Events, FacsimError, RegularGrid, Variable
from facsim.core.contracts import Batch, Batches
from facsim.data import ArrayBatches, FileBatches, Part, open_reader, open_writer, split, write
from facsim.data.splits import within

GRID = RegularGrid((1, 3), (1.0, 1.0))
VARIABLES = (Variable("energy", "MeV"),)


def numbered(n: int, first: int = 0) -> Events:
    """Event i has condition i, cells i, i + 1/4, i + 1/2, and weight i + 1: a mixed-up row shows."""
    i = np.arange(first, first + n, dtype=np.float32)[:, None]
    return Events(i, (i + np.array([0, 0.25, 0.5])).reshape(-1, 1, 3), GRID, VARIABLES, i[:, 0] + 1)


@dataclass
class Memory:
    """A source in memory that notes what was read of it."""

    n: int
    chunk: int = 100
    asked: list[tuple[int, int]] = field(default_factory=list)
    detector: RegularGrid = GRID
    variables: tuple[Variable, ...] = VARIABLES
    fingerprint: str = "memory"

    def read(self, start: int = 0, stop: int | None = None) -> Events:
        first, last, _ = slice(start, stop).indices(self.n)
        self.asked.append((first, last))
        return numbered(max(0, last - first), first)


def in_memory(n: int, batch_size: int, seed: int = 1) -> Batches:
    return ArrayBatches.from_events(numbered(n), batch_size=batch_size, seed=seed)


def on_file(n: int, batch_size: int, seed: int = 1) -> Batches:
    return FileBatches(Memory(n, chunk=7), batch_size, seed, window_bytes=4 * 5 * 600)


KINDS: dict[str, Any] = {"array": in_memory, "file": on_file}


def numbers(batches: Batches, epoch: int, start: int = 0) -> list[list[int]]:
    """The numbers of the events in each batch, after a check that each row has kept together."""
    result = []
    for batch in batches.epoch(epoch, start):
        i = batch.condition[:, 0]
        assert torch.equal(batch.response, (i[:, None] + torch.tensor([0, 0.25, 0.5])).reshape(-1, 1, 3))
        assert torch.equal(batch.weight, i + 1)
        result.append(i.int().tolist())
    return result


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 3000), batch_size=st.integers(1, 400), epoch=st.integers(0, 5))
def test_every_event_at_most_once_and_only_a_tail_is_dropped(kind: str, n: int, batch_size: int, epoch: int) -> None:
    batches = KINDS[kind](n, batch_size)
    seen = numbers(batches, epoch)
    size = min(n, batch_size)
    assert len(seen) == batches.steps == n // size
    assert {len(b) for b in seen} == {size}
    flat = list(chain(*seen))
    assert len(set(flat)) == len(flat) == n - n % size
    assert set(flat) <= set(range(n))


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_depends_on_seed_and_epoch_alone(kind: str) -> None:
    batches, again, other = KINDS[kind](2000, 64), KINDS[kind](2000, 64), KINDS[kind](2000, 64, seed=2)
    first = numbers(batches, 3)
    numbers(again, 0)  # what was read before does not matter
    assert numbers(again, 3) == first == numbers(batches, 3)
    assert numbers(batches, 4) != first != numbers(other, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", [0, 1, 8, 9, 10, 30, 31])
def test_an_epoch_resumes_anywhere(kind: str, start: int) -> None:
    whole = numbers(KINDS[kind](2000, 64), 2)
    assert len(whole) == 31
    assert numbers(KINDS[kind](2000, 64), 2, start) == whole[start:]


@pytest.mark.parametrize("kind", KINDS)
def test_no_events_and_no_size_are_refused(kind: str) -> None:
    for n, size in [(0, 5), (5, 0)]:
        with pytest.raises(FacsimError, match="no batches can be made"):
            KINDS[kind](n, size)


def test_events_are_mixed_over_the_whole_file() -> None:
    """With windows of a tenth of the file, the first batch still draws from all over: 100 events of 40 random blocks of 10,000 events in order."""
    batches = FileBatches(Memory(10_240, chunk=256), 100, 0, window_bytes=4 * 5 * 1024)
    first = np.array(numbers(batches, 0)[0])
    assert batches.window == 10
    assert len(set(first // 256)) >= 4
    assert (np.diff(first) < 0).sum() > 25


def test_each_block_is_read_from_the_source_once() -> None:
    source = Memory(2000)
    batches = FileBatches(source, 64, 0, window_bytes=0)
    assert batches.window == 1
    for epoch in range(3):
        numbers(batches, epoch)
    assert sorted(source.asked) == [(start, min(2000, start + 300)) for start in range(0, 2000, 300)]


def test_resuming_reads_no_window_before() -> None:
    source = Memory(300 * 100)
    batches = FileBatches(source, 300, 0, window_bytes=0)
    next(iter(batches.epoch(0, 99)))
    assert len(source.asked) == 1


def test_batches_are_prepared() -> None:
    def doubled(events: Events) -> Batch:
        return Batch(torch.tensor(events.condition), torch.tensor(events.response) * 2, torch.tensor(events.weights))

    for batches in (FileBatches(Memory(10), 10, 0, prepare=doubled), ArrayBatches.from_events(numbered(10), doubled, batch_size=10, seed=0)):
        (batch,) = batches.epoch(0)
        assert torch.equal(batch.response[:, 0, 0], batch.condition[:, 0] * 2)


def test_memory_holds_one_window_however_long_the_file(tmp_path: Path) -> None:
    """A file of 49 MB uncompressed streams through 2 MB windows; the rest is one block on its way (1 MB, a few copies) and the file's own buffers."""
    detector = RegularGrid((32, 32), (1.0, 1.0))
    with open_writer(tmp_path / "a.h5", detector, VARIABLES) as writer:
        for i in range(12):
            writer.append(Events(np.full((1000, 1), i), np.full((1000, 32, 32), i), detector, VARIABLES))
    reader = open_reader(tmp_path / "a.h5")
    batches = FileBatches(reader, 100, 0, window_bytes=2_000_000, folder=tmp_path)
    tracemalloc.start()
    for epoch in range(2):
        total = sum(float(b.response[:, 0, 0].sum()) for b in batches.epoch(epoch))
        assert total == 1000 * sum(range(12))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 2_000_000 < peak < 10_000_000


def test_the_scratch_file_leaves_no_trace(tmp_path: Path) -> None:
    batches = FileBatches(Memory(500), 10, 0, folder=tmp_path)
    next(iter(batches.epoch(0)))
    assert not list(tmp_path.iterdir())
    batches.close()
    batches.close()


def test_too_little_scratch_space_is_told_before_the_first_batch(tmp_path: Path) -> None:
    huge = Memory(100, detector=RegularGrid((1, 5 * 10**15 - 2), (1.0, 1.0)))  # with energy and weight, 2e16 bytes an event
    with pytest.raises(FacsimError, match=r"too little space in .* expected 2000000000.0 GB, got .* set TMPDIR"):
        FileBatches(huge, 10, 0, folder=tmp_path)
    with pytest.raises(FacsimError, match="cannot use the scratch folder"):
        FileBatches(Memory(100), 10, 0, folder=tmp_path / "absent")


# splits


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 5000), chunk=st.integers(1, 300), fraction=st.floats(0.01, 0.99), seed=st.integers(0, 9))
def test_a_split_is_disjoint_complete_and_exact(n: int, chunk: int, fraction: float, seed: int) -> None:
    first, second = split(Memory(n, chunk), fraction, seed)
    assert (first.n, second.n) == (round(fraction * n), n - round(fraction * n))
    rows = [row for part in (first, second) for a, b in part.spans for row in range(a, b)]
    assert sorted(rows) == list(range(n))
    again = split(Memory(n, chunk), fraction, seed)
    assert again[0].spans == first.spans
    assert again[0].fingerprint == first.fingerprint != second.fingerprint


def test_a_part_reads_its_own_rows() -> None:
    part = split(Memory(1000), 0.33, 0)[0]
    rows = [row for a, b in part.spans for row in range(a, b)]
    assert part.read().column("energy").tolist() == rows
    assert part.read(50, 130).column("energy").tolist() == rows[50:130]
    assert len(part.read(5, 5)) == 0
    cuts = [(a, b) for a, b in part.spans if (b - a) % 100]
    assert cuts == [part.spans[-1]]  # 330 events are three chunks and the head of a fourth


def test_a_split_is_refused_where_it_is_none() -> None:
    for fraction in (0.0, 1.0, 25.0):
        with pytest.raises(FacsimError, match="between 0 and 1"):
            split(Memory(10), fraction, 0)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), data=st.data())
def test_spans_within_spans_against_a_list_of_all_rows(lengths: list[int], data: st.DataObject) -> None:
    spans = tuple((100 * i, 100 * i + length) for i, length in enumerate(lengths))
    rows = [row for a, b in spans for row in range(a, b)]
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    assert [row for a, b in within(spans, start, stop) for row in range(a, b)] == rows[start:stop]


def test_a_part_of_a_file_streams(tmp_path: Path) -> None:
    write(numbered(1500), tmp_path / "a.h5")
    part = split(open_reader(tmp_path / "a.h5"), 0.5, 1)[0]
    assert isinstance(part, Part)
    rows = [row for a, b in part.spans for row in range(a, b)]
    assert sorted(chain(*numbers(FileBatches(part, 50, 0), 0))) == sorted(rows)
