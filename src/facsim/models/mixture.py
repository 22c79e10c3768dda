"""A few numbers that belong together: one mixture of correlated normal densities, whose every number follows the condition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.errors import FacsimError
from facsim.models.family import SHARED, Family
from facsim.models.flow import is_censored
from facsim.nets.mlp import mlp
from facsim.objectives import fill_below_zero, negative_log_likelihood
from facsim.objectives.mixture import LOG_ROOT_2PI, chosen_component

MOST = 100  # numbers of an event, whose covariances then are 5,000 for each component
SPREAD = 0.7  # of the components' first means
START = -1.0  # logarithm of their first standard deviations
ALIKE = 0.1  # of the first weights of what is a component's own: at first all follow the condition together


class Components(NamedTuple):
    """Normal densities of d numbers, each [n, ..., components]: y_i = mean_i + sum of slope_ij (y_j - mean_j) over j < i + std_i times noise.

    `slope` holds the d (d - 1) / 2 slopes row by row.
    """

    mean: Tensor
    log_std: Tensor
    slope: Tensor


class MixtureDensity(Generator):
    """A dense network of the condition gives the weights, means and covariances of `components` normal densities of all numbers together.

    What the components have in common, such as where the response is and how wide, is a number of its own that is added to those of all: else each
    component learns it for a region of the conditions alone, the others die out there, and a single normal density is left.
    One pass of the network an event, with an exact density. No standard deviation is smaller than `narrowest`, so that numbers without spread cannot
    raise the likelihood without end. The likelihood is that of the density plus `faintest`, so that events far from all others of a
    sample tell nothing: with weights below zero it then has a maximum, and background of both signs that lies where no signal is does not disturb.
    `likelihood` as in a Flow: "normal", or "censored" where the response is never negative. Sources: Bishop, Mixture density networks (1994), Aston
    University NCRG/94/004; Williams, Using neural networks to model conditional multivariate densities, Neural Computation 8 (1996) 843.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        hidden: Sequence[int] = (64, 64, 64),
        activation: str = "silu",
        components: int = 16,
        narrowest: float = 1e-3,
        faintest: float = 0.0,
        likelihood: str = "censored",
    ) -> None:
        super().__init__()
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.size, self.components, self.censored = math.prod(response_shape), components, is_censored(likelihood)
        if self.size > MOST:
            remedy = "choose another model: covariances grow with the square of the numbers"
            raise FacsimError("this model is for a few numbers an event", expected=f"at most {MOST}", got=self.size, remedy=remedy)
        if faintest < 0:
            raise FacsimError("a density cannot be less than nothing", expected="faintest >= 0", got=faintest)
        self.floor, self.faintest = math.log(narrowest), math.log(faintest) if faintest else -math.inf
        self.sizes = [1, self.size, self.size, self.size * (self.size - 1) // 2]  # numbers of a component: logit, means, deviations, slopes
        self.network = mlp([max(condition_size, 1), *hidden, (components + 1) * sum(self.sizes)], activation)
        self._spread()

    def _spread(self) -> None:
        """Let the components begin in different places, whatever the condition."""
        last = [layer for layer in self.network if isinstance(layer, torch.nn.Linear)][-1]
        first = torch.zeros(sum(self.sizes), self.components + 1)
        _, mean, log_std, _ = torch.split(first[:, :-1], self.sizes)
        mean.normal_(0, SPREAD)
        log_std.fill_(START)
        with torch.no_grad():
            last.bias.copy_(first.flatten())
            last.weight.view(*first.shape, -1)[:, :-1] *= ALIKE

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 1 + self.size, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        own, common = self._numbers(condition)
        chosen = chosen_component(own[:, 0], torch.special.ndtr(noise[:, 0]))[:, None]
        one = (own.gather(2, chosen.expand(-1, own.shape[1], -1)) + common).squeeze(2)
        _, mean, log_std, slope = torch.split(one, self.sizes, dim=1)
        y: Tensor = mean + correlated(noise[:, 1:] * log_std.clamp_min(self.floor).exp(), slope)
        return (y.clamp_min(0) if self.censored else y).reshape(-1, *self.response_shape)

    def log_prob(self, condition: Tensor, response: Tensor) -> Tensor:
        """Natural logarithm of the density of each response, [n]; of a "censored" one before its cut, so cells must not be zero."""
        own, common = self._numbers(condition)
        logit, mean, log_std, slope = torch.split(own + common, self.sizes, dim=1)
        each = log_density(response.flatten(1)[..., None], Components(mean, log_std.clamp_min(self.floor), slope))
        density: Tensor = (logit.squeeze(1).log_softmax(1) + each).logsumexp(1)
        return density

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("likelihood", self.nll, tuple(self.parameters())),)

    def nll(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the logarithm of the density at the batch's events, where there is less than `faintest` that of `faintest`."""
        response = fill_below_zero(batch.response, rng) if self.censored else batch.response
        log_prob = self.log_prob(batch.condition, response)
        return {"nll": negative_log_likelihood(torch.logaddexp(log_prob, log_prob.new_tensor(self.faintest)), batch.weight)}

    def _numbers(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """All numbers of the components, [n, numbers, components], without what they have in common, [n, numbers, 1]."""
        known = condition if self.condition_size else condition.new_ones(condition.shape[0], 1)
        numbers: Tensor = self.network(known).reshape(-1, sum(self.sizes), self.components + 1)
        return numbers[..., :-1], numbers[..., -1:]


def correlated(noise: Tensor, slope: Tensor) -> Tensor:
    """Departures from the mean [n, d] that follow from independent ones and the slopes [n, d (d - 1) / 2].

    Examples:
        >>> correlated(torch.tensor([[1.0, 10.0, 100.0]]), torch.tensor([[2.0, 3.0, 4.0]]))
        tensor([[  1.,  12., 151.]])
    """
    departures: list[Tensor] = []
    for i, own in enumerate(noise.unbind(1)):
        departures.append(own + sum((s * d for s, d in zip(_row(slope, i), departures, strict=True)), torch.zeros(())))
    return torch.stack(departures, dim=1)


def log_density(y: Tensor, normal: Components) -> Tensor:
    """Natural logarithm of each component's density at y [n, d, 1], [n, components].

    Examples:
        >>> one = Components(torch.zeros(1, 2, 1), torch.zeros(1, 2, 1), torch.full((1, 1, 1), 0.5))
        >>> log_density(torch.tensor([[[2.0], [1.0]]]), one) == -2 - 2 * LOG_ROOT_2PI
        tensor([[True]])
    """
    departures = (y - normal.mean).unbind(1)
    left = [own - sum((s * d for s, d in zip(_row(normal.slope, i), departures, strict=False)), torch.zeros(())) for i, own in enumerate(departures)]
    scaled = torch.stack(left, dim=1) * torch.exp(-normal.log_std)
    return -(0.5 * scaled.square() + normal.log_std).sum(1) - y.shape[1] * LOG_ROOT_2PI


def _row(slope: Tensor, i: int) -> tuple[Tensor, ...]:
    """The slopes of number i with those before it."""
    return slope[:, i * (i - 1) // 2 : i * (i + 1) // 2].unbind(1)


FAMILIES = {
    "mixture": Family(
        MixtureDensity,
        idea="one mixture of correlated normal densities of all numbers, which follows the condition",
        when="a few numbers an event (particle identification) at a million events a second, with a density",
        cost="one small dense network, one pass an event; grows with the square of the response's size",
        source="Bishop (1994), mixture density networks; Williams, Neural Computation 8 (1996) 843",
        response=SHARED,
        training={"epochs": 30, "learning_rate": 2e-3, "schedule": "onecycle", "clip": 5.0},
    ),
}
