"""Coarser readout: sum square blocks of cells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core.detectors import RegularGrid
from facsim.core.errors import FacsimError
from facsim.core.events import Events


def block_sum(image: NDArray[Any], factor: int) -> NDArray[Any]:
    """Sum blocks of `factor` x `factor` over the last two axes: [..., rows, columns] -> [..., rows / factor, columns / factor].

    Examples:
        >>> block_sum(np.arange(16).reshape(4, 4), 2)
        array([[10, 18],
               [42, 50]])
    """
    *lead, rows, columns = image.shape
    return np.asarray(image.reshape(*lead, rows // factor, factor, columns // factor, factor).sum((-3, -1)))


def coarsen(events: Events, factor: int) -> Events:
    """The events as read out by a grid whose cells are `factor` times larger in x and y.

    Raises:
        FacsimError: if the detector is no RegularGrid, or the factor does not divide it.
    """
    if factor == 1:
        return events
    if not isinstance(events.detector, RegularGrid):
        raise FacsimError("only a RegularGrid can be coarsened", got=type(events.detector).__name__)
    detector = events.detector.coarsen(factor)
    return replace(events, response=block_sum(events.response, factor), detector=detector)


def coarsening_factor(fine: object, coarse: object) -> int | None:
    """The factor by which one grid must be coarsened to become the other; None if none does."""
    if not isinstance(fine, RegularGrid) or not isinstance(coarse, RegularGrid) or len(fine.cells) != len(coarse.cells):
        return None
    factor = fine.cells[-1] // coarse.cells[-1]
    try:
        return factor if factor and fine.coarsen(factor) == coarse else None
    except FacsimError:
        return None
