"""Training of a network that tells truth from candidate: Adam, binary cross entropy, the best epoch on a second split."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facsim.core.events import Array
from facsim.evaluation.classifier.sample import Sample

Encode = Callable[[Sample], Any]  # network input for some events: a tensor, or a tuple of tensors
Quality = Callable[[Tensor, Sample], float]  # of log-odds [n] for some events: the higher the better


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a classifier trains; after `patience` epochs without a better one it stops."""

    epochs: int
    batch: int
    rate: float
    decay: float = 0.0
    patience: int = 1_000
    one_cycle: bool = False


def train_network(net: nn.Module, encode: Encode, train: Sample, validation: Sample, schedule: Schedule, seed: int) -> Callable[[Sample], Array]:
    """Train `net`, keep the epoch with the smallest loss on `validation`; the returned function gives the log-odds to be truth."""
    return fit_network(net, encode, train, validation, schedule, seed=seed, quality=lambda logit, sample: -float(_cross_entropy(logit, sample)))


def fit_network(
    net: nn.Module,
    encode: Encode,
    train: Sample,
    validation: Sample,
    schedule: Schedule,
    *,
    seed: int,
    quality: Quality,
    perfect: float = math.inf,
) -> Callable[[Sample], Array]:
    """As `train_network`, keeping the epoch of best `quality` on `validation`; none can be better than one that is `perfect`."""
    order, best, kept, waited = np.random.default_rng(seed), -np.inf, net.state_dict(), 0
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.rate, weight_decay=schedule.decay)
    steps = schedule.epochs * -(-len(train) // schedule.batch)
    rates = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _one_cycle(step / steps) if schedule.one_cycle else 1.0)
    for _ in range(schedule.epochs):
        _epoch(net, encode, train, schedule.batch, order=order, optimiser=optimiser, rates=rates)
        found = quality(log_odds(net, encode, validation), validation)
        waited += 1
        if found > best:
            best, kept, waited = found, copy.deepcopy(net.state_dict()), 0
        if waited >= schedule.patience or best >= perfect:
            break
    net.load_state_dict(kept)
    return lambda sample: log_odds(net, encode, sample).double().numpy()


def accuracy(logit: Tensor, sample: Sample) -> float:
    """Fraction of events (of their weight) on the right side of even odds."""
    right = (logit > 0).numpy() == (sample.label > 0.5)
    return float(np.average(right, weights=sample.weight))


@torch.no_grad()
def log_odds(net: nn.Module, encode: Encode, sample: Sample, batch: int = 1000) -> Tensor:
    """Output of the network, [n], computed in batches."""
    net.eval()
    return torch.cat([net(encode(sample[index])).reshape(-1) for index in np.split(np.arange(len(sample)), range(batch, len(sample), batch))])


def _epoch(
    net: nn.Module,
    encode: Encode,
    train: Sample,
    batch: int,
    *,
    order: np.random.Generator,
    optimiser: torch.optim.Optimizer,
    rates: torch.optim.lr_scheduler.LambdaLR,
) -> None:
    net.train()
    shuffled = order.permutation(len(train))
    for index in np.split(shuffled, range(batch, len(train), batch)):
        part = train[index]
        optimiser.zero_grad()
        loss = _cross_entropy(net(encode(part)).reshape(-1), part)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        rates.step()


def _cross_entropy(logit: Tensor, sample: Sample) -> Tensor:
    weight = None if sample.weight is None else torch.from_numpy(sample.weight).to(logit)
    return nn.functional.binary_cross_entropy_with_logits(logit, torch.from_numpy(sample.label).to(logit), weight)


def _one_cycle(part: float) -> float:
    """Rate relative to its peak: up over the first fifth of the training, down to nothing over the rest."""
    return min(part / 0.2, (1 - part) / 0.8) if part < 1 else 0.0
