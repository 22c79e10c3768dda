"""Engines on the zoo's surrogates: events per second by batch and threads, with fidelity beside speed.

    python benchmarks/engines.py [zoo:NAME ...]

Writes results/engines/engines.json and .md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from provenance import Clock, about, save, table

from facsim.surrogate import zoo

RESULTS = Path(__file__).parent.parent / "results" / "engines"
COLUMNS = ("engine", "batch", "threads", "median", "rms")


def rows_of(name: str) -> list[dict[str, Any]]:
    """What `facsim bench` says of a surrogate, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "facsim", "bench", name, "--json"], capture_output=True, text=True, check=True)
    return [{"surrogate": name, **row} for row in json.loads(done.stdout)]


def main() -> None:
    clock = Clock()
    rows = [row for name in sys.argv[1:] or [f"zoo:{key}" for key in zoo()] for row in rows_of(name)]
    cells = [[row["surrogate"], row["engine"], str(row["batch"]), str(row["threads"]), f"{row['median']:,.0f}", f"{row['rms']:.1e}"] for row in rows]
    text = ["# Engines: events per second, and the rms difference from torch on the same noise", "", *table(["surrogate", *COLUMNS], cells)]
    save(RESULTS, "engines", about(0, clock, rows=rows), text)


if __name__ == "__main__":
    main()
