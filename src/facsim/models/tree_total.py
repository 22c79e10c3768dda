"""The density of an event's total energy, which starts the tree."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, pad

from facsim.nets import mlp
from facsim.objectives.mixture import UNBOUNDED, Mixture, mixture_draw, mixture_log_prob

COMPONENTS = 16
ALIKE = 1e-4  # singular value, relative to the largest, below which numbers of the condition count as one
IMPOSSIBLE = 1e-9  # probability of an empty event where training has seen none
MARGIN = 0.1  # by how much the logarithm of a total may lie above the highest of the training
WIDEST = 0.5  # logarithm of the largest width of a component, about the trend: a rare one that is wider makes events like none


class TotalEnergy(nn.Module):
    """No energy with a probability, or one whose logarithm is a trend with the condition's numbers and a mixture of normal densities about it.

    Trend, spread about it, highest total and share of empty events are those of the training data (`see`); a network of `width` learns what departs
    from them, with the `numbers` of the condition and as many more inputs as there are `coarse` ones.
    """

    def __init__(self, numbers: int, coarse: int, width: int) -> None:
        super().__init__()
        self.network = mlp([numbers + coarse + 1, width, width, 1 + 3 * COMPONENTS], "silu")
        self.register_buffer("trend", torch.zeros(1 + numbers))  # constant, and a slope for each number
        self.register_buffer("scale", torch.ones(()))  # standard deviation about the trend
        self.register_buffer("highest", torch.tensor(UNBOUNDED))  # about the trend: a density has tails, a detector has not
        self.register_buffer("empty", torch.zeros(()))  # log-odds of an empty event
        self.trend: Tensor
        self.scale: Tensor
        self.highest: Tensor
        self.empty: Tensor

    def see(self, numbers: Tensor, total: Tensor) -> None:
        """Fix what the training data say, from numbers [n, numbers] and totals [n]."""
        hit = total > 0
        self.empty.copy_(torch.logit(1 - hit.double().mean(), eps=IMPOSSIBLE))
        if hit.sum() > 1:
            given, log_total = _with_constant(numbers[hit]).double(), total[hit].double().log()
            self.trend.copy_(torch.linalg.lstsq(given, log_total[:, None], rcond=ALIKE, driver="gelsd").solution.squeeze(1))
            about = log_total - given @ self.trend.double()
            self.scale.copy_(about.std().clamp_min(1e-3))
            self.highest.copy_(about.max() + MARGIN)

    def log_prob(self, numbers: Tensor, coarse: Tensor, total: Tensor) -> Tensor:
        """Log density of the logarithm of totals > 0, log probability of an empty event: [n]."""
        empty, density, bound = self(numbers, coarse)
        hit = mixture_log_prob(density, torch.where(total > 0, total, 1.0).log(), bound) + logsigmoid(-empty)
        return torch.where(total > 0, hit, logsigmoid(empty))

    def draw(self, numbers: Tensor, coarse: Tensor, noise: Tensor) -> Tensor:
        """Totals [n] from uniform noise [n, 3]: whether there is energy, the component, the place in it."""
        empty, density, bound = self(numbers, coarse)
        return torch.where(noise[:, 0] < empty.sigmoid(), 0.0, mixture_draw(density, bound, noise[:, 1], noise[:, 2]).exp())

    def forward(self, numbers: Tensor, coarse: Tensor) -> tuple[Tensor, Mixture, Tensor]:
        """The logit of an empty event [n], the density of the logarithm of the total, and what this does not exceed [n]."""
        out = self.network(pad(torch.cat([numbers, coarse], dim=1), (0, 1), value=1.0))
        empty, logit, mean, log_std = torch.split(out, [1, COMPONENTS, COMPONENTS, COMPONENTS], dim=1)
        trend = _with_constant(numbers) @ self.trend
        means = trend[:, None] + self.scale * (mean + torch.linspace(-2, 2, COMPONENTS, device=out.device))
        return empty.squeeze(1) + self.empty, Mixture(logit, means, log_std.clamp(-7, WIDEST) + self.scale.log()), trend + self.highest


def _with_constant(numbers: Tensor) -> Tensor:
    """A column of ones before the numbers [n, k]: [n, 1 + k]."""
    return pad(numbers, (1, 0), value=1.0)
