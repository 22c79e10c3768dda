"""What a study is: the models that it compares, the numbers that were published, and the bars that ours must meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facsim.evaluation.scorecard import Row


@dataclass(frozen=True)
class Expected:
    """One number of a study: `distance` of `observable` in `bin` for a model, as it was published and as it must be (None: there is no such number).

    A bar is met if the magnitude of the value does not exceed it.
    """

    model: str
    distance: str
    observable: str
    bin: str
    published: float | None = None
    bar: float | None = None

    @property
    def label(self) -> str:
        """The number's name in a table.

        Examples:
            >>> Expected("flow", "kl", "x", "mean 5").label
            'kl of x, mean 5'
        """
        return f"{self.distance} of {self.observable}, {self.bin}"


@dataclass(frozen=True)
class Request:
    """What to run: some of the models, with the seeds, at full length or in a minute; `say` is told what goes on.

    `settings` are the study's own, by name. `bundles` holds folders of trained surrogates that stand for models instead of a training. Trials that
    are finished in the folder `out` are taken from there, unless `fresh`.
    """

    models: tuple[str, ...]
    seeds: tuple[int, ...]
    full: bool
    say: Callable[[str], None] = lambda text: None
    settings: Mapping[str, Any] = field(default_factory=dict)
    bundles: Mapping[str, Path] = field(default_factory=dict)
    out: Path | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Trial:
    """One model trained and scored with one seed: its scores, curves per epoch {panel group: {quantity: values}}, and how it came about.

    `figures` are PNGs by name, which a study that keeps its trials writes beside them.
    """

    model: str
    seed: int
    rows: tuple[Row, ...]
    curves: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """All trials, the settings of the truth, in which way a model's training departs from the published one, and figures of all models (PNG)."""

    trials: tuple[Trial, ...]
    truth: Mapping[str, Any]
    notes: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A published study that can be run again; `models` tells what each name stands for, `bars` in words what must be met.

    `settings` tells what each of the study's own settings is for, `seeds` how many a full run has, `bundles` whether trained surrogates can stand
    for models. `searched` is the grid of settings among which the source chose, by name; a model's own are constants of its study.
    """

    name: str
    source: str
    description: str
    models: Mapping[str, str]
    expected: tuple[Expected, ...]
    bars: str
    run: Callable[[Request], Outcome]
    searched: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    seeds: int = 3
    bundles: bool = False
