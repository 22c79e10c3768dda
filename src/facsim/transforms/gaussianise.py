"""Each cell's energy as the quantile of a normal distribution, cut at zero: marginals exact, whatever their shape."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facsim.core.contracts import Transform

EDGE = 1e-7  # probabilities are kept this far from 0 and 1


class Gaussianise(Transform):
    """Map each element x >= 0 to y >= 0 such that y + cut is a standard normal variate wherever x > 0, and y = 0 where x = 0.

    An element that is empty with probability p has cut = Phi^-1(p). Hits go through their own distribution function, piecewise linear in
    log x between `knots` quantiles. A model that draws v ~ N(-cut, 1) and puts max(v, 0) through the inverse has every element's
    distribution right. Elements never hit in training stay empty. Source: Gaussian copula, Sklar (1959); Nelsen, An introduction to copulas (2006).
    """

    def __init__(self, shape: tuple[int, ...], knots: int = 64) -> None:
        super().__init__()
        cells = math.prod(shape)
        self.register_buffer("empty", torch.full((cells,), math.nan))
        self.register_buffer("log_knots", torch.full((cells, knots), math.nan))
        self.empty: Tensor
        self.log_knots: Tensor

    def fit(self, x: Tensor, condition: Tensor) -> None:
        cells = x.flatten(1).T
        hits = (cells > 0).sum(1)
        self.empty.copy_(1 - hits / cells.shape[1])
        self.empty.clamp_(min=0.5 / cells.shape[1])
        for cell, (values, count) in enumerate(zip(cells, hits.tolist(), strict=True)):
            hit = values.sort().values[len(values) - count :] if count else torch.ones(1)
            self.log_knots[cell] = _at_levels(hit.log(), self.log_knots.shape[1])

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        flat = x.flatten(1)
        event, cell = torch.nonzero(flat > 0, as_tuple=True)
        level = self._level(flat[event, cell].log(), cell)
        empty = self.empty[cell].double()
        probability = (empty + (1 - empty) * level).clamp(EDGE, 1 - EDGE)
        y = torch.zeros_like(flat)
        y[event, cell] = (torch.special.ndtri(probability) - torch.special.ndtri(empty)).to(y.dtype).clamp_min(EDGE)
        return y.reshape(x.shape)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        flat = y.flatten(1)
        event, cell = torch.nonzero((flat > 0) & (self.empty < 1), as_tuple=True)
        empty = self.empty[cell].double()
        probability = torch.special.ndtr(flat[event, cell].double() + torch.special.ndtri(empty))
        position = ((probability - empty) / (1 - empty)).clamp(0, 1) * (self.log_knots.shape[1] - 1)
        below = position.long().clamp_max(self.log_knots.shape[1] - 2)
        x = torch.zeros_like(flat)
        log_x = torch.lerp(self.log_knots[cell, below], self.log_knots[cell, below + 1], (position - below).to(y.dtype))
        x[event, cell] = log_x.exp()
        return x.reshape(y.shape)

    def _level(self, log_x: Tensor, cell: Tensor) -> Tensor:
        """The quantile level in [0, 1] of hits in their cell's distribution, float64."""
        knots = self.log_knots[cell]
        above = torch.searchsorted(knots, log_x[:, None]).squeeze(1).clamp(1, knots.shape[1] - 1)
        low, high = knots.gather(1, above[:, None] - 1).squeeze(1).double(), knots.gather(1, above[:, None]).squeeze(1).double()
        return (above - 1 + ((log_x - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)) / (knots.shape[1] - 1)


def _at_levels(ordered: Tensor, count: int) -> Tensor:
    """Values of an ordered sample at `count` equally spaced quantile levels, linearly interpolated."""
    position = torch.linspace(0, len(ordered) - 1, count, dtype=torch.float64)
    below = position.long().clamp(max=max(len(ordered) - 2, 0))
    return torch.lerp(ordered[below], ordered[(below + 1).clamp(max=len(ordered) - 1)], (position - below).to(ordered.dtype))
