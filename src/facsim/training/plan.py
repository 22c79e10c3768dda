"""What fixes the result of a training, kept in its checkpoints, so that a resumed fit is the same fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from facsim.core import FacsimError
from facsim.core.contracts import Batches, Objective
from facsim.training.settings import Settings
from facsim.training.state import digest

FREE = ("checkpoint_seconds", "device")  # `device` is what was asked for; `device_type` is what it came to
MAY_GROW = ("epochs", "patience")

Plan = dict[str, Any]


def make_plan(objectives: Sequence[Objective], batches: Batches, settings: Settings, device: torch.device) -> Plan:
    """Settings, objectives, device and data (known by the first batch) of a fit."""
    chosen = {name: value for name, value in asdict(settings).items() if name not in FREE and (name, value) != ("devices", 1)}
    first = next(iter(batches.epoch(0)), None)
    return {
        **chosen,
        "learning_rate": {o.name: settings.rate(o.name) for o in objectives},
        "objectives": ", ".join(f"{o.repeats} x {o.name} ({len(o.parameters)} tensors)" for o in objectives),
        "steps": batches.steps,
        "data": digest(first._asdict() if first else {}),
        "device_type": device.type,
    }


def require_same(saved: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Raise if a fit with this plan cannot go on from a checkpoint with the saved one.

    Raises:
        FacsimError: names the first difference that would change the result.
    """
    for name in {**saved, **plan}:
        if name not in MAY_GROW and saved.get(name) != plan.get(name):
            raise FacsimError(f"cannot resume with another {name}", expected=saved.get(name), got=plan.get(name), remedy="put it back or start anew")
    if saved["epochs"] != plan["epochs"] and plan["schedule"] != "constant":
        what = f"cannot resume with other epochs: schedule {plan['schedule']!r} depends on their number"
        raise FacsimError(what, expected=saved["epochs"], got=plan["epochs"], remedy="put it back or start anew")
    for name in MAY_GROW:
        if _number(plan[name]) < _number(saved[name]):
            raise FacsimError(
                f"cannot resume with less {name}", expected=f"{saved[name]} or more", got=plan[name], remedy="put it back or start anew"
            )


def _number(limit: int | None) -> float:
    """A limit as a number; none is infinity."""
    return float("inf") if limit is None else limit
