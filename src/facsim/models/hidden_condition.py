"""The condition behind each event of data, which nobody knows: inferred from numbers that fluctuate on their own once it is given.

Simulation tells how each number follows the condition; data's numbers are taken to differ from that by smooth functions of it, and their conditions
to be distributed like the simulation's. Expectation and maximisation in turn: Dempster, Laird and Rubin, J. R. Stat. Soc. B 39 (1977) 1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LEVELS = 200  # of the condition, equally likely ones
ROUNDS = 4
SELDOM = 0.01  # numbers that are above zero less often in one of the samples tell nothing of the condition
OF_SIMULATION, OF_DIFFERENCE = (24, 1.5), (12, 2.0)  # knots of a polygon over the levels, and how much denser they lie at its beginning
STIFFNESS = 20.0  # of the difference: events that speak for a polygon without bends
NARROWEST = 0.2  # variance at a level, of the number's typical one


class Response(NamedTuple):
    """How numbers follow the condition: chance to be above zero, mean and variance of the logarithm where they are, [LEVELS, numbers] each."""

    hit: Tensor
    mean: Tensor
    variance: Tensor


def rank(x: Tensor) -> Tensor:
    """The place of each number [n] among all of them, in (0, 1).

    Examples:
        >>> rank(torch.tensor([30.0, 10.0])).tolist()
        [0.75, 0.25]
    """
    return (x.argsort().argsort().double() + 0.5) / len(x)


def draw_hidden_ranks(condition: Tensor, simulation: Tensor, data: Tensor, rng: torch.Generator) -> Tensor:
    """The rank in (0, 1) of each event of data among the conditions, one drawn from all that fit the event, [m].

    `condition` [n] belongs to the simulated numbers >= 0, [n, k]; data are [m, k]. First data are read as a simulation whose numbers have other
    scales, then each round learns how data's own numbers follow the condition.
    """
    often = torch.minimum(*((s > 0).float().mean(0) for s in (simulation, data))) >= SELDOM
    simulation, data = simulation[:, often], data[:, often]
    many, few = (polygon(*knots) for knots in (OF_SIMULATION, OF_DIFFERENCE))
    simulated, measured = features(simulation), features(data)
    known = torch.nn.functional.one_hot((rank(condition) * LEVELS).long(), LEVELS).double()
    response = learned(known, simulated, many, many, torch.zeros(()), 1e-3)
    weight = posterior(*features(quantiles_of(simulation, data)), response)
    for _ in range(ROUNDS):
        weight = posterior(*measured, learned(evened(weight), measured, few, many, response.mean, STIFFNESS))
    level = torch.multinomial(weight, 1, generator=rng).squeeze(1)
    return (level + torch.rand(len(level), generator=rng)) / LEVELS


def evened(weight: Tensor) -> Tensor:
    """Weights [n, levels] with the levels stretched and squeezed until all are as likely, in the order that they have.

    The rounds alone would need very many of them for it, as each moves an event by no more than its resolution.

    Examples:
        >>> evened(torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))[[0, 3]]
        tensor([[0.6667, 0.3333],
                [0.0000, 1.0000]])
    """
    new = torch.linspace(0, 1, weight.shape[1] + 1, dtype=weight.dtype)
    old = torch.nn.functional.pad(weight.mean(0).cumsum(0), (1, 0))
    shared = (torch.minimum(old[1:, None], new[1:]) - torch.maximum(old[:-1, None], new[:-1])).clamp_min(0)
    return weight @ (shared / shared.sum(1, keepdim=True).clamp_min(1e-12))


def polygon(knots: int, power: float) -> Tensor:
    """Values at the levels of the hat functions of a polygon whose knots are (i / (knots - 1))^power, [LEVELS, knots]."""
    at, level = torch.linspace(0, 1, knots, dtype=torch.float64) ** power, (torch.arange(LEVELS) + 0.5) / LEVELS
    right = torch.searchsorted(at, level.double()).clamp(1, knots - 1)
    share = (level - at[right - 1]) / (at[right] - at[right - 1])
    below, above = (torch.nn.functional.one_hot(i, knots) for i in (right - 1, right))
    hats: Tensor = below * (1 - share)[:, None] + above * share[:, None]
    return hats


def features(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Whether numbers [n, k] are above zero, as 0 or 1, and their logarithms, 0 where they are not."""
    hit = numbers > 0
    return hit.double(), torch.where(hit, numbers, 1.0).double().log()


def quantiles_of(simulation: Tensor, data: Tensor) -> Tensor:
    """Data [m, k] with each number replaced by that of the same rank in the simulation [n, k]; zero stays zero."""
    place = data.argsort(0).argsort(0).double().add(0.5).mul(len(simulation) / len(data)).long()
    return torch.where(data > 0, simulation.sort(0).values.gather(0, place), 0.0)


def learned(weight: Tensor, seen: tuple[Tensor, Tensor], few: Tensor, many: Tensor, reference: Tensor, stiffness: float) -> Response:
    """The response from events that belong to the levels by `weight` [n, LEVELS]; the mean differs from `reference` by a polygon of `few`."""
    hit, log = seen
    events, hits = weight.sum(0)[:, None].clamp_min(1e-6), weight.T @ hit
    first, second, some = weight.T @ log, weight.T @ log.square(), hits.clamp_min(1e-9)
    chance = smoothed(hits / events, events.expand_as(hits), many, 1e-3).clamp(0.5 / len(hit), 1 - 0.5 / len(hit))
    mean = reference + smoothed(first / some - reference, hits, few, stiffness)
    variance = (second - 2 * mean * first + mean.square() * hits) / some
    typical = (variance * hits).sum(0) / hits.sum(0).clamp_min(1e-9) + 1e-9
    return Response(chance, mean, torch.maximum(smoothed(variance, hits, few, stiffness), NARROWEST * typical))


def smoothed(values: Tensor, weight: Tensor, hats: Tensor, stiffness: float) -> Tensor:
    """The polygons nearest to values [LEVELS, k] by weight, whose bends are held back by the stiffness."""
    knots = hats.shape[1]
    bend = torch.eye(knots, dtype=hats.dtype).diff(n=2, dim=0)
    normal = torch.einsum("lp,lk,lq->kpq", hats, weight, hats) + stiffness * bend.T @ bend + 1e-9 * torch.eye(knots, dtype=hats.dtype)
    right = torch.einsum("lp,lk->kp", hats, weight * values)
    height: Tensor = torch.linalg.solve(normal, right[..., None]).squeeze(-1)
    return hats @ height.T


def posterior(hit: Tensor, log: Tensor, response: Response) -> Tensor:
    """How well each level fits each event, [n, LEVELS]; levels are equally likely before."""
    chance, mean, precision = response.hit, response.mean, 1 / response.variance
    given_hit = chance.logit() - 0.5 * (mean.square() * precision - precision.log())
    fit = hit @ given_hit.T + log @ (mean * precision).T - 0.5 * log.square() @ precision.T + torch.log1p(-chance).sum(1)
    return fit.softmax(1)
