"""Events per second of every family of models on one core: `python benchmarks/sampling.py OUT.md [--trained hits=RUN ...] [--only hits flow]`.

Each family is trained a little on the packaged electron-gun sample (a trained bundle may be given: hits stop where training taught
them to; what their cache saves: cache.py), then samples through `Surrogate.simulate`,
transforms and validation included. Seconds are those of the one thread, not of the wall.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import torch

from facsim.cli.fit import make_plan
from facsim.core import Events, FacsimError, stream
from facsim.data import load_sample
from facsim.data.memory import InMemory
from facsim.models import MODELS
from facsim.simulators import track_smearing
from facsim.studies.workflow import train
from facsim.surrogate import Surrogate, load_bundle

BATCHES = (1, 100, 10_000)
SECONDS = 0.5  # that each number is measured at least
PASS = 1000  # events that go through a network at once; a slow family's larger batches are measured on one pass
SLOW = 500  # events per second


def rate(surrogate: Surrogate, batch: int) -> float:
    """Events per second, after a small uncounted batch."""
    rng = stream(0, "bench")
    condition = surrogate.draw_condition(batch, rng)
    surrogate.simulate(condition[:100], rng)
    start, done = time.process_time(), 0
    while time.process_time() - start < SECONDS:
        surrogate.simulate(condition, rng)
        done += batch
    return done / (time.process_time() - start)


def trained(name: str, events: Events) -> Surrogate:
    return train(InMemory(events, "benchmark"), make_plan(name, {"epochs": 1}, 0))[0]


def row(name: str, what: str, surrogate: Surrogate) -> str:
    """One line of the table."""
    size = sum(p.numel() for p in surrogate.model.parameters())
    rates: list[float] = []
    for batch in BATCHES:
        rates.append(rate(surrogate, batch if not rates or rates[-1] > SLOW else min(batch, PASS)))
    return f"| {name} | {what} | {size:,} | " + " | ".join(f"{r:,.0f}" for r in rates) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trained", nargs="*", default=[], metavar="NAME=RUN")
    parser.add_argument("--only", nargs="*", default=list(MODELS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    given = {name: Path(folder) for name, folder in (text.split("=") for text in options.trained)}
    rng, smearing = stream(0, "table"), track_smearing()
    table = smearing.simulate(smearing.prior(2000, rng), rng)
    lines = [
        "# Sampling speed of every family",
        "",
        f"Made by `benchmarks/sampling.py` in one run on one thread of {platform.machine()}, torch {torch.__version__}: events per second by batch,",
        f"transforms included; a family below {SLOW} at batch 100 has its largest batch measured on {PASS} events, one pass of the network.",
        f"Image: 32 x 32 electron gun (Geant4 makes 3,700 a second); table: {table.detector.n_cells} number(s) of track smearing.",
        "",
        "| family | response | parameters | " + " | ".join(f"batch {b:,}" for b in BATCHES) + " |",
        "|" + "---|" * (3 + len(BATCHES)),
    ]
    for name in options.only:
        for what, events in (("image", load_sample("electron-gun")[:1024]), ("table", table)):
            try:
                surrogate = load_bundle(given[name]) if what == "image" and name in given else trained(name, events)
                lines.append(row(name, what, surrogate))
            except (FacsimError, RuntimeError) as error:
                lines.append(f"| {name} | {what} | not for this response: {str(error).splitlines()[0][:120]} | | | |")
            options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
