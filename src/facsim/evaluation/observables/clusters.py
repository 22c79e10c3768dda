"""Observables of a cluster about the particle that made it, whose place and direction are known.

Source: Chekalina et al., Generative models for fast calorimeter simulation, the LHCb case, 2018, arXiv:1812.01319.
"""

from __future__ import annotations

import numpy as np

from facsim.core import Events
from facsim.core.variables import column_index
from facsim.evaluation.observables.geometry import AXES, Array, coordinates
from facsim.evaluation.observables.summary import Summary, centre, ratio

PLACE, SLOPE = ("x", "y"), ("tx", "ty")  # names of conditions: place in mm and slopes of the particle at the front face


def position_bias(s: Summary, axis: str) -> Array:
    """Centre of energy less the particle's place along "x" or "y", mm, [n]; against the place it is the S-curve. 0 for an empty event."""
    bias = centre(s.whole, axis) - _condition(s.events, (axis,))[:, 0]
    return np.where(s.events.cells.any(1), bias, 0.0)


def asymmetry(s: Summary, across: bool) -> Array:
    """Energy on one side of the particle's place less that on the other, over the sum: ahead along its slope, or to its left; 0 if empty, [n]."""
    return _mean(s, np.sign(_projections(s.events, across)))


def slope_width(s: Summary, across: bool) -> Array:
    """Energy-weighted standard deviation along the particle's transverse direction, or across it, mm; 0 if empty, [n]."""
    places = _projections(s.events, across)
    return np.asarray(np.sqrt(np.maximum(_mean(s, places**2) - _mean(s, places) ** 2, 0)))


def _projections(events: Events, across: bool) -> Array:
    """Cell centres from the particle's place, along its transverse direction or across it (turned left), [n, cells]; x where it has no slope."""
    slope = _condition(events, SLOPE)
    length = np.hypot(*slope.T)
    along = np.where(length[:, None] > 0, slope / np.where(length > 0, length, 1)[:, None], [1.0, 0.0])
    direction = np.column_stack([-along[:, 1], along[:, 0]]) if across else along
    cells = coordinates(events.detector)[:, [AXES.index(axis) for axis in PLACE]]
    return np.asarray(direction @ cells.T - (direction * _condition(events, PLACE)).sum(1, keepdims=True))


def _condition(events: Events, names: tuple[str, ...]) -> Array:
    return np.column_stack([events.condition[:, column_index(events.variables, name)] for name in names]).astype(np.float64)


def _mean(s: Summary, values: Array) -> Array:
    """Energy-weighted mean of values of the cells [n, cells]."""
    return ratio((s.events.cells * values).sum(1, dtype=np.float64), s.events.cells.sum(1, dtype=np.float64))
