"""`facsim bench`: how many events a second a surrogate makes, by which engine, and how faithfully."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from facsim.cli.options import Json, numbers
from facsim.cli.show import say, show_json, show_table
from facsim.cli.surrogates import open_surrogate
from facsim.core import FacsimError, look_up

if TYPE_CHECKING:
    from facsim.surrogate import Surrogate

Row = dict[str, Any]
COLUMNS = ("engine", "batch", "threads", "median", "slowest", "fastest", "difference", "rms")


def bench(surrogate: str, /, *, batch: str = "1,100,10000", threads: str = "1,2", engine: str = "all", json: Json = False) -> None:
    """Time a surrogate, transforms and validation included, and compare its engines with torch on the same noise.

    Parameters
    ----------
    surrogate
        Run folder, bundle folder, or zoo:NAME.
    batch
        Batch sizes, comma-separated.
    threads
        Numbers of threads, comma-separated.
    engine
        Engines, comma-separated: eager, compile, onnxruntime, bfloat16, int8; or all.
    json
        Print one JSON document.
    """
    from facsim.export import ENGINES

    names = list(ENGINES) if engine == "all" else engine.split(",")
    for name in names:
        look_up(ENGINES, name, "engine")
    opened, batches, counts = open_surrogate(surrogate), numbers(batch, "--batch"), numbers(threads, "--threads")
    rows = [row for name in names for row in _rows(opened, name, batches, counts, optional=engine == "all")]
    if json:
        show_json(rows)
        return
    show_table(f"{surrogate}: events per second", COLUMNS, [_cells(row) for row in rows], right=COLUMNS[1:])
    say(_advice(rows))


def _rows(surrogate: Surrogate, name: str, batches: list[int], threads: list[int], *, optional: bool) -> Iterator[Row]:
    """Times and fidelity of one engine; an optional one that cannot run here only says so."""
    from facsim.export import fidelity, with_engine
    from facsim.surrogate import bench as time

    try:
        chosen = with_engine(surrogate, name)
        found = asdict(fidelity(chosen))
    except FacsimError as error:
        if not optional:
            raise
        say(f"{name}: {error}")
        return
    for timing in time(chosen, batches, threads):
        yield {"engine": name, **asdict(timing), **found}


def _advice(rows: list[Row]) -> str:
    """Which engine `sample` uses, and which would be faster at the largest batch."""
    from facsim.export.engines import DEFAULT, FAITHFUL

    largest = max(row["batch"] for row in rows)
    best = max((row for row in rows if row["batch"] == largest and row["rms"] <= FAITHFUL), key=lambda row: row["median"], default=None)
    told = f"facsim sample uses {DEFAULT}, whose bits are promised"
    if best is None or best["engine"] == DEFAULT:
        return f"{told}; none within an rms difference of {FAITHFUL:g} is faster"
    return f"{told}; the fastest within an rms difference of {FAITHFUL:g} is {best['engine']}: pass --engine {best['engine']}"


def _cells(row: Row) -> tuple[str, ...]:
    rates = (f"{row[name]:,.0f}" for name in ("median", "slowest", "fastest"))
    return (row["engine"], str(row["batch"]), str(row["threads"]), *rates, f"{row['difference']:.1e}", f"{row['rms']:.1e}")
