"""Whole numbers shared out between two halves: how many of a block's hits lie in the first."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from facsim.objectives.mixture import chosen_component


class Counts(NamedTuple):
    """A mixture of logistic densities, each cut to whole numbers from `low` to `high` [n]: logits of the weights, means, log widths, each [n, parts].

    Source: Salimans et al., PixelCNN++ (2017), arXiv:1701.05517.
    """

    logit: Tensor
    mean: Tensor
    log_width: Tensor
    low: Tensor
    high: Tensor

    def log_prob(self, count: Tensor) -> Tensor:
        """Log probability of whole numbers [n] within the bounds."""
        part = self._log_mass(count - 0.5, count + 0.5) - self._log_mass(self.low - 0.5, self.high + 0.5)
        log_prob: Tensor = (self.logit.log_softmax(1) + part).logsumexp(1)
        return log_prob

    def draw(self, choice: Tensor, level: Tensor) -> Tensor:
        """Whole numbers [n] from two uniform ones: `choice` takes a part, `level` the place in it."""
        part = chosen_component(self.logit, choice)
        mean, width = self.mean.gather(1, part).squeeze(1), self.log_width.gather(1, part).squeeze(1).exp()
        first, last = ((bound - mean).div(width).sigmoid() for bound in (self.low - 0.5, self.high + 0.5))
        count = (mean + width * (first + level * (last - first)).clamp(1e-7, 1 - 1e-7).logit()).round()
        return torch.minimum(torch.maximum(count, self.low), self.high)

    def _log_mass(self, start: Tensor, end: Tensor) -> Tensor:
        """Log probability of each part between two bounds [n], without loss in the tails: [n, parts]."""
        a, b = ((bound[:, None] - self.mean) * torch.exp(-self.log_width) for bound in (start, end))
        return logsigmoid(b) + logsigmoid(-a) + torch.log(-torch.expm1((a - b).clamp_max(-1e-6)))


class CountSplit(NamedTuple):
    """How many of blocks' hits lie in their first halves."""

    counts: Counts

    def log_prob(self, first: Tensor, second: Tensor) -> Tensor:
        """Log probability of these counts [blocks], given their sum."""
        return self.counts.log_prob(first)

    def draw(self, total: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Counts of both halves [blocks] from their sum and uniform noise [blocks, 2 or more]."""
        first = self.counts.draw(noise[:, 0], noise[:, 1])
        return first, total - first


def count_split(out: Tensor, total: Tensor, rooms: Tensor) -> CountSplit:
    """The density of the first half's count from a network's output [blocks, 3 parts], for halves of as many cells as `rooms` [blocks, 2] says."""
    logit, mean, log_width = out.chunk(3, dim=1)
    low, high = torch.maximum(total - rooms[:, 1], torch.zeros_like(total)), torch.minimum(total, rooms[:, 0])
    spread = torch.linspace(-0.5, 0.5, mean.shape[1], device=out.device)
    means = total[:, None] * (0.5 + mean + spread)
    return CountSplit(Counts(logit, means, log_width.clamp(-4, 3) + 0.5 * total.log()[:, None] - 1, low, high))
