"""Conditions that are images, as evaluation looks at them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facsim.core import Events, Variable


def sums_of_images(events: Events) -> Events:
    """The events with each condition that is an array replaced by its sum, one number of the same name and unit.

    Thousands of columns that are mostly zero would drown what classifiers and bins are to see.

    Examples:
        >>> from facsim.core import Vector
        >>> tracks = Variable("tracks", "MeV", shape=(2, 2))
        >>> events = Events(np.array([[5.0, 1.0, 2.0, 3.0, 4.0]]), np.zeros((1, 1)), Vector(("a",)), (Variable("energy", "MeV"), tracks))
        >>> sums_of_images(events).condition.tolist()
        [[5.0, 10.0]]
    """
    if len(events.numbers) == len(events.variables):
        return events
    columns = [events.column(v.name).reshape(len(events), -1).sum(1, dtype=np.float64) for v in events.variables]
    variables = tuple(Variable(v.name, v.unit) if v.shape else v for v in events.variables)
    return replace(events, condition=np.column_stack(columns), variables=variables)
