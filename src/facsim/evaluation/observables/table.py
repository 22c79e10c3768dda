"""The table of observables: numbers of each event, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from facsim.core import Detector, Events, FacsimError, Vector, look_up
from facsim.evaluation.observables.clusters import PLACE, SLOPE, asymmetry, position_bias, slope_width
from facsim.evaluation.observables.geometry import Array, is_calorimeter, is_layered, layer_depths, layer_names, neighbour_axes
from facsim.evaluation.observables.stations import (
    arrival_spread,
    barycentre,
    flat_signals,
    has_times,
    has_traces,
    is_array,
    lateral_distribution,
    lateral_slope,
    number_of_stations,
    number_saturated,
    outer_signal,
    rank_names,
    ring_names,
    rise_times,
    trace_means,
    trace_widths,
)
from facsim.evaluation.observables.summary import (
    ENERGY,
    RANKS,
    THRESHOLDS,
    Summary,
    cells_above,
    centre,
    neighbour_overlap,
    ratio,
    width,
)

Moment = Callable[[Array, str], Array]
IN_LAYERS = {("centre", "r"): "layer_radius", ("width", "r"): "layer_radial_width"} | {
    (moment, axis): f"layer_{moment}_{axis}" for moment in ("centre", "width") for axis in ("x", "y")
}
WALZ = "Erdmann, Glombitza and Walz, 2018, arXiv:1708.00647"
LHCB = "Chekalina et al., 2018, arXiv:1812.01319"
CHALLENGE = "Krause et al., CaloChallenge 2022, 2024, arXiv:2410.21611"


@dataclass(frozen=True)
class Column:
    """One number of an event: its name in tables, its unit, the observable it belongs to."""

    name: str
    unit: str
    observable: str


def _no_parts(detector: Detector) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Observable:
    """A pure function of events: `compute(events)` is [n], or [n, k] where `parts` names k columns of a detector.

    `label` is for figures (matplotlib's mathtext). `needs` are conditions without which it has no meaning. All are finite: an empty event or
    layer has centre 0, width 0, ratio 0.
    """

    name: str
    label: str
    unit: str
    of: Callable[[Summary], Array]
    applies: Callable[[Detector], bool] = is_calorimeter
    description: str = ""
    source: str = ""
    parts: Callable[[Detector], tuple[str, ...]] = _no_parts
    needs: tuple[str, ...] = ()

    def compute(self, events: Events) -> Array:
        """The observable of each event, float64 [n] or [n, k]."""
        return self.of(Summary(events))

    def columns(self, detector: Detector) -> tuple[Column, ...]:
        """Name and unit of each of its columns."""
        if isinstance(detector, Vector):
            return tuple(Column(name, unit, self.name) for name, unit in zip(detector.names, detector.units))
        return tuple(Column(f"{self.name}[{p}]", self.unit, self.name) for p in self.parts(detector)) or (Column(self.name, self.unit, self.name),)


def _along(axis: str, moment: Moment) -> Callable[[Summary], Array]:
    return lambda s: moment(s.whole, axis)


def _in_layers(moment: Moment, axis: str) -> Observable:
    """Energy-weighted mean or width of a coordinate in each layer."""
    name = IN_LAYERS[moment.__name__, axis]
    label = rf"$\langle {axis} \rangle_\ell$" if moment is centre else rf"$\sigma_{{{axis},\ell}}$"
    return Observable(
        name, label, "mm", lambda s: moment(s.layers, axis), is_layered, f"{moment.__name__} in {axis} of each layer", CHALLENGE, layer_names
    )


def _maximum_depth(s: Summary) -> Array:
    energy = s.layer_energy
    return np.where(energy.max(1) > 0, layer_depths(s.events.detector)[energy.argmax(1)], 0.0)


def _layer_cells(s: Summary) -> Array:
    return np.bincount(s.events.detector.layers)


def _always(names: tuple[str, ...]) -> Callable[[Detector], tuple[str, ...]]:
    return lambda detector: names


def _of_stations(name: str, label: str, unit: str, of: Callable[[Events], Array], description: str, **more: Any) -> Observable:
    """An observable of arrays of stations, from the events themselves."""
    return Observable(name, label, unit, lambda s: of(s.events), **{"applies": is_array, "description": description, "source": WALZ, **more})


STATIONS = (
    _of_stations("total_signal", "$S$", "1", lambda e: flat_signals(e).sum(1), "sum over all stations, in particles"),
    _of_stations("hottest_signal", r"$S_\mathrm{max}$", "1", lambda e: flat_signals(e).max(1), "signal of the hottest station, in particles"),
    _of_stations("outer_signal", r"$S - S_\mathrm{max}$", "1", outer_signal, "signal of all but the hottest station, in particles"),
    _of_stations("stations", r"$N_\mathrm{stations}$", "1", number_of_stations, "number of stations with a trigger"),
    _of_stations("saturated_stations", r"$N_\mathrm{saturated}$", "1", number_saturated, "number of saturated stations"),
    _of_stations(
        "barycentre_x", r"$\langle x \rangle$", "mm", lambda e: barycentre(e, 0), "mean x of the stations, weighted by the root of the signal"
    ),
    _of_stations(
        "barycentre_y", r"$\langle y \rangle$", "mm", lambda e: barycentre(e, 1), "mean y of the stations, weighted by the root of the signal"
    ),
    _of_stations("lateral_signal", "$S(r)$", "1", lateral_distribution, "mean signal in rings round the hottest station", parts=ring_names),
    _of_stations("lateral_slope", r"$\beta$", "1", lateral_slope, "slope of lg signal against lg distance from the hottest station"),
    _of_stations("trace_mean", r"$\langle t \rangle$", "ns", trace_means, "mean time of the hottest traces", parts=rank_names, applies=has_traces),
    _of_stations("trace_width", r"$\sigma_t$", "ns", trace_widths, "spread in time of the hottest traces", parts=rank_names, applies=has_traces),
    _of_stations("rise_time", "$t_{10-50}$", "ns", rise_times, "10 to 50 % rise time of the hottest traces", parts=rank_names, applies=has_traces),
    _of_stations("arrival_spread", r"$\sigma_T$", "ns", arrival_spread, "spread of the arrival times", applies=has_times),
)

BOTH_WAYS = {"along": False, "across": True}
CLUSTERS = (
    *(
        Observable(
            f"position_bias_{axis}", rf"$\langle {axis} \rangle - {axis}$", "mm", partial(position_bias, axis=axis), needs=(axis,), source=LHCB,
            description=f"centre of energy less the particle's {axis}",
        )
        for axis in PLACE
    ),
    *(
        Observable(
            f"asymmetry_{way}", f"asymmetry {way}", "1", partial(asymmetry, across=across), needs=(*PLACE, *SLOPE), source=LHCB,
            description=f"energy on either side of the particle's place, {way} its slope",
        )
        for way, across in BOTH_WAYS.items()
    ),
    *(
        Observable(
            f"width_{way}", rf"$\sigma$ {way}", "mm", partial(slope_width, across=across), needs=(*PLACE, *SLOPE), source=LHCB,
            description=f"energy-weighted standard deviation {way} the particle's slope",
        )
        for way, across in BOTH_WAYS.items()
    ),
)  # fmt: skip

OBSERVABLES: dict[str, Observable] = {
    o.name: o
    for o in (
        Observable("total_energy", "$E$", "MeV", lambda s: s.total_energy, description="sum over all cells"),
        Observable(
            "energy_ratio", r"$E / E_\mathrm{in}$", "1", lambda s: ratio(s.total_energy, s.incident_energy), needs=(ENERGY,), source=CHALLENGE,
            description="energy in the cells over the incident energy",
        ),
        Observable("centre_x", r"$\langle x \rangle$", "mm", _along("x", centre), description="energy-weighted mean of x"),
        Observable("centre_y", r"$\langle y \rangle$", "mm", _along("y", centre), description="energy-weighted mean of y"),
        Observable("width_x", r"$\sigma_x$", "mm", _along("x", width), description="energy-weighted standard deviation of x"),
        Observable("width_y", r"$\sigma_y$", "mm", _along("y", width), description="energy-weighted standard deviation of y"),
        Observable("radius", r"$\langle r \rangle$", "mm", _along("r", centre), description="energy-weighted mean distance from the axis"),
        Observable("radial_width", r"$\sigma_r$", "mm", _along("r", width), description="energy-weighted standard deviation of r"),
        Observable("depth", r"$\langle z \rangle$", "mm", _along("z", centre), is_layered, "energy-weighted mean depth"),
        Observable("depth_width", r"$\sigma_z$", "mm", _along("z", width), is_layered, "energy-weighted standard deviation of the depth"),
        Observable("maximum_depth", r"$z_\mathrm{max}$", "mm", _maximum_depth, is_layered, "depth of the layer with the most energy"),
        Observable(
            "sparsity", "sparsity", "1", lambda s: 1 - s.active.sum(1) / s.events.detector.n_cells, source=CHALLENGE,
            description="fraction of cells that are not above zero",
        ),
        Observable(
            "hits", r"$N_\mathrm{hits}$", "1", lambda s: cells_above(s.events), parts=_always(tuple(f">{t:g}MeV" for t in THRESHOLDS)),
            description="number of cells above each threshold",
        ),
        Observable("maximum_cell", r"$E_\mathrm{max}$", "MeV", lambda s: s.bright[:, 0], description="energy of the brightest cell"),
        Observable(
            "brightest", r"$E_{(k)}$", "MeV", lambda s: s.bright[:, 1:], parts=_always(tuple(str(r) for r in RANKS[1:])),
            description="energy of the k-th brightest cell",
        ),
        Observable(
            "peak_fraction", r"$E_\mathrm{max} / E$", "1", lambda s: ratio(s.bright[:, 0], s.whole[:, 0]),
            description="share of the brightest cell",
        ),
        Observable(
            "neighbour_overlap", r"$\sum E_i E_{i+1} / \sum E_i^2$", "1", lambda s: neighbour_overlap(s.events), parts=neighbour_axes,
            description="likeness of neighbouring cells along each axis",
        ),
        Observable("layer_energy", r"$E_\ell$", "MeV", lambda s: s.layer_energy, is_layered, "energy of each layer", CHALLENGE, layer_names),
        *(_in_layers(moment, axis) for axis in ("x", "y", "r") for moment in (centre, width)),
        Observable(
            "layer_sparsity", r"sparsity$_\ell$", "1", lambda s: 1 - s.active / _layer_cells(s), is_layered,
            "fraction of a layer's cells that are not above zero", CHALLENGE, layer_names,
        ),
        Observable(
            "columns", "columns", "1", lambda s: s.events.response.astype(np.float64), lambda d: isinstance(d, Vector),
            "each column of a tabular response",
        ),
        *CLUSTERS,
        *STATIONS,
    )
}  # fmt: skip


def applicable(events: Events) -> tuple[Observable, ...]:
    """The observables that have a meaning for these events."""
    known = {v.name for v in events.variables}
    return tuple(o for o in OBSERVABLES.values() if o.applies(events.detector) and known.issuperset(o.needs))


def columns(events: Events) -> tuple[Column, ...]:
    """Every number that the applicable observables give for an event, in the order of `features`."""
    return tuple(column for o in applicable(events) for column in o.columns(events.detector))


def features(events: Events, names: Sequence[str] | None = None) -> tuple[Array, tuple[str, ...]]:
    """All applicable observables side by side (or those named): float64 [n, k], and the name of each column.

    Raises:
        FacsimError: for a name that is no observable of these events.

    Examples:
        >>> from facsim.core import RegularGrid
        >>> events = Events(np.zeros((2, 0)), np.ones((2, 4, 4)), RegularGrid((4, 4), (5.0, 5.0)), ())
        >>> matrix, names = features(events, ("total_energy", "width_x"))
        >>> names, matrix[0].round(3).tolist()
        (('total_energy', 'width_x'), [16.0, 5.59])
    """
    table = {o.name: o for o in applicable(events)}
    chosen = list(table.values()) if names is None else [look_up(table, name, "observable of these events") for name in names]
    if not chosen:
        raise FacsimError("no observable applies to these events", got=type(events.detector).__name__)
    summary = Summary(events)
    parts = [np.asarray(o.of(summary), dtype=np.float64) for o in chosen]
    matrix = np.concatenate([part if part.ndim == 2 else part[:, None] for part in parts], axis=1)
    return matrix, tuple(column.name for o in chosen for column in o.columns(events.detector))
