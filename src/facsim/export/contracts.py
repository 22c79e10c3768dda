"""What a graph takes and gives: the table CONTRACTS."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import torch
from torch import Tensor, nn

from facsim.export.par04 import Par04Inputs, macro
from facsim.surrogate import Surrogate


class Contract(nn.Module, ABC):
    """A surrogate's chain as a module of named tensors; `output` names what it gives."""

    output = "response"

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.chain = nn.ModuleList([surrogate.model, surrogate.condition_transform, surrogate.response_transform])  # their numbers are the graph's
        self.surrogate = surrogate

    @abstractmethod
    def inputs(self, condition: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """The graph's inputs, by name, for conditions [n, c] in physical units and the model's noise [n, ...]."""

    def describe(self) -> dict[str, str]:
        """What the file says of its contract."""
        return {}

    def write_beside(self, path: Path) -> None:
        """Write what belongs beside the graph."""


class Plain(Contract):
    """Inputs `condition` [n, c] in the units of the variables and `noise` [n, ...]; output `response` [n, *detector.shape], MeV for calorimeters."""

    def inputs(self, condition: Tensor, noise: Tensor) -> dict[str, Tensor]:
        return {"condition": condition, "noise": noise}

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        return self.surrogate.respond(condition, noise)


class Par04(Contract):
    """Input `input` [n, noise + 4] and output `output` [n, r x phi x z] as Geant4's example Par04 has them: see `facsim.export.par04`."""

    output = "output"

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__(surrogate)
        self.coding = Par04Inputs(surrogate.detector, surrogate.variables, surrogate.model.draw_noise(1, torch.Generator()))

    def inputs(self, condition: Tensor, noise: Tensor) -> dict[str, Tensor]:
        return {"input": self.coding.encode(condition, noise)}

    def forward(self, input: Tensor) -> Tensor:
        condition, noise, energy = self.coding.decode(input)
        return self.surrogate.respond(condition, noise).permute(0, 3, 2, 1).flatten(1) / energy

    def describe(self) -> dict[str, str]:
        return {"latent": str(self.coding.latent), "conditions": "energy / 1024 GeV, angle / 90 deg, geometry (2)"}

    def write_beside(self, path: Path) -> None:
        path.with_suffix(".mac").write_text(macro(path.name, self.coding))


CONTRACTS: dict[str, type[Contract]] = {"plain": Plain, "par04": Par04}
