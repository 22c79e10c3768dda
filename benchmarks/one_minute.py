"""Every family after one minute on the packaged electron gun: `OMP_NUM_THREADS=1 python benchmarks/one_minute.py OUT.md`.

The family's own settings (smaller networks where SETTINGS says so) and 16 x 16 cells; only the number of epochs, or of events where one epoch is
too long, is chosen such that the training takes a minute of one thread's time (`--seconds`), not counting what other programs take from it.
Translation from image to image gets the events' own images, blurred to 4 x 4, as its condition.
The score is that of `adversarial.py`: the mean over five observables of the Wasserstein distance to events not trained on, in standard deviations.
`--keep DIR` writes the trained surrogates, for `sampling.py`.
"""

from __future__ import annotations

import argparse
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from adversarial import score

from facsim.cli.fit import make_plan
from facsim.core import Events, FacsimError, Variable, coarsen, stream
from facsim.data import load_sample
from facsim.data.memory import InMemory
from facsim.models import MODELS
from facsim.studies.workflow import Plan, train, untrained
from facsim.surrogate import Surrogate, save_bundle

TRIED = 8  # steps that are timed before the training
TRAINING, JUDGED, BATCH = 12_000, 500, 64
BLUR = 4  # cells in one of the condition image

HEAD = (
    "family",
    "settings",
    "parameters",
    "steps",
    "seconds",
    "score untrained",
    "score trained",
    "improves",
    "mean energy / truth",
    "its spread / truth",
)


def blurred(events: Events) -> Events:
    """The events with their coarse image as a condition beside the energy."""
    coarse = coarsen(events, BLUR).response / BLUR**2
    image = coarse.repeat(BLUR, axis=1).repeat(BLUR, axis=2)
    variable = Variable("coarse", "MeV", 0.0, float(image.max()), shape=image.shape[1:])
    condition = np.hstack([events.condition, image.reshape(len(events), -1)])
    return Events(condition, events.response, events.detector, (*events.variables, variable))


IMAGES = ("pix2pix", "vae-gan", "clr-gan", "bicycle-gan")
ELSEWHERE = {  # families made for something else than images
    "mixture": "tables of a few numbers (study rich-pid)",
    "unrolled-wgan": "unrolled showers in three dimensions (study lcd-ecal)",
    "unrolled-lagan": "unrolled showers in three dimensions (study lcd-ecal)",
}
SETTINGS: dict[str, dict[str, Any]] = {  # smaller networks, which a minute suffices to train
    "airshower": {"width": 0.125},
    "dcgan": {"channels": 16},
    "lagan": {"channels": 4},
    **{name: {"images": 1, "channels": 8, "depth": 2, "learning_rate": 1e-3} for name in IMAGES},
    "clr-gan": {
        "images": 1,
        "channels": 8,
        "depth": 2,
        "learning_rate": 1e-3,
        "lambda_score": 10.0,
    },  # by itself nothing pulls its events to real ones
}


def judge(surrogate: Surrogate, truth: Events) -> tuple[float, float, float]:
    """Score, mean energy and its spread over the truth's, of as many events as are judged."""
    surrogate.model.eval()
    events = surrogate.simulate(truth.condition[:JUDGED], stream(0, "judge"), extrapolate=True)
    ours, theirs = (e.cells.sum(1) for e in (events, truth))
    return score(events, truth), float(ours.mean() / theirs.mean()), float(ours.std() / theirs.std())


def seconds_a_step(sample: Events, plan_of: Callable[[int], Plan]) -> float:
    """Time of a step after the first, of a training that is thrown away."""
    times: list[float] = []
    train(InMemory(sample[: TRIED * BATCH], "timed"), plan_of(1), on_progress=lambda progress: times.append(time.process_time()))
    return (times[-1] - times[0]) / (len(times) - 1)


def row(name: str, sample: Events, truth: Events, seconds: float, keep: Path | None) -> tuple[str, ...]:
    """One line of the table; the surrogate is kept in a folder of its name."""
    if name in IMAGES:
        sample, truth = blurred(sample), blurred(truth)

    def plan_of(epochs: int) -> Plan:
        plan: Plan = make_plan(name, {**SETTINGS.get(name, {}), "epochs": epochs, "batch_size": BATCH, "device": "cpu"}, 0)
        return plan

    steps = max(TRIED, round(seconds / seconds_a_step(sample, plan_of)))
    one_epoch = -(-len(sample) // BATCH)
    torch.manual_seed(0)
    before, _, _ = judge(untrained(sample, plan_of(1), {}), truth)
    told: list[float] = []
    start = time.process_time()
    part = sample[: steps * BATCH] if steps < one_epoch else sample
    surrogate, history = train(
        InMemory(part, "electron-gun"), plan_of(max(1, round(steps / one_epoch))), on_progress=lambda p: told.append(time.process_time() - start)
    )
    if keep is not None:
        save_bundle(surrogate, keep / name)
    numbers = [value for line in history.rows for value in line.values()]
    after, mean, spread = judge(surrogate, truth)
    size = sum(p.numel() for p in surrogate.model.parameters())
    better = "yes" if after < before and all(map(math.isfinite, numbers)) else "no"
    settings = ", ".join(f"{key} {value}" for key, value in SETTINGS.get(name, {}).items())
    return (
        name,
        settings or "own",
        f"{size:,}",
        f"{len(told):,}",
        f"{told[-1]:.0f}",
        f"{before:.2f}",
        f"{after:.3f}",
        better,
        f"{mean:.3f}",
        f"{spread:.2f}",
    )


def line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", default=list(MODELS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write the trained surrogates there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    events = coarsen(load_sample("electron-gun"), 2)
    sample, truth = events[:TRAINING], events[TRAINING:]
    lines = [
        f"# Every family after {options.seconds:g} seconds",
        "",
        f"Made by `benchmarks/one_minute.py` in one run on one thread of {platform.machine()}, torch {torch.__version__}, one seed:",
        f"{TRAINING:,} events of the electron gun, 16 x 16 cells, batches of {BATCH}, the families' own settings but for those told. Score: mean of",
        f"five Wasserstein distances in standard deviations, {JUDGED:,} events generated against {len(truth):,} true ones; floor (training events):",
        f"{score(sample[:JUDGED], truth):.3f}. Few steps mean a heavy family: this is no training for it. The families that translate images are",
        "given each event's own, blurred to 4 x 4.",
        "",
        line(HEAD),
        line(("---",) * len(HEAD)),
    ]
    for name in options.only:
        if name in ELSEWHERE:
            lines.append(line((name, f"made for {ELSEWHERE[name]}", *[""] * (len(HEAD) - 2))))
            continue
        try:
            lines.append(line(row(name, sample, truth, options.seconds, options.keep)))
        except FacsimError as error:
            lines.append(line((name, f"failed: {error}", *[""] * (len(HEAD) - 2))))
        options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
