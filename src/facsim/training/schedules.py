"""Learning-rate schedules: pure functions from the fraction of the training done, in [0, 1), to a factor on the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]

WARM_UP, START, END = 0.3, 1 / 25, 1 / 250_000
LAST = 0.01


def constant(fraction: float) -> float:
    """Always 1; the only schedule that does not depend on the number of epochs."""
    return 1.0


def cosine(fraction: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov and Hutter, SGDR, 2016, arXiv:1608.03983, without restarts).

    Examples:
        >>> [round(cosine(f), 3) for f in (0.0, 0.5, 1.0)]
        [1.0, 0.5, 0.0]
    """
    return _ease(1.0, 0.0, fraction)


def onecycle(fraction: float) -> float:
    """From 1/25 up to 1 in the first 30%, then down to 1/250000 (Smith and Topin, Super-convergence, 2017, arXiv:1708.07120).

    Examples:
        >>> [round(onecycle(f), 6) for f in (0.0, 0.15, 0.3, 1.0)]
        [0.04, 0.52, 1.0, 4e-06]
    """
    if fraction < WARM_UP:
        return _ease(START, 1.0, fraction / WARM_UP)
    return _ease(1.0, END, (fraction - WARM_UP) / (1 - WARM_UP))


def exponential(fraction: float) -> float:
    """From 1 to 1/100, the same ratio in every step.

    Examples:
        >>> [round(exponential(f), 3) for f in (0.0, 0.5, 1.0)]
        [1.0, 0.1, 0.01]
    """
    return float(LAST**fraction)


def _ease(start: float, end: float, fraction: float) -> float:
    """From start to end along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2


SCHEDULES: dict[str, Schedule] = {"constant": constant, "cosine": cosine, "exponential": exponential, "onecycle": onecycle}
