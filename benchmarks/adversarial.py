"""Every adversarial family for a short while on the packaged electron gun: `OMP_NUM_THREADS=1 python benchmarks/adversarial.py [names]`.

A sanity check, not a tuned result: the family's own settings (smaller networks where the table says so), 8 x 8 cells, 12,000 events, one seed.
The score is the mean over five observables of the Wasserstein distance to 6000 other events in units of the truth's standard deviation.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from facsim.core import Events, FacsimError, coarsen, stream
from facsim.data import load_sample
from facsim.data.memory import InMemory
from facsim.models import MODELS
from facsim.studies.workflow import Plan, train, untrained
from facsim.surrogate import Surrogate
from facsim.training import Settings

SEEDS = (0,)
TRAINING_EVENTS, BATCH = 12_000, 128
FAMILIES: dict[str, tuple[int, dict[str, Any]]] = {  # epochs and settings
    "gan": (40, {}),
    "gan-dp": (40, {}),
    "wgan-gp": (40, {}),
    "wgan-clip": (40, {}),
    "cramer": (40, {}),
    "energy-distance": (20, {}),
    "dcgan": (10, {"channels": 16}),
    "lagan": (10, {"channels": 4}),
    "pix2pix": (10, {"channels": 16, "depth": 2}),
}

Array = NDArray[Any]


def observables(events: Events) -> Array:
    """Deposit, largest cell, cells above 0.1 MeV, deposit in the central quarter of rows and columns, squared radius: [n, 5]."""
    cells = events.response.astype(np.float64)
    total = cells.sum((1, 2))
    rows, columns = np.indices(cells.shape[1:]) - (np.array(cells.shape[1:]) - 1).reshape(2, 1, 1) / 2
    radius = (cells * (rows**2 + columns**2)).sum((1, 2)) / np.maximum(total, 1e-9)
    middle = slice(3 * cells.shape[1] // 8, 5 * cells.shape[1] // 8)
    return np.stack([total, cells.max((1, 2)), (cells > 0.1).sum((1, 2)), cells[:, middle, middle].sum((1, 2)), radius], axis=1)


def score(candidate: Events, truth: Events) -> float:
    """Mean Wasserstein distance of the observables, in standard deviations of the truth."""
    ours, theirs = observables(candidate), observables(truth)
    return float(np.mean([wasserstein_distance(a, b) / b.std() for a, b in zip(ours.T, theirs.T, strict=True)]))


def events_of(surrogate: Surrogate, truth: Events, seed: int) -> Events:
    """As many events as the truth has, at its conditions."""
    surrogate.model.eval()
    return surrogate.simulate(truth.condition, stream(seed, "judge"))


def row(name: str, sample: Events, truth: Events) -> str:
    """One line of the table: scores before and after, deposit and its spread relative to the truth, seconds of training."""
    epochs, settings = FAMILIES[name]
    told: list[tuple[str, ...]] = []
    for seed in SEEDS:
        training = Settings(**{**MODELS[name].training, "epochs": epochs, "seed": seed})
        plan = Plan(model=name, settings=settings, batch_size=BATCH, training=training)
        torch.manual_seed(seed)
        before = score(events_of(untrained(sample, plan, {}), truth, seed), truth)
        start = time.perf_counter()
        try:
            surrogate, _ = train(InMemory(sample, "electron-gun"), plan)
        except FacsimError as error:
            told.append((f"{before:.2f}", str(error), "", "", ""))
            continue
        spent = time.perf_counter() - start
        events = events_of(surrogate, truth, seed)
        ours, theirs = (e.response.sum((1, 2)) for e in (events, truth))
        ratios = f"{ours.mean() / theirs.mean():.3f}", f"{ours.std() / theirs.std():.2f}"
        told.append((f"{before:.2f}", f"{score(events, truth):.3f}", *ratios, f"{spent:.0f}"))
    columns = " | ".join(", ".join(cell) for cell in zip(*told, strict=True))
    return f"| {name} | {epochs} | {settings or 'own'} | {columns} |"


def main(names: list[str]) -> None:
    """Print the table."""
    events = coarsen(load_sample("electron-gun"), 4)
    sample, truth = events[:TRAINING_EVENTS], events[TRAINING_EVENTS:]
    print(f"floor (training events against the truth): {score(sample, truth):.3f}\n")
    print("| family | epochs | settings | score untrained | score trained | mean deposit / truth | its spread / truth | training / s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in names:
        print(row(name, sample, truth), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(FAMILIES))
