"""What models of all numbers of an event share: what stands for zeros, and with an exact density the likelihood that trains them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.objectives.likelihood import fill_below_zero, fill_with_noise, negative_log_likelihood


def as_it_is(y: Tensor, rng: torch.Generator) -> Tensor:
    """The response."""
    return y


FILLS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "normal": as_it_is,  # any numbers
    "censored": fill_below_zero,  # never negative: cells without energy are spread below zero and cut again
    "still": fill_with_noise,  # what is zero has no spread where it is, and the transforms put it back whatever is drawn
}


class Field(Generator):
    """A model of all numbers of an event together, zero or not; `likelihood`, one of FILLS, says what stands for the zeros.

    Raises:
        FacsimError: for an unknown likelihood.
    """

    def __init__(self, condition_size: int, response_shape: tuple[int, ...], likelihood: str) -> None:
        super().__init__()
        self.condition_size, self.response_shape, self.size = condition_size, tuple(response_shape), math.prod(response_shape)
        self.fill, self.censored = look_up(FILLS, likelihood, "likelihood"), likelihood == "censored"

    def shaped(self, y: Tensor) -> Tensor:
        """Numbers [n, size] as responses, cut at zero where there is nothing below."""
        return (y.clamp_min(0) if self.censored else y).reshape(-1, *self.response_shape)


class Density(Field):
    """A Field with an exact density, trained to the largest likelihood.

    The density is taken to be larger by `faintest`, so that events far from all others of a sample tell nothing: with weights below zero there then
    is a largest likelihood, and background of both signs that lies where no signal is does not disturb; but a mode of few events that lies there is
    not found.

    Raises:
        FacsimError: for an unknown likelihood, or a density below nothing.
    """

    def __init__(self, condition_size: int, response_shape: tuple[int, ...], likelihood: str, faintest: float) -> None:
        super().__init__(condition_size, response_shape, likelihood)
        if faintest < 0:
            raise FacsimError("a density cannot be less than nothing", expected="faintest >= 0", got=faintest)
        self.faintest = faintest

    @abstractmethod
    def log_prob(self, condition: Tensor, response: Tensor) -> Tensor:
        """Natural logarithm of the density of each response, [n]; of a "censored" one before its cut, so cells must not be zero."""

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("likelihood", self.nll, tuple(self.parameters())),)

    def nll(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the logarithm of the density at the batch's events."""
        log_prob = self.log_prob(batch.condition, self.fill(batch.response, rng))
        return {"nll": negative_log_likelihood(log_prob, batch.weight, self.faintest)}
