"""How fast a simulator is: events per second for each batch size and number of threads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from facsim.core import stream
from facsim.surrogate.surrogate import Surrogate


@dataclass(frozen=True)
class Timing:
    """Events per second: median, slowest and fastest of `repeats` runs, all of the chain included."""

    batch: int
    threads: int
    repeats: int
    median: float
    slowest: float
    fastest: float


def bench(surrogate: Surrogate, batches: Sequence[int], threads: Sequence[int], *, repeats: int = 7, seconds: float = 1.0) -> list[Timing]:
    """Time `Surrogate.simulate`, transforms and validation included, for each batch size and number of threads.

    Each of the `repeats` runs lasts at least `seconds` / repeats; one more comes first, uncounted. The number of threads is restored.
    """
    before = torch.get_num_threads()
    try:
        return [_time(surrogate, batch, count, repeats, seconds) for count in threads for batch in batches]
    finally:
        torch.set_num_threads(before)


def _time(surrogate: Surrogate, batch: int, threads: int, repeats: int, seconds: float) -> Timing:
    torch.set_num_threads(threads)
    rng = stream(0, "bench")
    condition = surrogate.draw_condition(batch, rng)
    rates = []
    for _ in range(repeats + 1):
        start, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() - start < seconds / repeats:
            surrogate.simulate(condition, rng)
            done += batch
        rates.append(done / (time.perf_counter() - start))
    counted = rates[1:]
    return Timing(batch, threads, repeats, float(np.median(counted)), min(counted), max(counted))
