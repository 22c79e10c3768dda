"""Significant bits: a sample stored with few of them must be judged against one rounded alike, or a tree tells them apart by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facsim.core import Events

ROUNDED_BITS = 11  # of our Geant4 samples: relative error below 5e-4
FLOAT_BITS = 24  # of a float32
FEW = 0.01  # share of numbers with so many bits that is no chance: of rounded numbers one half, of others 2^-14


def is_rounded(events: Events) -> bool:
    """Whether the response was rounded to ROUNDED_BITS, perhaps before cells were summed: many a number then still needs exactly so many bits.

    Examples:
        >>> from facsim.core import Vector
        >>> is_rounded(Events(np.zeros((1, 0)), np.array([[1 + 2.0**-10, 1 / 3]]), Vector(("a", "b")), ()))
        True
    """
    values = np.ascontiguousarray(events.response).view(np.int32)
    values = values[values != 0]
    dropped = FLOAT_BITS - ROUNDED_BITS
    needs_all = (values & ((1 << dropped + 1) - 1)) == 1 << dropped
    return bool(np.count_nonzero(needs_all) > FEW * len(values))


def round_significant(events: Events, bits: int = ROUNDED_BITS) -> Events:
    """The events with every response rounded to so many significant bits (to nearest, halves away from zero).

    Examples:
        >>> from facsim.core import Vector
        >>> events = Events(np.zeros((1, 0)), np.array([[1000.4, -3.25]]), Vector(("a", "b")), ())
        >>> round_significant(events, 3).response.tolist()
        [[1024.0, -3.5]]
    """
    dropped = FLOAT_BITS - bits
    if dropped <= 0:
        return events
    raw = np.array(events.response, order="C").view(np.int32)
    raw += np.int32(1 << dropped - 1)
    raw &= np.int32(-1 << dropped)
    return replace(events, response=raw.view(np.float32))
