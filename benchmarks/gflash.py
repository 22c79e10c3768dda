"""How long 100,000 showers of 10 GeV take in 45 x 16 x 9 voxels on one core: `OMP_NUM_THREADS=1 python benchmarks/gflash.py [showers]`."""

from __future__ import annotations

import sys
import time

import numpy as np

from facsim.simulators import sampling_calo

AT_ONCE = 10_000  # events kept at a time: 100,000 responses are 2.6 GB


def seconds(showers: int, tuned: bool) -> float:
    """Time for that many showers, responses made and dropped."""
    simulator, rng = sampling_calo(tuned=tuned), np.random.default_rng(0)
    condition = np.full((AT_ONCE, 1), 1e4)
    start = time.perf_counter()
    for done in range(0, showers, AT_ONCE):
        simulator.simulate(condition[: showers - done], rng)
    return time.perf_counter() - start


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for tuned in (False, True):
        print(f"{n} showers of 10 GeV, tuned={tuned}: {seconds(n, tuned):.1f} s")
