"""Maps of each number on its own: scale, calibrate, log, asinh, logit, standardise, threshold."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError


class Scale(Transform):
    """Divide by one number: the given `by`, or the root mean square of the non-zero training values."""

    def __init__(self, shape: tuple[int, ...], by: float | None = None) -> None:
        super().__init__()
        self.fixed = by is not None
        self.register_buffer("by", torch.tensor(math.nan if by is None else float(by)))
        self.by: Tensor

    def fit(self, x: Tensor, condition: Tensor) -> None:
        hit = x[x != 0]
        if not self.fixed:
            self.by.copy_(hit.square().mean().sqrt() if hit.numel() else torch.ones(()))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        return x / self.by

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        return y * self.by


class Calibrate(Transform):
    """The energy scale: 1 when fitted, then what `correct` made of it, so that a trained model's mean energy is that of the truth.

    Source: the response correction of fast simulations, such as ATLAS, AtlFast3 (2021), arXiv:2109.02551.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(math.nan))
        self.scale: Tensor

    def fit(self, x: Tensor, condition: Tensor) -> None:
        self.scale.fill_(1.0)

    def correct(self, ratio: float) -> None:
        """Multiply the scale by mean true energy over mean generated energy."""
        self.require_fitted()
        if not (math.isfinite(ratio) and ratio > 0):
            raise FacsimError("the energy scale cannot be corrected", expected="a ratio of mean energies > 0", got=ratio)
        self.scale.mul_(ratio)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        return x / self.scale

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        return y * self.scale


class Log(Transform):
    """y = log(1 + x / offset) for x >= 0: logarithmic far above the offset, zero exactly at zero."""

    def __init__(self, shape: tuple[int, ...], offset: float = 1.0) -> None:
        super().__init__()
        if offset <= 0:
            raise FacsimError("the log's offset must be positive", expected="a number > 0", got=offset)
        self.offset = offset

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return torch.log1p(x / self.offset)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return torch.expm1(y) * self.offset


class Asinh(Transform):
    """y = asinh(x / scale): logarithmic on both sides far above the scale, linear below it; for signed responses that span decades."""

    def __init__(self, shape: tuple[int, ...], scale: float = 1.0) -> None:
        super().__init__()
        if scale <= 0:
            raise FacsimError("the scale must be positive", expected="a number > 0", got=scale)
        self.scale = scale

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return torch.asinh(x / self.scale)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return torch.sinh(y) * self.scale


class Logit(Transform):
    """y = logit(margin + (1 - 2 margin) x) for x in [0, 1]; the margin keeps both ends finite."""

    def __init__(self, shape: tuple[int, ...], margin: float = 1e-6) -> None:
        super().__init__()
        if not 0 < margin < 0.5:
            raise FacsimError("the logit's margin must keep the ends apart", expected="0 < margin < 0.5", got=margin)
        self.margin = margin

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return torch.logit(self.margin + (1 - 2 * self.margin) * x)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return ((torch.sigmoid(y) - self.margin) / (1 - 2 * self.margin)).clamp(0.0, 1.0)


class Standardise(Transform):
    """Subtract the training mean and divide by the standard deviation, element by element; constant elements become zero."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full(shape, math.nan))
        self.register_buffer("std", torch.full(shape, math.nan))
        self.mean: Tensor
        self.std: Tensor

    def fit(self, x: Tensor, condition: Tensor) -> None:
        mean = x.double().mean(0)
        std = x.double().std(0, correction=0)
        constant = std <= 1e-6 * mean.abs()
        self.mean.copy_(mean)
        self.std.copy_(torch.where(constant, torch.ones_like(std), std))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        return (x - self.mean) / self.std

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        self.require_fitted()
        return torch.addcmul(self.mean, y, self.std)


class Threshold(Transform):
    """Set to zero what lies below a threshold, in both directions: exact for data above it, a clean-up for a network's output."""

    def __init__(self, shape: tuple[int, ...], at: float = 0.0) -> None:
        super().__init__()
        self.at = at

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return torch.where(x >= self.at, x, 0.0)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return self.forward(y, condition)
