"""`facsim bench`: how many events a second a surrogate makes."""

from __future__ import annotations

from dataclasses import asdict

from facsim.cli.options import Json, numbers
from facsim.cli.show import show_json, show_table
from facsim.cli.surrogates import open_surrogate


def bench(surrogate: str, /, *, batch: str = "1,100,10000", threads: str = "1,2", json: Json = False) -> None:
    """Time a surrogate, transforms and validation included.

    Parameters
    ----------
    surrogate
        Run folder, bundle folder, or zoo:NAME.
    batch
        Batch sizes, comma-separated.
    threads
        Numbers of threads, comma-separated.
    json
        Print one JSON document.
    """
    from facsim.surrogate import bench as time

    timings = time(open_surrogate(surrogate), numbers(batch, "--batch"), numbers(threads, "--threads"))
    if json:
        show_json([asdict(t) for t in timings])
        return
    rows = [(str(t.batch), str(t.threads), f"{t.median:,.0f}", f"{t.slowest:,.0f}", f"{t.fastest:,.0f}") for t in timings]
    show_table(
        f"{surrogate}: events per second",
        ("batch", "threads", "median", "slowest", "fastest"),
        rows,
        right=("batch", "threads", "median", "slowest", "fastest"),
    )
