"""Schedules against torch's own, and the numbers that define them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LRScheduler, OneCycleLR

from facsim.training import SCHEDULES

N = 50
TWINS: dict[str, Any] = {
    "constant": lambda o: ExponentialLR(o, 1.0),
    "cosine": lambda o: CosineAnnealingLR(o, N),
    "exponential": lambda o: ExponentialLR(o, 0.01 ** (1 / N)),
    "onecycle": lambda o: OneCycleLR(o, 1.0, total_steps=N + 1, cycle_momentum=False, pct_start=16 / (N + 1)),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_is_that_of_torch(name: str) -> None:
    optimiser = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    twin: LRScheduler = TWINS[name](optimiser)
    rates = []
    for _ in range(N):
        rates.append(twin.get_last_lr()[0])
        optimiser.step()
        twin.step()
    assert [SCHEDULES[name](k / N) for k in range(N)] == pytest.approx(rates, rel=1e-9)


@pytest.mark.parametrize(("name", "first", "last"), [("constant", 1, 1), ("cosine", 1, 0), ("exponential", 1, 0.01), ("onecycle", 0.04, 4e-6)])
def test_ends_of_the_schedules(name: str, first: float, last: float) -> None:
    assert SCHEDULES[name](0.0) == pytest.approx(first)
    assert SCHEDULES[name](1.0) == pytest.approx(last, abs=1e-12)


def test_onecycle_has_no_jump_at_its_top() -> None:
    schedule = SCHEDULES["onecycle"]
    assert schedule(math.nextafter(0.3, 0)) == pytest.approx(schedule(0.3)) == pytest.approx(1.0)
