"""Engines on the zoo's surrogates: events per second by batch and threads, with fidelity beside speed.

    python benchmarks/engines.py [zoo:NAME ...]

Writes results/engines/engines.json and .md, and prints the table.
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
COLUMNS = ("engine", "batch", "threads", "median", "slowest", "fastest", "rms")


def rows_of(name: str) -> list[dict[str, Any]]:
    """What `facsim bench` says of a surrogate, in a process of its own; what it tells beside goes to standard error as ever."""
    done = subprocess.run([sys.executable, "-m", "facsim", "bench", name, "--json"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"facsim bench {name} ended with {done.returncode}")
    return [{"surrogate": name, **row} for row in json.loads(done.stdout)]


def cells_of(row: dict[str, Any]) -> list[str]:
    rates = [f"{row[name]:,.0f}" for name in ("median", "slowest", "fastest")]
    return [row["surrogate"], row["engine"], str(row["batch"]), str(row["threads"]), *rates, f"{row['rms']:.1e}"]


def main() -> None:
    clock = Clock()
    rows = [row for name in sys.argv[1:] or [f"zoo:{key}" for key in zoo()] for row in rows_of(name)]
    text = [
        "# Engines: events per second, and the rms difference from torch on the same noise",
        "",
        *table(["surrogate", *COLUMNS], map(cells_of, rows)),
    ]
    save(RESULTS, "engines", about(0, clock, rows=rows), text)
    print("\n".join(text))


if __name__ == "__main__":
    main()
