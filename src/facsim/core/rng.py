"""Named random sub-streams: every consumer draws from its own, so that adding one never shifts another."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The random stream of `seed` that belongs to `names`; equal arguments give equal streams, on every machine.

    Examples:
        >>> stream(1, "split").integers(100) == stream(1, "split").integers(100)
        np.True_
        >>> stream(1, "split").random() == stream(1, "batches").random()
        False
    """
    return np.random.default_rng([seed, *(_number(name) for name in names)])


def _number(name: str | int) -> int:
    """A number for a name: text is hashed, and tagged so that it never equals a plain number."""
    return name if isinstance(name, int) else int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") | 1 << 64
