"""What the user chooses about a training, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from facsim.core import FacsimError, look_up
from facsim.training.optimisers import OPTIMISERS
from facsim.training.schedules import SCHEDULES

DEVICES = {"auto": "auto", "cpu": "cpu", "cuda": "cuda", "mps": "mps"}
PRECISIONS: dict[str, Literal["32-true", "bf16-mixed"]] = {"32": "32-true", "bf16": "bf16-mixed"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    `learning_rate` is one number, or one for each objective by name. `betas` are for adam and adamw, `momentum` is for sgd and rmsprop; None takes
    the optimiser's own. `clip` is the largest gradient norm of one objective's parameters. `ema` is the decay of the averaged weights. `patience` is
    how many epochs without improvement are endured; a checkpoint is written every `checkpoint_seconds`. None switches clip, ema and patience off.
    `devices` is the number of processes that share each batch; more than one start the running script again.

    Raises:
        FacsimError: if a name is unknown or a number is out of its range.

    Examples:
        >>> Settings(epochs=10, learning_rate={"critic": 2e-4, "generator": 1e-4}).rate("critic")
        0.0002
        >>> Settings(epochs=10, optimiser="adamm")
        Traceback (most recent call last):
        facsim.core.errors.FacsimError: unknown optimiser 'adamm': expected one of adam, adamw, rmsprop, sgd; did you mean 'adam'?
    """

    epochs: int
    optimiser: str = "adam"
    learning_rate: float | Mapping[str, float] = 1e-3
    betas: tuple[float, float] | None = None
    momentum: float | None = None
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip: float | None = None
    ema: float | None = None
    patience: int | None = None
    checkpoint_seconds: float = 60.0
    seed: int = 0
    device: str = "auto"
    precision: str = "32"
    devices: int = 1

    def __post_init__(self) -> None:
        look_up(OPTIMISERS, self.optimiser, "optimiser")
        look_up(SCHEDULES, self.schedule, "schedule")
        look_up(DEVICES, self.device, "device")
        look_up(PRECISIONS, self.precision, "precision")
        for rate in self.learning_rate.values() if isinstance(self.learning_rate, Mapping) else [self.learning_rate]:
            _require("learning_rate", rate, rate > 0, "a number > 0")
        _require("epochs", self.epochs, self.epochs >= 1, "1 or more")
        _require("weight_decay", self.weight_decay, self.weight_decay >= 0, "a number >= 0")
        _require("clip", self.clip, self.clip is None or self.clip > 0, "a number > 0")
        _require("ema", self.ema, self.ema is None or 0 < self.ema < 1, "a number between 0 and 1")
        _require("patience", self.patience, self.patience is None or self.patience >= 1, "1 or more")
        _require("devices", self.devices, self.devices >= 1, "1 or more")
        _require("checkpoint_seconds", self.checkpoint_seconds, self.checkpoint_seconds >= 0, "a number >= 0")

    def rate(self, objective: str) -> float:
        """The learning rate of one objective."""
        if isinstance(self.learning_rate, Mapping):
            return look_up(self.learning_rate, objective, "objective in learning_rate")
        return self.learning_rate


def _require(name: str, value: object, good: bool, expected: str) -> None:
    """Raise unless the value is good."""
    if not good:
        raise FacsimError(f"{name} is out of range", expected=expected, got=value)
