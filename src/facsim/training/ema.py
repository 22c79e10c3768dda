"""Averaged weights: an exponential moving average of the parameters, and of what was measured with them, beside the trained ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Ema:
    """The average of a model's parameters over its steps, and of the floating buffers of the modules that own them.

    Such buffers (means and variances of batch norm) were measured with the weights of each step, so that averaged weights want their average: to
    first order in the weights' changes it is what the averaged weights would measure. Counters, and buffers of modules without parameters, stay.
    Early on the average is shorter, decay_t = min(decay, (1 + t) / (10 + t)) after t steps, so that it forgets the first, random weights.
    Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging (1992); the warm-up is that of TensorFlow's moving averages.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.beside = {p: _floating(module) for module in model.modules() for p in module.parameters(recurse=False)}
        self.average: dict[Tensor, Tensor] = {t: t.detach().clone() for t in self._with_buffers(model.parameters())}

    @torch.no_grad()
    def update(self, parameters: Iterable[nn.Parameter], step: int) -> None:
        """Move the averages of the parameters that have just been stepped towards them; `step` steps were taken before, of whatever objective."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for tensor in self._with_buffers(parameters):
            self.average[tensor].lerp_(tensor, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the model's parameters and buffers with the averages."""
        for tensor, average in self.average.items():
            kept = tensor.clone()
            tensor.copy_(average)
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
        """The averages, in the order of the model's parameters, then of the buffers beside them."""
        return list(self.average.values())

    def restore(self, averages: Sequence[Tensor]) -> None:
        """Take over averages that `state` gave."""
        for average, saved in zip(self.average.values(), averages, strict=True):
            average.copy_(saved)

    def _with_buffers(self, parameters: Iterable[nn.Parameter]) -> dict[Tensor, None]:
        """The parameters, then the buffers beside them, each once."""
        own = list(parameters)
        return dict.fromkeys([*own, *(buffer for p in own for buffer in self.beside[p])])


def _floating(module: nn.Module) -> list[Tensor]:
    """The module's own buffers that can be averaged."""
    return [buffer for buffer in module.buffers(recurse=False) if buffer.is_floating_point()]
