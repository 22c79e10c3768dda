"""An array of particle detectors on the ground, as observatories of cosmic rays have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from facsim.core.detectors.base import Array, Detector, require
from facsim.core.table import look_up

ROW_STEP = float(np.sin(np.pi / 3))  # distance of the rows of a triangular lattice, in units of the spacing
PIXELS = 14  # of the drawn picture in one spacing
FULL = 0.9  # of the saturation: a station with more signal is called saturated

LAYOUTS: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {  # x, y in units of the spacing, from column and row
    "offset": lambda i, j: (i + 0.5 * (j % 2), j * ROW_STEP),
    "axial": lambda i, j: (i + 0.5 * j, j * ROW_STEP),
    "cartesian": lambda i, j: (i, j),
}


@dataclass(frozen=True)
class StationArray(Detector):
    """Stations in rows (y) and columns (x): response [rows, columns] (signals), or [rows, columns, channels] with traces or arrival times.

    The channels are `bins` bins of a trace, `bin_width` ns each (without traces: the signal alone), and last, where `timed`, the arrival time.
    Signals are numbers of particles. An arrival time is counted in ns from `window` ns before the shower core reaches the ground.
    A station without trigger is zero in all channels: responses hold no NaN. `arrival_times` has NaN there, `pack_stations` takes it.

    `layout`: "offset" (every other row shifted by half a spacing), "axial" (each row shifted further) or "cartesian". The station in the middle
    lies at x = y = 0, all at `height` above the sea. `spacing` and `height` in mm. Beyond `saturation` a station's mean signal grows no more.

    Examples:
        >>> StationArray(9, 9).shape, StationArray(9, 9, bins=80, timed=True).shape
        ((9, 9), (9, 9, 81))
    """

    rows: int = 9
    columns: int = 9
    layout: str = "offset"
    spacing: float = 1.5e6
    height: float = 1.4e6
    bins: int = 0
    bin_width: float = 25.0
    timed: bool = False
    window: float = 4e4
    saturation: float = 1e7
    signed: bool = False

    def __post_init__(self) -> None:
        look_up(LAYOUTS, self.layout, "layout of stations")
        require(min(self.rows, self.columns) > 0 and self.bins >= 0, "an array has no stations", "1 or more, with 0 or more bins", self)
        sizes = (self.spacing, self.bin_width, self.window, self.saturation)
        require(min(sizes) > 0, "spacing, bins, window and saturation of an array must be positive", "numbers > 0", sizes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        channels = max(self.bins, 1) + self.timed
        return (self.rows, self.columns, channels) if channels > 1 else (self.rows, self.columns)

    @cached_property
    def stations(self) -> Array:
        """Positions (x, y, z) of the stations in mm, float64 [rows, columns, 3]."""
        column, row = np.meshgrid(np.arange(self.columns) - self.columns // 2, np.arange(self.rows) - self.rows // 2)
        return self._places(column, row)

    @cached_property
    def centres(self) -> Array:
        return np.repeat(self.stations.reshape(-1, 3), self.n_cells // (self.rows * self.columns), axis=0)

    @cached_property
    def areas(self) -> Array:
        return np.full(self.n_cells, self.spacing**2 * (1.0 if self.layout == "cartesian" else ROW_STEP))

    @cached_property
    def layers(self) -> Array:
        return np.zeros(self.n_cells, dtype=np.int64)

    def image(self, response: Array) -> Array:
        signal, index = signals(self, response.reshape(self.shape)).ravel(), self._raster
        pixels = np.bincount(index[index >= 0], minlength=signal.size)
        return np.where(index >= 0, (signal / pixels)[index], 0.0)

    @cached_property
    def half_sides(self) -> tuple[float, float]:
        """Half the width and half the height of the drawn picture in mm."""
        x, y, _ = np.abs(self.stations).reshape(-1, 3).max(0) + 0.7 * self.spacing
        return float(x), float(y)

    def _places(self, column: Array, row: Array) -> Array:
        x, y = LAYOUTS[self.layout](column, row)
        return np.stack([x * self.spacing, y * self.spacing, np.full(np.shape(x), self.height)], axis=-1)

    @cached_property
    def _raster(self) -> Array:
        """Station in whose cell (a hexagon, or a square) each pixel lies, [rows, columns]; -1 outside of the array."""
        column, row = np.meshgrid(np.arange(-1, self.columns + 1), np.arange(-1, self.rows + 1))
        number = np.where((column % self.columns == column) & (row % self.rows == row), row * self.columns + column, -1)
        around = self._places(column - self.columns // 2, row - self.rows // 2)[..., :2].reshape(-1, 2)
        x, y = (_pixel_centres(half, self.spacing / PIXELS) for half in self.half_sides)
        nearest = np.argmin((x[None, :, None] - around[:, 0]) ** 2 + (y[:, None, None] - around[:, 1]) ** 2, axis=-1)
        return np.asarray(number.ravel()[nearest])


def _pixel_centres(half: float, size: float) -> Array:
    count = max(1, round(half / size))
    return (np.arange(2 * count + 1) - count) * half / (count + 0.5)


def traces(array: StationArray, response: Array) -> Array:
    """The traces [..., rows, columns, bins] of responses [..., *shape] (a view); one bin where the array records the signal alone."""
    channels = response[..., None] if len(array.shape) == 2 else response
    return channels[..., : max(array.bins, 1)]


def signals(array: StationArray, response: Array) -> Array:
    """The stations' signals, summed over their traces: responses [..., *shape] -> float64 [..., rows, columns]."""
    return np.asarray(traces(array, response).sum(-1, dtype=np.float64))


def triggered(array: StationArray, response: Array) -> Array:
    """Which stations have a signal, [..., rows, columns]."""
    return np.asarray((traces(array, response) > 0).any(-1))


def saturated(array: StationArray, response: Array) -> Array:
    """Which stations are saturated, [..., rows, columns]."""
    return signals(array, response) > FULL * array.saturation


def arrival_times(array: StationArray, response: Array) -> Array:
    """Arrival times in ns after the shower core reaches the ground, float64 [..., rows, columns]; NaN where there is no trigger."""
    require(array.timed, "this array records no arrival times", "a StationArray with timed=True", array)
    return np.where(triggered(array, response), response[..., -1].astype(np.float64) - array.window, np.nan)


def pack_stations(array: StationArray, trace: Array, arrival: Array | None = None) -> Array:
    """Responses float32 [n, *shape] from traces [n, rows, columns, bins] and arrival times [n, rows, columns], NaN in stations without trigger.

    Such a station becomes zero in all channels.

    Raises:
        FacsimError: if a station has a trace that is NaN in part, a trace without a time or a time outside of the window.
    """
    empty = np.isnan(trace)
    silent: Array = np.asarray(empty.all(-1))
    require(
        bool((empty == silent[..., None]).all()), "a trace is NaN in part", "whole stations without trigger", int((empty.any(-1) & ~silent).sum())
    )
    found = np.where(silent[..., None], 0.0, trace)
    if array.timed and arrival is not None:
        silent = silent | ~(found > 0).any(-1)
        time = np.where(silent, 0.0, np.asarray(arrival) + array.window)
        require(bool((np.isfinite(time) & ((time > 0) | silent)).all()), "an arrival time is missing or outside of the window", "ns > -window", array)
        found = np.concatenate([found, time[..., None]], axis=-1)
    require(found.size == len(found) * array.n_cells, "traces and times do not fit the array", array.shape, list(found.shape[1:]))
    return np.asarray(found.reshape(-1, *array.shape), dtype=np.float32)
