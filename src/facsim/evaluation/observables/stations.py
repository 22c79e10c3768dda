"""Observables of arrays of stations: how much, where, how steeply falling, and the shape of the traces.

Everything is taken relative to the hottest station; a station without trigger plays no part. Signals in particles, lengths in mm, times in ns.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from facsim.core import Detector, Events, StationArray
from facsim.core.detectors import arrival_times, saturated, signals, traces
from facsim.evaluation.observables.geometry import Array
from facsim.evaluation.observables.summary import BLOCK_CELLS

RINGS = (0.5, 1.1, 1.8, 2.3, 3.3, 4.5)  # edges of distances from the hottest station, in spacings: nearest, next to nearest, and so on
RANKS = (1, 2, 3)  # of the hottest stations whose traces are looked at
RISE = (0.1, 0.5)  # shares of the signal between which a trace rises


def is_array(detector: Detector) -> bool:
    """Whether the response is that of stations on the ground."""
    return isinstance(detector, StationArray)


def has_traces(detector: Detector) -> bool:
    """Whether the stations record traces."""
    return isinstance(detector, StationArray) and detector.bins > 1


def has_times(detector: Detector) -> bool:
    """Whether the stations record arrival times."""
    return isinstance(detector, StationArray) and detector.timed


def ring_names(detector: Detector) -> tuple[str, ...]:
    """The rings round the hottest station, as distances in spacings."""
    return tuple(f"{low:g}-{high:g}" for low, high in pairwise(RINGS))


def rank_names(detector: Detector) -> tuple[str, ...]:
    """The hottest stations."""
    return tuple(str(rank) for rank in RANKS)


def flat_signals(events: Events) -> Array:
    """Signals [n, stations]."""
    array = _array(events)
    step = max(1, BLOCK_CELLS // array.n_cells)
    parts = [signals(array, events.response[i : i + step]) for i in range(0, max(1, len(events)), step)]
    return np.concatenate(parts).reshape(len(events), -1)


def number_of_stations(events: Events) -> Array:
    """Stations with a trigger, [n]."""
    return np.asarray((flat_signals(events) > 0).sum(1), dtype=np.float64)


def number_saturated(events: Events) -> Array:
    """Saturated stations, [n]."""
    return np.asarray(saturated(_array(events), events.response).sum((1, 2)), dtype=np.float64)


def outer_signal(events: Events) -> Array:
    """Signal of all stations but the hottest, [n]: that one is often saturated, and says little then."""
    signal = flat_signals(events)
    return np.asarray(signal.sum(1) - signal.max(1))


def barycentre(events: Events, axis: int) -> Array:
    """Mean x (0) or y (1) of the stations, weighted by the square root of their signal so that a saturated one does not decide alone; mm, [n]."""
    weight = np.sqrt(flat_signals(events))
    return _ratio(weight @ _places(events)[:, axis], weight.sum(1))


def lateral_distribution(events: Events) -> Array:
    """Mean signal of the stations in each ring round the hottest one, [n, rings]; 0 where the array has no station there."""
    signal, distance = flat_signals(events), _distance_from_hottest(events)
    inside = [(distance >= low) & (distance < high) for low, high in pairwise(RINGS)]
    return np.stack([_ratio((signal * ring).sum(1), ring.sum(1)) for ring in inside], axis=1)


def lateral_slope(events: Events) -> Array:
    """Slope of lg signal against lg distance over the stations with a trigger around the hottest one, [n]; 0 where all are equally far."""
    signal, distance = flat_signals(events), _distance_from_hottest(events)
    used = (signal > 0) & (distance > 0)
    x, y = (np.log10(np.where(used, values, 1.0)) for values in (distance, signal))
    count = used.sum(1)
    x_off, y_off = ((values - _ratio(values.sum(1), count)[:, None]) * used for values in (x, y))
    square = (x_off**2).sum(1)
    return _ratio((x_off * y_off).sum(1), np.where(square > 1e-6, square, 0.0))


def trace_means(events: Events) -> Array:
    """Mean time of the traces of the hottest stations in ns, [n, ranks]; 0 without trigger."""
    trace, middle = _hottest_traces(events), _middles(events)
    return _ratio(trace @ middle, trace.sum(-1))


def trace_widths(events: Events) -> Array:
    """Standard deviation in time of the traces of the hottest stations in ns, [n, ranks]."""
    trace, middle = _hottest_traces(events), _middles(events)
    mean = _ratio(trace @ middle, trace.sum(-1))
    return np.asarray(np.sqrt(np.maximum(_ratio(trace @ middle**2, trace.sum(-1)) - mean**2, 0)))


def rise_times(events: Events) -> Array:
    """Time in ns in which the traces of the hottest stations rise from 10 to 50 % of their signal, to a bin, [n, ranks]."""
    passed = np.cumsum(_hottest_traces(events), axis=-1)
    share = _ratio(passed, passed[..., -1:])
    start, end = ((share < level).sum(-1) * (passed[..., -1] > 0) for level in RISE)
    return np.asarray((end - start) * _array(events).bin_width)


def arrival_spread(events: Events) -> Array:
    """Standard deviation of the arrival times of the stations with a trigger in ns, [n]; 0 for fewer than two."""
    time = arrival_times(_array(events), events.response).reshape(len(events), -1)
    seen = np.isfinite(time)
    known, count = np.where(seen, time, 0.0), seen.sum(1)
    mean = _ratio(known.sum(1), count)
    return np.sqrt(_ratio(np.square((known - mean[:, None]) * seen).sum(1), count))


def _array(events: Events) -> StationArray:
    if not isinstance(events.detector, StationArray):
        raise TypeError(f"{type(events.detector).__name__} is no StationArray")
    return events.detector


def _places(events: Events) -> Array:
    return _array(events).stations.reshape(-1, 3)


def _distance_from_hottest(events: Events) -> Array:
    """Distance of each station from the hottest one in spacings, [n, stations]."""
    place = _places(events)
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1) / _array(events).spacing
    return np.asarray(apart[flat_signals(events).argmax(1)])


def _hottest_traces(events: Events) -> Array:
    """Traces of the hottest stations, float64 [n, ranks, bins]."""
    order = np.argsort(-flat_signals(events), axis=1, kind="stable")[:, : len(RANKS)]
    trace = traces(_array(events), events.response)
    flat = trace.reshape(len(events), -1, trace.shape[-1])
    return np.take_along_axis(flat, order[:, :, None], axis=1).astype(np.float64)


def _middles(events: Events) -> Array:
    array = _array(events)
    return (np.arange(array.bins) + 0.5) * array.bin_width


def _ratio(numerator: Array, denominator: Array) -> Array:
    """The quotient where the denominator is positive, 0 elsewhere."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)
