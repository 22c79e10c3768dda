"""Do gradients of the LCD study's adversarial networks collapse? `OMP_NUM_THREADS=1 python benchmarks/lcd_gradients.py FOLDER [ROUNDS]`, a table.

FOLDER holds the train.h5 of the study `lcd-ecal`. Each of its two adversarial models is trained from three seeds, as the study trains it, but for so
many rounds (five steps of the critic, one of the generator) alone. The norm is that of a whole network's gradient before the weights are moved.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from facsim.core import Events
from facsim.core.contracts import Batch, Objective
from facsim.data import ArrayBatches, read
from facsim.studies.lcd_ecal import MODELS
from facsim.studies.workflow import Plan, untrained
from facsim.training import Settings

NAMES, SEEDS, ROUNDS, SHOWN = ("mlp-wgan", "lagan"), (0, 1, 2), 15, 3


def step(objective: Objective, batch: Batch, optimiser: torch.optim.Optimizer, rng: torch.Generator) -> tuple[float, float]:
    """Loss and norm of the gradient of one step."""
    optimiser.zero_grad()
    loss = sum(objective.loss(batch, rng).values(), torch.zeros(()))
    loss.backward()  # type: ignore[no-untyped-call]
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in objective.parameters if p.grad is not None))
    optimiser.step()
    return float(loss.detach()), norm


def rounds(name: str, events: Events, seed: int) -> Iterator[dict[str, tuple[float, float]]]:
    """Loss and norm of each network's last step of a round, round after round."""
    model = MODELS[name]
    torch.manual_seed(seed)
    plan = Plan(model=model.family, settings=model.settings, response=model.response, training=Settings(epochs=1, seed=seed))
    surrogate = untrained(events, plan, {"seed": seed})
    batches = ArrayBatches.from_events(events, surrogate.prepare, batch_size=model.batch, seed=seed)
    source = (batch for epoch in range(1000) for batch in batches.epoch(epoch))
    rng, objectives = torch.Generator().manual_seed(seed), surrogate.model.objectives()
    optimisers = [torch.optim.RMSprop(list(o.parameters), lr=float(model.training["learning_rate"])) for o in objectives]
    while True:
        found = {}
        for objective, optimiser in zip(objectives, optimisers, strict=True):
            for _ in range(objective.repeats):
                found[objective.name] = step(objective, next(source), optimiser, rng)
        yield found


def main(folder: Path, count: int) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    events = read(folder / "train.h5")
    print(f"| model, seed | network | norm of the gradient, first {SHOWN} rounds | last {SHOWN} of {count} | least of all | loss, last |")
    print("|---|---|---|---|---|---|")
    for name in NAMES:
        for seed in SEEDS:
            history = list(islice(rounds(name, events, seed), count))
            for network in history[0]:
                loss, norm = np.array([row[network] for row in history]).T
                first, last = norm[:SHOWN].mean(), norm[-SHOWN:].mean()
                print(f"| {name}, {seed} | {network} | {first:.3g} | {last:.3g} | {norm.min():.3g} | {loss[-1]:.3g} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS)
