"""Events per second of every family of models on one core: `python benchmarks/sampling.py OUT.md [--trained hits=RUN ...] [--only hits flow]`.

Each family is trained a little on the packaged electron-gun sample (a trained bundle may be given: hits stop where training taught them to),
then samples through `Surrogate.simulate`, transforms and validation included. Seconds are those of the one thread, not of the wall.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from facsim.cli.fit import make_plan
from facsim.core import Events, FacsimError, stream
from facsim.data import load_sample
from facsim.models import MODELS
from facsim.nets import CausalTransformer
from facsim.simulators import track_smearing
from facsim.studies.sources import InMemory
from facsim.studies.workflow import train, untrained
from facsim.surrogate import Surrogate, load_bundle

BATCHES = (1, 100, 10_000)
SECONDS = 0.5  # that each number is measured at least
PASS = 1000  # events that go through a network at once; a slow family's larger batches are measured on one pass
SLOW = 500  # events per second
LENGTHS = (30, 77, 116, 256)  # hits of an event of the sample: mean, 99th percentile, maximum; what the family holds unless told otherwise


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


class WithoutCache(nn.Module):
    """The transformer's steps by the whole forward pass over all tokens so far, behind the same calls as with a cache."""

    def __init__(self, whole: CausalTransformer) -> None:
        super().__init__()
        self.whole = whole

    def new_cache(self, n: int) -> WithoutCache:
        self.tokens: list[Tensor] = []
        return self

    def keep(self, rows: Tensor) -> None:
        self.tokens = [token[rows] for token in self.tokens]

    def step(self, x: Tensor, cache: WithoutCache) -> Tensor:
        cache.tokens.append(x)
        last: Tensor = self.whole(torch.stack(cache.tokens, dim=1))[:, -1]
        return last


@torch.inference_mode()
def steps_per_second(network: CausalTransformer | WithoutCache, length: int, n: int = 250) -> float:
    """Sequences per second of n side by side, token by token."""
    tokens = torch.randn(length, n, 64)
    start, done = time.process_time(), 0
    while time.process_time() - start < SECONDS:
        cache = network.new_cache(n)
        for token in tokens:
            network.step(token, cache)  # type: ignore[arg-type]
        done += n
    return done / (time.process_time() - start)


def cache_table(surrogate: Surrogate) -> list[str]:
    """With and without the cache: the transformer alone by length, and the whole sampling of trained hits."""
    network = surrogate.model.network
    plain = WithoutCache(network.transformer)
    lines = []
    for length in LENGTHS:
        fast, slow = (steps_per_second(n, length) for n in (network.transformer, plain))
        lines.append(f"| transformer, {length} tokens, 250 side by side | {fast:,.0f} | {slow:,.1f} | {fast / slow:.1f} |")
    for length in LENGTHS:
        lines.append(whole_sampling(f"events of {length} hits each", without_stop(length), 250))
    lines.append(whole_sampling("events of a trained model", surrogate, 500))
    return lines


def whole_sampling(what: str, surrogate: Surrogate, n: int) -> str:
    """One line of the table: sampling with the cache, and the same without."""
    network = surrogate.model.network
    condition, whole = surrogate.draw_condition(n, stream(0, "bench")), network.transformer
    times, samples = [time.process_time()], []
    for network.transformer in (whole, WithoutCache(whole)):
        samples.append(surrogate.simulate(condition, stream(1, "bench"), extrapolate=True))
        times.append(time.process_time())
    network.transformer = whole
    same = float(np.isclose(samples[0].cells, samples[1].cells, rtol=1e-2).all(1).mean())
    fast, slow = n / np.diff(times)
    return f"| {what}, {n} of them, cells and energies drawn ({same:.1%} the same) | {fast:,.0f} | {slow:,.1f} | {fast / slow:.1f} |"


def without_stop(length: int) -> Surrogate:
    """An untrained model of the sample whose events all have this many hits."""
    surrogate = untrained(load_sample("electron-gun")[:1024], make_plan("hits", {"max_hits": length}, 0), {})
    torch.nn.init.constant_(surrogate.model.network.bias[-1:], -1e4)
    return surrogate


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
    if "hits" in given:
        lines += ["", "The cache of keys and values (events or sequences per second):", "", "| | with | without | factor |", "|---|---|---|---|"]
        lines += cache_table(load_bundle(given["hits"]))
        options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
