"""A refiner that keeps the rank of each number among events of the same condition: of those that were simulated, then of data's.

Nobody knows the conditions of data. They are inferred from the numbers, see `hidden_condition`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from facsim.core.contracts import Generator, Objective
from facsim.core.errors import FacsimError
from facsim.models.conditional_quantiles import ConditionalQuantiles
from facsim.models.family import Family
from facsim.models.hidden_condition import draw_hidden_ranks, rank

RANKS = 1000  # of the condition, between which it is linear
RARE = 400  # events of a sample in which a row is above zero: rows that seldom are share one distribution


class Ranks(Generator):
    """Numbers [n, cells] and the event's condition, one column -> the numbers that data of that condition have at the same ranks.

    The first `leading` numbers (0: all) follow the condition, each on its own. The others are rows of equally many, such as the shares of a trace in
    its bins; they follow the leading number of their row, and are zero with it. So the spread at a condition becomes that of data, larger or smaller.
    Data must have the conditions' distribution of the simulation, and numbers that fluctuate on their own once the condition is given.
    Source: the transform of Rosenblatt, Ann. Math. Stat. 23 (1952) 470.

    Raises:
        FacsimError: unless there is one condition variable.
    """

    def __init__(self, condition_size: int, response_shape: tuple[int, ...], *, leading: int = 0, slices: int = 32, knots: int = 32) -> None:
        super().__init__()
        self.condition_size, self.response_shape, self.cells = condition_size, tuple(response_shape), math.prod(response_shape)
        if condition_size - self.cells != 1:
            raise FacsimError("this refiner follows one condition variable", expected=1, got=condition_size - self.cells, remedy="choose transport")
        self.leading = leading or self.cells
        self.channels = self.cells // self.leading - 1
        self.register_buffer("conditions", torch.full((RANKS,), math.nan))
        self.conditions: Tensor
        self.first = nn.ModuleList(ConditionalQuantiles(1, self.leading, slices, knots) for _ in range(2))  # of simulation and of data
        self.rows = nn.ModuleList(ConditionalQuantiles(self.leading, self.channels, slices, knots) for _ in range(2) if self.channels)

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, self.cells, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        below, place = torch.special.ndtr(noise), self.place(condition[:, -1])[:, None]
        first, spread = (t[:, None, : self.leading] for t in (condition, below))
        made = carried(self.first, first, (place, place), spread)
        if self.channels:
            rows, spread = (t[:, self.leading : self.cells].reshape(len(t), self.leading, -1) for t in (condition, below))
            before, after = (torch.where(t > 0, t, 1.0).log().squeeze(1) for t in (first, made))
            shares = carried(self.rows, rows, (before, after), spread, fresh=first.squeeze(1) == 0) * (made > 0).squeeze(1)[..., None]
            made = torch.cat([made.flatten(1), shares.flatten(1)], dim=1)
        return made.reshape(-1, *self.response_shape)

    def place(self, condition: Tensor) -> Tensor:
        """The rank in [0, 1] of conditions [n] among those of the simulation; linear between its quantiles, and 0 or 1 beyond them."""
        above = torch.searchsorted(self.conditions, condition.contiguous()).clamp(1, RANKS - 1)
        low, high = self.conditions[above - 1], self.conditions[above]
        return (above - 1 + ((condition - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)) / (RANKS - 1)

    def objectives(self) -> tuple[Objective, ...]:
        return ()

    def adapt(self, simulation: Tensor, condition: Tensor, data: Tensor, rng: torch.Generator) -> None:
        """Learn from simulated numbers [n, cells] with their conditions [n], and from data [m, cells]."""
        samples = [s.flatten(1) for s in (simulation, data)]
        first = [s[:, : self.leading] for s in samples]
        self.conditions.copy_(condition.sort().values[torch.linspace(0, len(condition) - 1, RANKS).long()])
        places = (rank(condition), draw_hidden_ranks(condition, first[0], first[1], rng))
        for table, numbers, place in zip(self.first, first, places, strict=True):
            table.fit(0, numbers, place.float())  # type: ignore[operator]
        if self.channels:
            seldom = torch.stack([(f > 0).sum(0) for f in first]).amin(0) < RARE
            for table, sample in zip(self.rows, samples, strict=True):
                self._fit_rows(table, sample, seldom)  # type: ignore[arg-type]

    def _fit_rows(self, table: ConditionalQuantiles, sample: Tensor, seldom: Tensor) -> None:
        first, rows = sample[:, : self.leading], sample[:, self.leading :].reshape(len(sample), self.leading, -1)
        hit, together = first > 0, seldom.nonzero().squeeze(1)
        for row in [*(~seldom).nonzero().squeeze(1).tolist(), *together[:1].tolist()]:
            events = torch.nonzero(hit & seldom, as_tuple=True) if seldom[row] else (hit[:, row].nonzero().squeeze(1), torch.tensor(row))
            table.fit(row, rows[events], first[events].log())
        if len(together):
            table.share(together)


def carried(tables: nn.ModuleList, x: Tensor, covariates: tuple[Tensor, Tensor], spread: Tensor, fresh: Tensor | None = None) -> Tensor:
    """Numbers [n, rows, channels] to those of data at the same places; rows that are `fresh` [n, rows] have no place and are drawn."""
    simulation, data = tables
    level = simulation.level(x, covariates[0], spread)  # type: ignore[operator]
    if fresh is not None:
        level = torch.where(fresh[..., None], spread, level)
    made: Tensor = data.value(level, covariates[1])  # type: ignore[operator]
    return made


FAMILIES = {
    "ranks": Family(
        Ranks,
        idea="each number keeps its rank among events of the same condition, which for data is inferred from their numbers",
        when="one condition, and numbers that fluctuate on their own once it is given, as the stations of an array do",
        cost="sorting, and a few rounds of inference; seconds",
        source="Rosenblatt (1952); Dempster, Laird and Rubin (1977)",
        response=(),
        training={"epochs": 1},
    ),
}
