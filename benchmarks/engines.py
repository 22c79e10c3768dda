"""Engines on a surrogate of the zoo: events a second of processor time, one thread, with fidelity beside speed.

    python benchmarks/engines.py [zoo:NAME] [--engine NAME ...]

Processor time, so that what else runs on the machine hardly counts; `facsim bench` has wall time and more threads. Writes
results/engines/engines.json and .md; rows of engines that are not asked for are kept.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from provenance import Clock, about, save, table

from facsim.cli.surrogates import open_surrogate
from facsim.core import FacsimError, stream
from facsim.export import ENGINES, fidelity, with_engine
from facsim.surrogate import Surrogate

RESULTS = Path(__file__).parent.parent / "results" / "engines"
BATCHES = (1, 100, 10_000)
REPEATS, SECONDS = 7, 0.15  # runs of one batch size, and the processor time that each takes at least


def rows_of(name: str, engine: str) -> list[dict[str, Any]]:
    """Speed by batch and fidelity of one engine; a row that says why not, where it cannot run here."""
    told = {"surrogate": name, "engine": engine}
    try:
        surrogate = with_engine(open_surrogate(name), engine)
        found = asdict(fidelity(surrogate))
    except FacsimError as error:
        return [{**told, "failure": str(error)}]
    return [{**told, "batch": batch, **rates(surrogate, batch), **found} for batch in BATCHES]


def rates(surrogate: Surrogate, batch: int) -> dict[str, float]:
    """Events per second of processor time: median, slowest, fastest; the whole chain, conditions to checked events."""
    rng = stream(0, "engines")
    condition = surrogate.draw_condition(batch, rng)
    measured = [_rate(surrogate, condition, rng) for _ in range(REPEATS + 1)][1:]
    return {"median": float(np.median(measured)), "slowest": min(measured), "fastest": max(measured)}


def _rate(surrogate: Surrogate, condition: np.ndarray, rng: np.random.Generator) -> float:
    start, done = time.process_time(), 0
    while time.process_time() - start < SECONDS:
        surrogate.simulate(condition, rng)
        done += len(condition)
    return done / (time.process_time() - start)


def kept(name: str, engines: list[str]) -> list[dict[str, Any]]:
    """Rows of earlier runs that are not measured anew."""
    path = RESULTS / "engines.json"
    rows = json.loads(path.read_text())["rows"] if path.is_file() else []
    return [row for row in rows if row["surrogate"] != name or row["engine"] not in engines]


def cells_of(row: dict[str, Any]) -> list[str]:
    start = [row["surrogate"], row["engine"]]
    if "failure" in row:
        return [*start, row["failure"], "", "", "", "", ""]
    numbers = [f"{row[name]:,.0f}" for name in ("median", "slowest", "fastest")]
    return [*start, str(row["batch"]), *numbers, f"{row['difference']:.1e}", f"{row['rms']:.1e}"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("surrogate", nargs="?", default="zoo:electron-gun-vae")
    parser.add_argument("--engine", nargs="*", default=list(ENGINES))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    clock, order = Clock(), list(ENGINES)
    new = [row for engine in asked.engine for row in rows_of(asked.surrogate, engine)]
    rows = sorted([*kept(asked.surrogate, asked.engine), *new], key=lambda row: (row["surrogate"], order.index(row["engine"])))
    header = ["surrogate", "engine", "batch", "median", "slowest", "fastest", "largest difference", "rms difference"]
    text = [
        "# Engines: events a second of processor time, one thread, and how far they are from torch on the same noise",
        "",
        *table(header, map(cells_of, rows)),
        "",
        "Differences are relative to the largest cell of an event, and to the root mean square of all cells. Up to 1e-3 rms an engine is faithful.",
    ]
    save(RESULTS, "engines", about(0, clock, rows=rows), text)
    print("\n".join(text))


if __name__ == "__main__":
    main()
