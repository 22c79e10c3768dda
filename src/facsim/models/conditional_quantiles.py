"""Distributions that follow another number: where a value stands among those of like events, and which value stands there."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

FEWEST = 200  # events in a slice
FEWEST_HITS = 20  # of a number in a slice, for a distribution of its own
EDGE = 1e-7
LOWEST = 1e-4  # place among the hits: a hit stays one


class ConditionalQuantiles(nn.Module):
    """Numbers x >= 0, [n, rows, channels], each with a distribution that follows a covariate of its row, [n, rows].

    In slices of the covariate with equally many events: how often the number is above zero, the trend of its logarithm, and quantiles about that.
    `level` gives the place of a number in its distribution in (0, 1), where zeros are spread out at random: Rosenblatt, Ann. Math. Stat. 23 (1952)
    470; `value` is its inverse. What was never above zero stays zero.
    """

    def __init__(self, rows: int, channels: int, slices: int = 32, knots: int = 32) -> None:
        super().__init__()
        self.slices, self.knots = slices, knots
        self.register_buffer("edges", torch.full((rows, slices - 1), math.inf))
        self.register_buffer("span", torch.zeros(rows, 2))
        for name, shape in {"hit": (), "trend": (3,), "least": (), "quantiles": (knots,)}.items():
            self.register_buffer(name, torch.zeros(rows, slices, channels, *shape))
        self.edges: Tensor
        self.span: Tensor  # smallest and largest covariate
        self.hit: Tensor
        self.trend: Tensor  # covariate's mean, logarithm's mean, slope
        self.least: Tensor
        self.quantiles: Tensor

    def fit(self, row: int, x: Tensor, covariate: Tensor) -> None:
        """Learn one row from numbers [m, channels] and covariates [m]; without any event it stays as it is, never above zero."""
        if not len(x):
            return
        x, covariate = x[covariate.argsort()], covariate.sort().values
        used = min(max(len(x) // FEWEST, 1), self.slices)
        bounds = torch.linspace(0, len(x), used + 1).long().tolist()
        self.span[row] = covariate[[0, -1]]
        self.edges[row, : used - 1] = covariate[bounds[1:-1]]
        whole = described(x, covariate, self.knots, sloped=False)
        enough = torch.zeros(used, x.shape[1], dtype=torch.bool)
        for i, (low, high) in enumerate(pairwise(bounds)):
            hits = (x[low:high] > 0).sum(0)
            self.hit[row, i], enough[i] = hits / (high - low), hits >= FEWEST_HITS
            self._learn(row, i, described(x[low:high], covariate[low:high], self.knots), enough[i])
            self._learn(row, i, whole, ~enough[i])
        self._borrow(row, enough)

    def _learn(self, row: int, i: int, description: tuple[Tensor, Tensor, Tensor], channels: Tensor) -> None:
        for table, values in zip((self.trend, self.least, self.quantiles), description, strict=True):
            table[row, i, channels] = values[channels]

    def _borrow(self, row: int, enough: Tensor) -> None:
        """Give numbers with too few hits in a slice [slices, channels] what the nearest slice with enough of them learned, without its slope."""
        up, down = range(1, len(enough)), range(len(enough) - 2, -1, -1)
        for i, j in [*((i, i + 1) for i in down), *((i, i - 1) for i in up)]:
            lent = ~enough[i] & enough[j]
            for table in (self.trend, self.least, self.quantiles):
                table[row, i, lent] = table[row, j, lent]
            self.trend[row, i, lent, 2] = 0
            enough[i] |= lent

    def share(self, rows: Tensor) -> None:
        """Give all of these rows what the first of them has learned."""
        for table in self.buffers():
            table[rows] = table[rows[0]].clone()

    def level(self, x: Tensor, covariate: Tensor, below: Tensor) -> Tensor:
        """Places [n, rows, channels] in (0, 1); `below`, uniform in (0, 1), spreads the zeros."""
        inside, part = self._slice(covariate)
        share = self.hit[torch.arange(x.shape[1]), part]
        placed = below * (1 - share)
        event, row, channel = torch.nonzero((x > 0) & (share > 0), as_tuple=True)
        if len(event):
            at = (row, part[event, row], channel)
            left, knots = x[event, row, channel].log() - self._trend(at, inside[event, row]), self.quantiles[at]
            above = torch.searchsorted(knots, left[:, None]).clamp(1, self.knots - 1)
            low, high = knots.gather(1, above - 1), knots.gather(1, above)
            within = ((left[:, None] - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
            order = ((above - 1 + within) / (self.knots - 1)).squeeze(1).clamp_min(LOWEST)
            placed[event, row, channel] = 1 - self.hit[at] * (1 - order)
        return placed.clamp(EDGE, 1 - EDGE)

    def value(self, level: Tensor, covariate: Tensor) -> Tensor:
        """The numbers [n, rows, channels] at these places."""
        inside, part = self._slice(covariate)
        share = self.hit[torch.arange(level.shape[1]), part]
        x = torch.zeros_like(level)
        event, row, channel = torch.nonzero((level > 1 - share) & (share > 0), as_tuple=True)
        at = (row, part[event, row], channel)
        position = (1 - (1 - level[event, row, channel]) / self.hit[at]).clamp(0, 1) * (self.knots - 1)
        below, knots = position.long().clamp_max(self.knots - 2), self.quantiles[at]
        low, high = (knots.gather(1, i[:, None]).squeeze(1) for i in (below, below + 1))
        left = torch.lerp(low, high, position - below)
        x[event, row, channel] = torch.maximum((left + self._trend(at, inside[event, row])).exp(), self.least[at])
        return x

    def _slice(self, covariate: Tensor) -> tuple[Tensor, Tensor]:
        """The covariates within those that were seen, and their slices, [n, rows] each."""
        inside = torch.minimum(torch.maximum(covariate, self.span[:, 0]), self.span[:, 1])
        return inside, torch.searchsorted(self.edges, inside.T.contiguous(), right=True).T

    def _trend(self, at: tuple[Tensor, Tensor, Tensor], covariate: Tensor) -> Tensor:
        centre, mean, slope = self.trend[at].unbind(-1)
        return mean + slope * (covariate - centre)


def described(x: Tensor, covariate: Tensor, knots: int, *, sloped: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """Of the x > 0, [n, k]: trend [k, 3] (means of covariate and logarithm, slope), smallest value [k], quantiles about the trend [k, knots]."""
    hit, c = x > 0, covariate[:, None].expand_as(x)
    some, log = hit.sum(0).clamp_min(1), torch.where(hit, x, 1.0).log()
    centre, mean = ((t * hit).sum(0) / some for t in (c, log))
    away = (c - centre) * hit
    slope = sloped * (log * away).sum(0) / away.square().sum(0).clamp_min(1e-12)
    ordered = torch.where(hit, log - mean - slope * away, math.inf).T.contiguous().sort(1).values
    position = (some - 1)[:, None] * torch.linspace(0, 1, knots)
    below = position.long()
    low, high = ordered.gather(1, below), ordered.gather(1, torch.minimum(below + 1, some[:, None] - 1))
    seen = hit.any(0)
    least = torch.where(hit, x, math.inf).amin(0)
    quantiles = torch.lerp(low, high, position - below)
    return torch.stack([centre, mean, slope], 1), torch.where(seen, least, 0.0), torch.where(seen[:, None], quantiles, 0.0)
