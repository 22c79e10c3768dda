"""What a family of models is: a row of the table MODELS."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from facsim.core.contracts import Generator

Recipe = tuple[tuple[str, dict[str, Any]], ...]

SPARSE: Recipe = (("Log", {"offset": 1.0}), ("Scale", {}))  # zero stays zero: cells without energy are networks' exact zeros
ENERGIES: Recipe = (("Scale", {}),)  # sums of cells are energies still
SHARED: Recipe = (("EnergyFractions", {}), ("Gaussianise", {}))  # the total energy, and how it is shared out, each nearly normal


@dataclass(frozen=True)
class Family:
    """A family of models: how to build one, and what a user wants to know before choosing it.

    `response` is the recipe of transforms that suits the family on a calorimeter's cells, `training` the settings that train it well.
    `signed`: whether it can make negative numbers, as tables of log-likelihoods or momenta have them; `onnx`: why its networks cannot be exported
    to ONNX, empty where they can.
    """

    build: Callable[..., Generator]
    idea: str
    when: str
    cost: str
    source: str
    response: Recipe
    training: dict[str, Any]
    signed: bool = True
    onnx: str = ""

    @property
    def settings(self) -> dict[str, inspect.Parameter]:
        """The keyword settings of `build`, by name."""
        return {k: p for k, p in inspect.signature(self.build).parameters.items() if p.kind is p.KEYWORD_ONLY}
