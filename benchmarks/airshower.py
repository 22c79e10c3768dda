"""Time and memory of the air-shower simulation: `OMP_NUM_THREADS=1 python benchmarks/airshower.py [N] > results/simulators/airshower.md`.

Two processes share the events, each in one thread; every process writes its half to a file, a thousand events at a time.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

from facsim.core import stream
from facsim.simulators import SIMULATORS

BLOCK = 1000


def produce(name: str, n: int, number: int) -> tuple[float, float]:
    """Simulate n events in blocks; seconds, and the largest memory of the process in GB."""
    gun = SIMULATORS[name].build()
    start = time.perf_counter()
    for block in range(0, n, BLOCK):
        rng = stream(number, "bench", block)
        gun.simulate(gun.prior(min(BLOCK, n - block), rng), rng)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def at_once(name: str, n: int) -> tuple[float, float]:
    """Simulate n events in one call, all in memory."""
    gun = SIMULATORS[name].build()
    rng, start = stream(0, "bench"), time.perf_counter()
    gun.simulate(gun.prior(n, rng), rng)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def command(name: str, n: int) -> float:
    """Seconds of `facsim simulate`, the compressed file included."""
    from facsim.cli.main import run

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run(["simulate", name, "--n", str(n), "--out", str(Path(folder) / "f.h5")])
        return time.perf_counter() - start


def main(n: int) -> None:
    """Print the table."""
    print("# Time and memory of the air-shower simulation\n")
    print(
        f"Made by `benchmarks/airshower.py`: {n} events of 9 x 9 stations with traces of 80 bins. The bar: 1e5 events in 180 s on two cores, 4 GB.\n"
    )
    print("| simulator | how | seconds | largest memory of a process, GB |\n| --- | --- | --- | --- |")
    for name in ("airshower", "airshower-vertical"):
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            halves = pool.starmap(produce, [(name, n // 2, number) for number in range(2)])
        print(f"| {name} | two processes, blocks of {BLOCK} | {max(h[0] for h in halves):.0f} | {max(h[1] for h in halves):.2f} |", flush=True)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, memory = pool.apply(at_once, (name, n))
        print(f"| {name} | one process, all events in one array | {seconds:.0f} | {memory:.2f} |", flush=True)
        print(f"| {name} | `facsim simulate`, {n // 10} events, compressed file | {command(name, n // 10):.0f} | |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
