"""Averaged weights: an exponential moving average of the parameters beside the trained ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Ema:
    """The average of a model's parameters over its steps; buffers are not averaged: the model's own hold for both.

    Early on the average is shorter, decay_t = min(decay, (1 + t) / (10 + t)) after t steps, so that it forgets the first, random weights.
    Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging (1992); the warm-up is that of TensorFlow's moving averages.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.average: dict[nn.Parameter, Tensor] = {p: p.detach().clone() for p in model.parameters()}

    @torch.no_grad()
    def update(self, parameters: Iterable[nn.Parameter], step: int) -> None:
        """Move the averages of the parameters that have just been stepped towards them; `step` steps were taken before, of whatever objective."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for parameter in parameters:
            self.average[parameter].lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the model's parameters with the averages."""
        for parameter, average in self.average.items():
            kept = parameter.clone()
            parameter.copy_(average)
            average.copy_(kept)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within this context the model has the averaged parameters."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def state(self) -> list[Tensor]:
        """The averages, in the order of the model's parameters."""
        return list(self.average.values())

    def restore(self, averages: Sequence[Tensor]) -> None:
        """Take over averages that `state` gave."""
        for average, saved in zip(self.average.values(), averages, strict=True):
            average.copy_(saved)
