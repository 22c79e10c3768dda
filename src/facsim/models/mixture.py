"""A few numbers that belong together: one mixture of correlated normal densities, whose every number follows the condition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from facsim.core.errors import FacsimError
from facsim.models.density import Density
from facsim.models.family import SHARED, Family
from facsim.nets.mlp import mlp
from facsim.objectives.mixture import LOG_ROOT_2PI, chosen_component

MOST = 100  # numbers of an event, whose covariances then are 5,000 for each component
SPREAD = 0.7  # of the components' first means
START = -1.0  # logarithm of their first standard deviations
ALIKE = 0.1  # of the first weights of what is a component's own: at first all follow the condition together


class Components(NamedTuple):
    """Normal densities of d numbers, each [n, ..., components]: y_i = mean_i + sum of slope_ij (y_j - mean_j) over j < i + std_i times noise.

    `slope` holds the slopes row by row: in each those with the numbers that came before all d, whose means are 0, then those with the j < i.
    """

    mean: Tensor
    log_std: Tensor
    slope: Tensor


class Group(NamedTuple):
    """`size` numbers with a mixture of `components` of their own, which come after `before` others."""

    size: int
    before: int
    components: int

    @property
    def widths(self) -> list[int]:
        """Numbers of a component: logit, means, deviations, slopes, and the slopes of the logit with the numbers before."""
        return [1, self.size, self.size, self.size * self.before + self.size * (self.size - 1) // 2, self.before]

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of a component, and components with what they have in common, which comes last."""
        return sum(self.widths), self.components + 1


class MixtureDensity(Density):
    """A dense network of the condition gives the weights, means and covariances of `components` normal densities of all numbers together.

    What the components have in common, such as where the response is and how wide, is a number of its own that is added to those of all: else each
    component learns it for a region of the conditions alone, the others die out there, and a single normal density is left.
    One pass of the network an event, with an exact density. No standard deviation is smaller than `narrowest`, so that numbers without spread cannot
    raise the likelihood without end; `likelihood` and `faintest` as in a Density. Sources: Bishop, Mixture density networks (1994), Aston
    University NCRG/94/004; Williams, Using neural networks to model conditional multivariate densities, Neural Computation 8 (1996) 843.

    With `groups`, sizes that add up to that of the response, each group of numbers has a mixture of its own (`components` of each, or one number for
    all), whose means and logarithms of weights follow linearly from the numbers before: so what is far from normal in some numbers takes no
    components away from others.

    Raises:
        FacsimError: for too many numbers, groups that are not those of the response, or a density below nothing.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        hidden: Sequence[int] = (64, 64, 64),
        activation: str = "silu",
        components: int | Sequence[int] = 16,
        groups: Sequence[int] = (),
        narrowest: float = 1e-3,
        faintest: float = 0.0,
        likelihood: str = "censored",
    ) -> None:
        super().__init__(condition_size, response_shape, likelihood, faintest)
        if self.size > MOST:
            remedy = "choose another model: covariances grow with the square of the numbers"
            raise FacsimError("this model is for a few numbers an event", expected=f"at most {MOST}", got=self.size, remedy=remedy)
        self.floor = math.log(narrowest)
        self.groups = grouped(list(groups) or [self.size], components, self.size)
        self.outputs = [math.prod(group.shape) for group in self.groups]
        self.network = mlp([max(condition_size, 1), *hidden, sum(self.outputs)], activation)
        self._spread()

    def _spread(self) -> None:
        """Let the components begin in different places, whatever the condition."""
        last = [layer for layer in self.network if isinstance(layer, torch.nn.Linear)][-1]
        with torch.no_grad():
            last.bias.zero_()
            for group, bias, weight in zip(self.groups, torch.split(last.bias, self.outputs), torch.split(last.weight, self.outputs), strict=True):
                _, mean, log_std, _, _ = torch.split(bias.view(group.shape)[:, :-1], group.widths)
                mean.normal_(0, SPREAD)
                log_std.fill_(START)
                weight.view(*group.shape, -1)[:, :-1] *= ALIKE

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, len(self.groups) + self.size, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        choice, noise = torch.special.ndtr(noise[:, : len(self.groups)]), noise[:, len(self.groups) :]
        y: list[Tensor] = []
        for i, (group, (own, common)) in enumerate(zip(self.groups, self._numbers(condition), strict=True)):
            chosen = chosen_component(tilted(own, y), choice[:, i])[:, None]
            one = (own.gather(2, chosen.expand(-1, own.shape[1], -1)) + common).squeeze(2)
            _, mean, log_std, slope, _ = torch.split(one, group.widths, dim=1)
            own_noise = noise[:, group.before : group.before + group.size]
            y += (mean + correlated(own_noise * log_std.clamp_min(self.floor).exp(), slope, y)).unbind(1)
        return self.shaped(torch.stack(y, dim=1))

    def log_prob(self, condition: Tensor, response: Tensor) -> Tensor:
        y = response.flatten(1).unbind(1)
        density = response.new_zeros(len(response))
        for group, (own, common) in zip(self.groups, self._numbers(condition), strict=True):
            before, here = y[: group.before], torch.stack(y[group.before : group.before + group.size], dim=1)
            _, mean, log_std, slope, _ = torch.split(own + common, group.widths, dim=1)
            each = log_density(here[..., None], Components(mean, log_std.clamp_min(self.floor), slope), before)
            density = density + (tilted(own, before).log_softmax(1) + each).logsumexp(1)
        return density

    def _numbers(self, condition: Tensor) -> list[tuple[Tensor, Tensor]]:
        """All numbers of the components of each group, [n, numbers, components], without what they have in common, [n, numbers, 1]."""
        known = condition if self.condition_size else condition.new_ones(condition.shape[0], 1)
        parts = zip(self.groups, self.network(known).split(self.outputs, dim=1), strict=True)
        return [(numbers[..., :-1], numbers[..., -1:]) for numbers in (part.unflatten(1, group.shape) for group, part in parts)]


def grouped(sizes: Sequence[int], components: int | Sequence[int], numbers: int) -> list[Group]:
    """The groups of so many numbers, each after those before."""
    counts = [components] * len(sizes) if isinstance(components, int) else list(components)
    if sum(sizes) != numbers or min([*sizes, *counts]) < 1 or len(counts) != len(sizes):
        got = f"groups {list(sizes)} with {counts} components"
        raise FacsimError("the groups are not those of the response", expected=f"sizes that add up to {numbers}, components of each", got=got)
    return [Group(size, sum(sizes[:i]), count) for i, (size, count) in enumerate(zip(sizes, counts, strict=True))]


def tilted(own: Tensor, before: Sequence[Tensor]) -> Tensor:
    """Logits of the weights [n, components], which follow the numbers before [n] with the last rows of a group's `own` numbers."""
    logit, slopes = own[:, 0], own[:, own.shape[1] - len(before) :].unbind(1)
    for slope, y in zip(slopes, before, strict=True):
        logit = torch.addcmul(logit, slope, y[:, None])
    return logit


def correlated(noise: Tensor, slope: Tensor, before: Sequence[Tensor] = ()) -> Tensor:
    """Departures from the mean [n, d] that follow from independent ones, the numbers before and the slopes [n, numbers].

    Examples:
        >>> correlated(torch.tensor([[1.0, 10.0, 100.0]]), torch.tensor([[2.0, 3.0, 4.0]]))
        tensor([[  1.,  12., 151.]])
    """
    departures = list(before)
    for i, own in enumerate(noise.unbind(1)):
        for s, d in zip(_row(slope, i, len(before)), departures, strict=True):
            own = torch.addcmul(own, s, d)
        departures.append(own)
    return torch.stack(departures[len(before) :], dim=1)


def log_density(y: Tensor, normal: Components, before: Sequence[Tensor] = ()) -> Tensor:
    """Natural logarithm of each component's density at y [n, d, 1], [n, components].

    Examples:
        >>> one = Components(torch.zeros(1, 2, 1), torch.zeros(1, 2, 1), torch.full((1, 1, 1), 0.5))
        >>> log_density(torch.tensor([[[2.0], [1.0]]]), one) == -2 - 2 * LOG_ROOT_2PI
        tensor([[True]])
    """
    own = (y - normal.mean).unbind(1)
    departures, left = [*(x[:, None] for x in before), *own], list(own)
    for i in range(len(own)):
        for s, d in zip(_row(normal.slope, i, len(before)), departures, strict=False):
            left[i] = torch.addcmul(left[i], s, d, value=-1)
    scaled = torch.stack(left, dim=1) * torch.exp(-normal.log_std)
    return -(0.5 * scaled.square() + normal.log_std).sum(1) - y.shape[1] * LOG_ROOT_2PI


def _row(slope: Tensor, i: int, before: int) -> tuple[Tensor, ...]:
    """The slopes of number i with those before it."""
    return slope[:, i * before + i * (i - 1) // 2 : (i + 1) * before + i * (i + 1) // 2].unbind(1)


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
