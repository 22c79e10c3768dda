"""What a production is: the numbers that fix every bit of it, and how it is cut into shards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

import facsim
from facsim.core import FacsimError
from facsim.production.blocks import BLOCK


class Shard(NamedTuple):
    """A shard: events `first` to `first + n` of the production."""

    number: int
    first: int
    n: int

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"shard-{self.number:06d}.h5"


@dataclass(frozen=True)
class Plan:
    """`n` events of a source with a seed, in shards of `shard_size` events; `source` says in JSON what makes them.

    Raises:
        FacsimError: if there is no event, or the shards are no whole number of blocks.

    Examples:
        >>> [(s.first, s.n) for s in Plan({"surrogate": "x"}, seed=0, n=4500, shard_size=2000).shards()]
        [(0, 2000), (2000, 2000), (4000, 500)]
    """

    source: Mapping[str, Any]
    seed: int
    n: int
    shard_size: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise FacsimError("there is nothing to produce", expected="1 or more events", got=self.n)
        if self.shard_size < BLOCK or self.shard_size % BLOCK:
            raise FacsimError("shards are made of whole blocks", expected=f"a multiple of {BLOCK} events", got=self.shard_size)

    def shards(self) -> list[Shard]:
        """All shards in order."""
        return [Shard(k, first, min(self.shard_size, self.n - first)) for k, first in enumerate(range(0, self.n, self.shard_size))]

    def describe(self) -> dict[str, Any]:
        """All that the bits of the production depend on, JSON-ready."""
        return {**asdict(self), "source": dict(self.source), "block": BLOCK, "versions": versions()}


def versions() -> dict[str, str]:
    """What computes in this process; another kind of processor takes other paths through the same libraries, and rounds differently."""
    processor = torch.backends.cpu.get_cpu_capability()
    return {"facsim": facsim.__version__, "torch": str(torch.__version__), "numpy": np.__version__, "processor": processor}
