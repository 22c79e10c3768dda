"""Functions of the normal distribution, in operations that every graph format has.

ONNX knows of them the error function alone, which loses all digits in the tails. Here they are polynomials, fitted when they are first needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.polynomial import Chebyshev, Polynomial
from scipy.special import erfcx, ndtri
from torch import Tensor
from torch._decomp import get_decompositions

SMALLEST = 1e-37  # probability: float32 has none that is much smaller
MEDIAN, LOWEST = math.sqrt(2 * math.log(2)), math.sqrt(-2 * math.log(SMALLEST))  # sqrt(-2 log p) at p = 1/2 and at the smallest


def complementary_error(x: Tensor) -> Tensor:
    """erfc(x), right to some 1e-6 of itself also where it is tiny.

    With t = 1 / (1 + |x| / 2), the logarithm of erfc(|x|) exp(x^2) / t is smooth on 0 < t <= 1.

    Examples:
        >>> complementary_error(torch.tensor([0.0, 2.0, -2.0]))
        tensor([1.0000, 0.0047, 1.9953])
    """
    t = 1 / (1 + x.abs() / 2)
    tail = t * torch.exp(_polynomial(t, _tail()) - x * x)
    return torch.where(x > 0, tail, 2 - tail)


def normal_quantile(p: Tensor) -> Tensor:
    """The number below which a standard normal number lies with probability p; for p <= 1/2 it is smooth in sqrt(-2 log p).

    Examples:
        >>> normal_quantile(torch.tensor([0.02275, 0.97725]))
        tensor([-2.0000,  2.0000])
    """
    lower = torch.minimum(p, 1 - p).clamp_min(SMALLEST)
    scaled = 2 * (torch.sqrt(-2 * lower.log()) - MEDIAN) / (LOWEST - MEDIAN) - 1
    x = _polynomial(scaled, _quantile())
    return torch.where(p < 0.5, x, -x)


def replacements() -> dict[Any, Callable[..., Any]]:
    """torch's operators that graph formats lack or round differently, and what does the same.

    Images are resized by indices: ONNX divides by the scale where torch multiplies by its inverse, and on an edge finds another pixel.
    """
    found: dict[Any, Callable[..., Any]] = dict(get_decompositions([torch.ops.aten.upsample_nearest2d]))
    return {**found, torch.ops.aten.erfc.default: complementary_error, torch.ops.aten.special_ndtri.default: normal_quantile}


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """By Horner's rule; the constant comes first."""
    y = torch.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        y = y * x + c
    return y


@cache
def _tail() -> tuple[float, ...]:
    return _fit(lambda t: np.log(erfcx(2 * (1 / t - 1)) / t), 12, low=1e-3, high=1.0)


@cache
def _quantile() -> tuple[float, ...]:
    def quantile(scaled: Any) -> Any:
        u = MEDIAN + (scaled + 1) / 2 * (LOWEST - MEDIAN)
        return ndtri(np.exp(-u * u / 2))

    return _fit(quantile, 24, low=-1.0, high=1.0)


def _fit(function: Callable[[Any], Any], degree: int, *, low: float, high: float) -> tuple[float, ...]:
    """Coefficients of the polynomial through a function's values at Chebyshev's points."""
    found = Chebyshev.interpolate(function, degree, domain=[low, high]).convert(kind=Polynomial, domain=[-1, 1], window=[-1, 1])
    return tuple(found.coef.tolist())
