"""What the cache of keys and values saves the autoregressive `hits`: `python benchmarks/cache.py OUT.md RUN...`, on one thread.

The transformer alone and untrained models with events of equal length, by length; then the whole sampling of each trained model given. Seconds are
those of the one thread, not of the wall.
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
from facsim.core import stream
from facsim.data import load_sample
from facsim.nets import CausalTransformer
from facsim.studies.workflow import untrained
from facsim.surrogate import Surrogate, load_bundle

LENGTHS = (30, 77, 116, 256)  # hits of an event of the packaged sample: mean, 99th percentile, maximum; what the family holds unless told otherwise
SECONDS = 0.5  # that each number of the transformer is measured at least
EVENTS = 100  # that each trained model makes


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
            network.step(token, cache)
        done += n
    return done / (time.process_time() - start)


def whole_sampling(what: str, surrogate: Surrogate, n: int) -> str:
    """One line of the table: sampling with the cache, and the same without."""
    network = surrogate.model.network
    condition, whole = surrogate.draw_condition(n, stream(0, "bench")), network.transformer
    times, samples = [time.process_time()], []
    for network.transformer in (whole, WithoutCache(whole)):
        samples.append(surrogate.simulate(condition, stream(1, "bench"), extrapolate=True).cells)
        times.append(time.process_time())
    network.transformer = whole
    same, hits = float(np.isclose(*samples, rtol=1e-2).all(1).mean()), float((samples[0] > 0).sum(1).mean())
    return line(f"{what}: {n} events of {hits:.0f} hits on average, cells and energies drawn ({same:.1%} the same)", *(n / np.diff(times)))


def line(what: str, fast: float, slow: float) -> str:
    """Speeds with and without, and their ratio."""
    return f"| {what} | {fast:,.0f} | {slow:,.1f} | {fast / slow:.1f} |"


def without_stop(length: int) -> Surrogate:
    """An untrained model of the sample whose events all have this many hits."""
    surrogate = untrained(load_sample("electron-gun")[:1024], make_plan("hits", {"max_hits": length}, 0), {})
    torch.nn.init.constant_(surrogate.model.network.bias[-1:], -1e4)
    return surrogate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", type=Path, nargs="*", metavar="RUN")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformer = untrained(load_sample("electron-gun")[:1024], make_plan("hits", {}, 0), {}).model.network.transformer
    lines = [
        "# What the cache of keys and values saves",
        "",
        f"Made by `benchmarks/cache.py` on one thread of {platform.machine()}, torch {torch.__version__}: sequences or events per second.",
        "",
        "| | with | without | factor |",
        "|---|---|---|---|",
    ]
    for length in LENGTHS:
        speeds = (steps_per_second(network, length) for network in (transformer, WithoutCache(transformer)))
        lines.append(line(f"transformer alone, {length} tokens, 250 side by side", *speeds))
    lines += [whole_sampling("untrained", without_stop(length), 250) for length in LENGTHS]
    lines += [whole_sampling(f"trained on {run.name}", load_bundle(run), EVENTS) for run in options.runs]
    options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
