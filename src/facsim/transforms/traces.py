"""Traces as their sums and how they are shared out over the bins."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError


class TraceShares(Transform):
    """Rows of traces [n, ..., channels] -> [n, rows + rows x channels]: the sum of each row's first `bins` channels, then the bins' shares in it.

    Further channels, such as an arrival time, follow their row's shares unchanged. An empty row has shares of zero; the inverse normalises the
    shares, so that the sums are what the first numbers say, and leaves a row whose sum is zero empty in all channels.
    """

    def __init__(self, shape: tuple[int, ...], bins: int | None = None) -> None:
        super().__init__()
        self.shape, self.bins = shape, shape[-1] if bins is None else bins
        self.rows = math.prod(shape[:-1])
        if len(shape) < 2 or not 0 < self.bins <= shape[-1]:
            raise FacsimError("there are no traces to share out", expected="[..., channels], as many bins or fewer", got=(list(shape), bins))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.rows * (1 + shape[-1]),)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        rows = x.reshape(-1, self.rows, self.shape[-1])
        total = rows[..., : self.bins].sum(-1, keepdim=True)
        shares = rows[..., : self.bins] / torch.where(total > 0, total, 1.0)
        return torch.cat([total.flatten(1), torch.cat([shares, rows[..., self.bins :]], dim=-1).flatten(1)], dim=1)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        total, rows = y[:, : self.rows, None].clamp_min(0), y[:, self.rows :].reshape(-1, self.rows, self.shape[-1])
        shares, others = rows[..., : self.bins].clamp_min(0), rows[..., self.bins :]
        whole = shares.sum(-1, keepdim=True)
        seen = (total > 0) & (whole > 0)
        trace = torch.where(seen, total * shares / torch.where(whole > 0, whole, 1.0), 0.0)
        return torch.cat([trace, torch.where(seen, others, 0.0)], dim=-1).reshape(-1, *self.shape)
