"""The sum of spots over cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def accumulate(event: Array, cell: Array, energy: Array, shape: tuple[int, int]) -> Array:
    """Sum the energies of spots into responses of `shape` (events, cells), float32; spots of cell -1 are lost."""
    events, cells = shape
    bins = event * (cells + 1) + cell + 1
    total = np.bincount(bins, weights=energy, minlength=events * (cells + 1))
    return total.reshape(events, cells + 1)[:, 1:].astype(np.float32)
