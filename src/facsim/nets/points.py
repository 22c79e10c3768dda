"""Networks of sets of points: whatever the order of the points, each comes out the same; `mask` [n, m] says which of m places hold a point.

All map [n, m, d] to [n, m, d] (or to one row [n, k] a set), and places without a point come out zero, whatever came in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from facsim.nets.mlp import mlp

SHUT = -1e9  # added to a key that is not there: finite, so that a set without points has no NaN


def masked_sum(x: Tensor, mask: Tensor) -> Tensor:
    """Sum over the points of each set: [n, m, d] and [n, m] -> [n, d]."""
    return torch.where(mask[..., None], x, 0.0).sum(1)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the points of each set, zero of an empty one: [n, m, d] and [n, m] -> [n, d].

    Examples:
        >>> masked_mean(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]]))
        tensor([[2.]])
    """
    return masked_sum(x, mask) / mask.sum(1, keepdim=True).clamp_min(1)


class ContextBlock(nn.Module):
    """Points speak through a few global numbers: points [n, m, d], mask [n, m], globals [n, g] -> points and globals, changed.

    The cost grows with the number of points, not with its square. Sums and means are both pooled, so that the number of points is known.
    Source: Buhmann, Kasieczka and Thaler, EPiC-GAN (2023), arXiv:2301.08128 (equivariant point cloud layer).
    """

    def __init__(self, width: int, context: int, *, scale: float = 0.01, activation: str = "leaky-relu") -> None:
        super().__init__()
        self.scale = scale  # of the sums, so that they are of order one
        self.told = mlp([2 * width + context, width, context], activation)
        self.moved = mlp([width + context, width, width], activation)

    def forward(self, points: Tensor, mask: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        pooled = [masked_mean(points, mask), self.scale * masked_sum(points, mask)]
        context = context + self.told(torch.cat([*pooled, context], dim=1))
        beside = context[:, None].expand(-1, points.shape[1], -1)
        moved = points + self.moved(torch.cat([points, beside], dim=2))
        return torch.where(mask[..., None], moved, 0.0), context


class AttentionBlock(nn.Module):
    """Every point looks at every other of its set, then at itself: points [n, m, width] and mask [n, m] -> the same shape.

    Normalised before, added after. Sources: Vaswani et al. (2017), arXiv:1706.03762; sets: Lee et al., Set transformer (2019), arXiv:1810.00825.
    """

    def __init__(self, width: int, heads: int = 4, activation: str = "silu") -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"the width must be a multiple of the {heads} heads, not {width}")
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = mlp([width, 2 * width, width], activation)

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        x = torch.where(mask[..., None], points, 0.0)
        x = x + self._seen(self.before(x), mask)
        x = x + self.think(self.between(x))
        return torch.where(mask[..., None], x, 0.0)

    def _seen(self, x: Tensor, mask: Tensor) -> Tensor:
        """What each point takes from those that are there, [n, m, width]."""
        n, m, width = x.shape
        query, key, value = self.project(x).reshape(n, m, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        shut = torch.where(mask, 0.0, SHUT)[:, None, None]
        seen: Tensor = self.join(scaled_dot_product_attention(query, key, value, shut).transpose(1, 2).reshape(n, m, width))
        return seen


class DeepSet(nn.Module):
    """One row for each set, such as a verdict: points [n, m, inputs] and mask [n, m] -> [n, outputs].

    Source: Zaheer et al., Deep sets (2017), arXiv:1703.06114.
    """

    def __init__(self, inputs: int, outputs: int, width: int = 64, *, scale: float = 0.01, activation: str = "leaky-relu") -> None:
        super().__init__()
        self.scale = scale
        self.of_point = mlp([inputs, width, width], activation)
        self.of_set = mlp([2 * width, width, outputs], activation)

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        seen = self.of_point(torch.where(mask[..., None], points, 0.0))
        verdict: Tensor = self.of_set(torch.cat([masked_mean(seen, mask), self.scale * masked_sum(seen, mask)], dim=1))
        return verdict
