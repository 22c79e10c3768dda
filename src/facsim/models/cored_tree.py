"""The middle of a shower as a tree of its own, then all other cells: where most of the energy lies in few cells, nothing else may blur them."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.models.tree import FAMILIES as TREES
from facsim.models.tree import Tree
from facsim.models.tree_split import seen_energy
from facsim.objectives import weighted_mean
from facsim.objectives.symmetry import SYMMETRIES


class CoredTree(Generator):
    """A Tree of `core` cells on every axis round the middle (one less where it lies in a cell), then one of all others, given the energies of these.

    Both likelihoods are exact, and so is their product. `core_width` is the width of the first Tree's networks; everything else is that of `Tree`.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        core: int = 2,
        core_width: int = 128,
        width: int = 96,
        depth: int = 3,
        components: int = 6,
        lines: int = 8,
        reach: float = 2.3,
        context: int = 4,
        colours: str = "chess",
        symmetry: str = "none",
    ) -> None:
        super().__init__()
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        box = tuple(core - (size - core) % 2 for size in response_shape)
        if not all(0 < inner < size for inner, size in zip(box, response_shape, strict=True)):
            raise FacsimError("no such core in the middle", expected=f"2 to {min(response_shape) - 1} cells", got=core, remedy="set core")
        self.middle = tuple(slice((size - inner) // 2, (size + inner) // 2) for inner, size in zip(box, response_shape, strict=True))
        self.turn = look_up(SYMMETRIES, symmetry, "symmetry")
        self.turn(torch.zeros(0, *response_shape), torch.Generator())
        shared = {"depth": depth, "components": components, "lines": lines, "context": context, "colours": colours}
        self.core = Tree(condition_size, box, width=core_width, reach=float(core), **shared)  # type: ignore[arg-type]
        self.rest = Tree(condition_size + 2 * (math.prod(box) + 1), response_shape, width=width, reach=reach, **shared)  # type: ignore[arg-type]

    def see(self, batch: Batch) -> None:
        core, rest = self._parts(batch.response)
        self.core.see(batch._replace(response=core))
        self.rest.see(batch._replace(condition=_told(batch.condition, core), response=rest))

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.cat([self.core.draw_noise(n, rng), self.rest.draw_noise(n, rng)], dim=1)

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("likelihood", self.nll, tuple(self.parameters())),)

    def nll(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the log likelihood of the core and of the rest, per event."""
        core, rest = self._parts(self.turn(batch.response, rng))
        parts = self.core.log_likelihood(batch.condition, core), self.rest.log_likelihood(_told(batch.condition, core), rest)
        return {name: -weighted_mean(total + cuts, batch.weight) for name, (total, cuts) in zip(("core", "rest"), parts, strict=True)}

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        of_core, of_rest = noise.split([sum(self.core.blocks), sum(self.rest.blocks)], dim=1)  # type: ignore[no-untyped-call]
        core: Tensor = self.core(condition, of_core)
        response: Tensor = self.rest(_told(condition, core), of_rest).clone()
        response[(slice(None), *self.middle)] = core
        return response

    def _parts(self, response: Tensor) -> tuple[Tensor, Tensor]:
        """The core [n, core, ...] and the response without it [n, *shape]."""
        inside = (slice(None), *self.middle)
        rest = response.clone()
        rest[inside] = 0.0
        return response[inside], rest


def _told(condition: Tensor, core: Tensor) -> Tensor:
    """The condition, and the core's energy by cells and as a whole, as it is and in logarithm: [n, c + 2 (cells of the core + 1)]."""
    cells = core.flatten(1)
    energies = torch.cat([cells, cells.sum(1, keepdim=True)], dim=1)
    return torch.cat([condition, energies, seen_energy(energies)], dim=1)


FAMILIES = {
    "cored-tree": replace(
        TREES["tree"],
        build=CoredTree,
        idea="a tree of the few cells in the middle, then one of all others",
        when="showers that come in along one axis, when few cells hold most of the energy",
    )
}
