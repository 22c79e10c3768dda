"""Blocks: the events that share one random stream and one pass of the computation, so that their bits depend on nothing else.

Event i is row i % BLOCK of block i // BLOCK. A block is always computed whole, by one thread, also where a production ends inside it: the last bit
of a product of matrices may depend on how many rows go through it together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from facsim.core import Events, stream
from facsim.core.contracts import Simulator
from facsim.core.events import Array

BLOCK = 1000


class Maker(NamedTuple):
    """What makes events: a simulator (or surrogate), and conditions [n, c] for it from a random stream."""

    simulator: Simulator
    draw: Callable[[int, np.random.Generator], Array]


def make_block(maker: Maker, seed: int, number: int) -> Events:
    """All events of one block."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rng = stream(seed, "produce", number)
        return maker.simulator.simulate(maker.draw(BLOCK, rng), rng)
    finally:
        torch.set_num_threads(threads)


def content(events: Events, number: int) -> int:
    """A checksum of a block's numbers and its place.

    Those of several blocks are added (modulo 2^256), so that the sum over a production does not depend on how it was cut.
    """
    total = hashlib.sha256(str(number).encode())
    for array in (events.condition, events.response, events.weights):
        total.update(np.ascontiguousarray(array, dtype="<f4").data)
    return int.from_bytes(total.digest(), "big")


def add(*parts: int) -> int:
    """The sum of checksums.

    Examples:
        >>> add(2**256 - 1, 3)
        2
    """
    return sum(parts) % 2**256
