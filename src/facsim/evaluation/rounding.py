"""Significant bits: a sample stored with few of them must be judged against one rounded alike, or a tree tells them apart by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facsim.core import Events

ROUNDED_BITS = 11  # of our Geant4 samples: relative error below 5e-4
FLOAT_BITS = 24  # of a float32


def significant_bits(events: Events) -> int:
    """The least number of significant bits that holds every number of the response exactly (0 if all are zero).

    Examples:
        >>> from facsim.core import Vector
        >>> significant_bits(Events(np.zeros((1, 0)), np.array([[1.0, 1.5, 5.0]])[:, :2], Vector(("a", "b")), ()))
        2
    """
    values = np.ascontiguousarray(events.response)
    if not values.any():
        return 0
    used = int(np.bitwise_or.reduce(values.view(np.int32), axis=None)) & ((1 << FLOAT_BITS - 1) - 1)
    trailing = (used & -used).bit_length() - 1 if used else FLOAT_BITS - 1
    return FLOAT_BITS - trailing


def is_rounded(events: Events) -> bool:
    """Whether the response was rounded to ROUNDED_BITS: every number fits into them, and some number needs them."""
    return significant_bits(events) == ROUNDED_BITS


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
