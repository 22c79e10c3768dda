"""Events per second of FileBatches from a gzip-chunked file of 45 x 16 x 9 voxels: the first pass, which decompresses, and later ones.

`python benchmarks/stream_batches.py [--events N] [--batch N] [--folder DIR]` writes a synthetic file of sparse showers, or reads `--file F.h5`.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from facsim.core import Events, Variable, stream
from facsim.data import FileBatches, open_reader, open_writer
from facsim.data.geometries import CHALLENGE

DETECTOR = CHALLENGE[6480]
VARIABLES = (Variable("energy", "MeV", 1e3, 1e5),)
BLOCK = 1000


def write_showers(path: Path, n: int) -> None:
    """A file of n events with a quarter of the voxels hit."""
    rng = stream(0, "benchmark")
    with open_writer(path, DETECTOR, VARIABLES) as writer:
        for _ in range(0, n, BLOCK):
            deposits = rng.exponential(1.0, (BLOCK, *DETECTOR.shape)) * (rng.random((BLOCK, *DETECTOR.shape)) < 0.25)
            writer.append(Events(rng.uniform(1e3, 1e5, (BLOCK, 1)), deposits, DETECTOR, VARIABLES))


def pass_over(batches: FileBatches, epoch: int) -> float:
    """Events per second of one pass that touches every batch."""
    start, events = time.perf_counter(), 0
    for batch in batches.epoch(epoch):
        events += len(batch.response)
    return events / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = options.file or Path(folder) / "showers.h5"
        if options.file is None:
            write_showers(path, options.events)
        reader = open_reader(path)
        unpacked = 4e-6 * reader.n * reader.detector.n_cells
        print(f"{reader.n} events, {path.stat().st_size / 1e6:.0f} MB in chunks of {reader.chunk}, {unpacked:.0f} MB unpacked")
        batches = FileBatches(reader, options.batch, 0, folder=options.folder)
        for epoch in range(4):
            print(f"pass {epoch + 1}: {pass_over(batches, epoch):8.0f} events/s")
        print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
