"""How far a training is, for whoever draws the bar."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """After a step: epoch (the one it belongs to, from 1) of epochs, step (from 1) of steps (of all epochs), the means of the epoch's losses as
    `objective/term`, seconds of training up to now and the seconds that are left at this pace."""

    epoch: int
    epochs: int
    step: int
    steps: int
    losses: dict[str, float]
    seconds: float
    seconds_left: float


class Clock:
    """Seconds of training, over all interruptions; the pace is that since the last of them."""

    def __init__(self, before: float, step: int) -> None:
        self._before, self._first = before, step
        self._start = time.monotonic()

    def seconds(self) -> float:
        """Seconds of training up to now."""
        return self._before + time.monotonic() - self._start

    def seconds_left(self, step: int, steps: int) -> float:
        """Seconds until `steps`, now that `step` are done."""
        return (time.monotonic() - self._start) * (steps - step) / max(step - self._first, 1)
