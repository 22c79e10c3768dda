"""A refiner without a game: each number is carried to the distribution that it has in data, and common fluctuations are thinned where data have less.

In both samples every number is first made normal on its own (the transform Gaussianise, fitted to each). What is left is linear algebra.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facsim.core.contracts import Generator, Objective
from facsim.models.family import Family

ROUNDS = 30  # of the alternating least squares
SELDOM = 0.05  # numbers that are above zero less often tell nothing of correlations
MOST = 128  # numbers against which all others are correlated


class Transport(Generator):
    """The monotone map from a simulated number's distribution to that of data, with noise where data are less correlated than the simulation.

    A number that is above zero in a share h of events is max(z - c, 0) of a standard normal z, c = -Phi^-1(h); where it is zero, z is drawn below c.
    Data want z' = f z + sqrt(1 - f^2) noise, with f of each number such that f_i f_j times the simulation's correlations are those of data in
    least squares. Then numbers are cut at the c of data. The numbers' distributions become those of data exactly; f = 1 (`blur=False`) keeps all
    that the simulation knows of an event. Correlations are taken with the first `leading` numbers (0: with some of all).
    Sources: Nelsen, An introduction to copulas (2006); optimal transport in one dimension is the map of quantiles: Villani (2009), section 2.2.
    """

    def __init__(self, condition_size: int, response_shape: tuple[int, ...], *, blur: bool = True, leading: int = 0) -> None:
        super().__init__()
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.blur, self.leading = blur, leading
        for name in ("cut", "cut_of_data", "kept"):
            self.register_buffer(name, torch.full((condition_size,), math.nan))
        self.cut: Tensor
        self.cut_of_data: Tensor
        self.kept: Tensor

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 2 * self.condition_size, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        below, blur = noise.chunk(2, dim=1)
        z = self.kept * self.scores(condition, below, self.cut) + torch.sqrt(1 - self.kept.square()) * blur
        return (z - self.cut_of_data).clamp_min(0).reshape(-1, *self.response_shape)

    def scores(self, y: Tensor, below: Tensor, cut: Tensor) -> Tensor:
        """Normal scores of numbers y >= 0, [n, cells]: y + cut, and a place below the cut where y is zero."""
        level = torch.special.ndtr(below) * torch.special.ndtr(cut)
        return torch.where(y > 0, y + cut, torch.special.ndtri(level.clamp_min(1e-30)))

    def objectives(self) -> tuple[Objective, ...]:
        return ()

    def adapt(self, simulation: Tensor, data: Tensor, rng: torch.Generator) -> None:
        """Learn cuts and correlations from two samples of numbers [n, cells] and [m, cells]."""
        samples = [s.flatten(1) for s in (simulation, data)]
        hit = [((s > 0).float().mean(0)).clamp(0.5 / len(s), 1 - 0.5 / len(s)) for s in samples]
        self.cut.copy_(-torch.special.ndtri(hit[0]))
        self.cut_of_data.copy_(-torch.special.ndtri(hit[1]))
        self.kept.fill_(1.0)
        if self.blur:
            often = (torch.minimum(hit[0], hit[1]) > SELDOM).nonzero().squeeze(1)
            anchors = often[often < self.leading] if self.leading else often[:: max(1, len(often) // MOST)].contiguous()
            simulated, measured = (self._comparable(s, cut, often, rng) for s, cut in zip(samples, (self.cut, self.cut_of_data), strict=True))
            place = torch.searchsorted(often, anchors)
            self.kept[often] = kept_share(correlations(simulated, simulated[:, place]), correlations(measured, measured[:, place]), place)

    def _comparable(self, y: Tensor, cut: Tensor, often: Tensor, rng: torch.Generator) -> Tensor:
        """Normal scores of some of the numbers, all known only above the higher of the two cuts, so that correlations can be compared."""
        y, cut, higher = y[:, often], cut[often], torch.maximum(self.cut, self.cut_of_data)[often]
        below = torch.randn(y.shape, generator=rng)
        known = (y + cut - higher).clamp_min(0) * (y > 0)
        return self.scores(known, below, higher)


def correlations(x: Tensor, y: Tensor) -> Tensor:
    """Pearson's, of the columns of two tables [n, a] and [n, b], [a, b]."""
    x, y = (t - t.mean(0) for t in (x, y))
    return x.T @ y / torch.outer(x.norm(dim=0), y.norm(dim=0)).clamp_min(1e-12)


def kept_share(simulation: Tensor, data: Tensor, anchors: Tensor) -> Tensor:
    """f [a] in [0, 1] such that f_i f_j simulation_ij is nearest to data_ij, from correlations [a, b] with the anchors (rows `anchors` are those).

    Examples:
        >>> true = torch.tensor([1.0, 0.8, 0.5, 0.9])
        >>> both = torch.tensor([[1.0, 0.9, 0.8, 0.5], [0.9, 1.0, 0.7, 0.6], [0.8, 0.7, 1.0, 0.4], [0.5, 0.6, 0.4, 1.0]])
        >>> [round(float(f), 2) for f in kept_share(both, torch.outer(true, true) * both, torch.arange(4))]
        [1.0, 0.8, 0.5, 0.9]
    """
    others = torch.ones_like(simulation)
    others[anchors, torch.arange(len(anchors))] = 0  # a number says nothing about itself
    f = torch.ones(len(simulation))
    for _ in range(ROUNDS):
        expected = others * simulation * f[anchors]
        best = (expected * data).sum(1) / expected.square().sum(1).clamp_min(1e-12)
        f = torch.sqrt(f * best.clamp_min(0)).clamp_max(1)  # half a step: a whole one would swing between f too large and too small
    return f


FAMILIES = {
    "transport": Family(
        Transport,
        idea="each number to its distribution in data, by quantiles; noise where data are less correlated than the simulation",
        when="no training, no game; simulation and data differ number by number and in how much fluctuates; for traces of stations take ranks",
        cost="sorting; seconds",
        source="optimal transport in one dimension and a Gaussian copula",
        response=(("Gaussianise", {}),),
        training={"epochs": 1},
    ),
}
