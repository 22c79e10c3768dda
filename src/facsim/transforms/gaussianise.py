"""Each cell's energy as the quantile of a normal distribution, cut at zero: marginals exact, whatever their shape."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facsim.core.contracts import Transform

EDGE = 1e-6  # hits stay this far above zero
NEVER = -1e4  # log energy of a cell that is never hit: its exponential is zero


class Gaussianise(Transform):
    """Map each element x >= 0 to y >= 0 such that y + cut is a standard normal variate wherever x > 0, and y = 0 where x = 0.

    An element that is hit with probability h has cut = Phi^-1(1 - h). Hits go through their own distribution function, piecewise linear in
    log x between `knots` quantiles. A model that draws v ~ N(-cut, 1) and puts max(v, 0) through the inverse has every element's
    distribution right. Elements never hit in training stay empty. Source: Gaussian copula, Sklar (1959); Nelsen, An introduction to copulas (2006).
    """

    def __init__(self, shape: tuple[int, ...], knots: int = 64) -> None:
        super().__init__()
        cells = math.prod(shape)
        self.register_buffer("hit", torch.full((cells,), math.nan))
        self.register_buffer("log_knots", torch.full((cells, knots), math.nan))
        self.hit: Tensor
        self.log_knots: Tensor

    def fit(self, x: Tensor, condition: Tensor) -> None:
        cells = x.flatten(1).T
        hits, n = (cells > 0).sum(1), cells.shape[1]
        self.hit.copy_((hits / n).clamp(0.5 / n, 1 - 0.5 / n))
        for cell, (values, count) in enumerate(zip(cells, hits.tolist(), strict=True)):
            log_hits = values.sort().values[n - count :].log() if count else torch.full((1,), NEVER)
            self.log_knots[cell] = _at_levels(log_hits, self.log_knots.shape[1])

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        flat = x.flatten(1)
        event, cell = torch.nonzero(flat > 0, as_tuple=True)
        survival = self.hit[cell] * (1 - self._level(flat[event, cell].log(), cell))
        y = torch.zeros_like(flat)
        y[event, cell] = (torch.special.ndtri(self.hit)[cell] - torch.special.ndtri(survival.clamp_min(EDGE))).clamp_min(EDGE)
        return y.reshape(x.shape)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        flat, last = y.flatten(1), self.log_knots.shape[1] - 1
        event, cell = torch.nonzero(flat > 0, as_tuple=True)
        survival = normal_below(torch.special.ndtri(self.hit)[cell] - flat[event, cell]) / self.hit[cell]
        position = (1 - survival).clamp(0, 1) * last
        below = position.long().clamp_max(last - 1)
        x = torch.zeros_like(flat)
        x[event, cell] = torch.lerp(self.log_knots[cell, below], self.log_knots[cell, below + 1], position - below).exp()
        return x.reshape(y.shape)

    def _level(self, log_x: Tensor, cell: Tensor) -> Tensor:
        """The quantile level in [0, 1] of hits in their cell's distribution."""
        knots, last = self.log_knots[cell], self.log_knots.shape[1] - 1
        above = torch.searchsorted(knots, log_x[:, None]).clamp(1, last)
        low, high = knots.gather(1, above - 1), knots.gather(1, above)
        share = (log_x[:, None] - low) / (high - low).clamp_min(1e-12)
        return ((above - 1 + share.clamp(0, 1)) / last).squeeze(1)


def _at_levels(ordered: Tensor, count: int) -> Tensor:
    """Values of an ordered sample at `count` equally spaced quantile levels, linearly interpolated."""
    position = torch.linspace(0, len(ordered) - 1, count, dtype=torch.float64)
    below = position.long().clamp(max=max(len(ordered) - 2, 0))
    return torch.lerp(ordered[below], ordered[(below + 1).clamp(max=len(ordered) - 1)], (position - below).to(ordered.dtype))


def normal_below(x: Tensor) -> Tensor:
    """The probability that a standard normal number lies below x; torch's own ndtr loses all digits in the tail, where rarely hit cells live.

    Examples:
        >>> normal_below(torch.tensor([0.0, -7.0]))
        tensor([5.0000e-01, 1.2798e-12])
    """
    return 0.5 * torch.erfc(-math.sqrt(0.5) * x)
