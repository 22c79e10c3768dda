"""Detectors: one kind a file, and the table of all."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from facsim.core.detectors.base import Detector
from facsim.core.detectors.layered import GridLayer, LayeredGrid
from facsim.core.detectors.polar import PolarLayer, PolarLayers
from facsim.core.detectors.regular import RegularGrid
from facsim.core.detectors.split import SplitGranularity, as_image, from_image, padded_cells, part_grids, saturate
from facsim.core.detectors.stations import StationArray, arrival_times, pack_stations, saturated, signals, traces, triggered
from facsim.core.detectors.vector import Vector
from facsim.core.errors import FacsimError
from facsim.core.table import look_up

DETECTORS: dict[str, type[Detector]] = {
    kind.__name__: kind for kind in (RegularGrid, LayeredGrid, PolarLayers, SplitGranularity, StationArray, Vector)
}


def describe(detector: Detector) -> dict[str, Any]:
    """A JSON-ready dictionary from which `from_description` rebuilds the detector."""
    return {"kind": type(detector).__name__, **asdict(detector)}  # type: ignore[call-overload]


def from_description(description: dict[str, Any]) -> Detector:
    """The detector that `describe` told of.

    Raises:
        FacsimError: for an unknown kind or fields that do not fit it.

    Examples:
        >>> grid = RegularGrid((4, 4), (1.0, 1.0))
        >>> from_description(describe(grid)) == grid
        True
    """
    fields = dict(description)
    kind = look_up(DETECTORS, str(fields.pop("kind", "")), "detector")
    try:
        return kind(**fields)
    except TypeError as error:
        raise FacsimError(f"the description does not fit a {kind.__name__}", got=error) from error


__all__ = [
    "DETECTORS",
    "Detector",
    "GridLayer",
    "LayeredGrid",
    "PolarLayer",
    "PolarLayers",
    "RegularGrid",
    "SplitGranularity",
    "StationArray",
    "Vector",
    "arrival_times",
    "as_image",
    "describe",
    "from_description",
    "from_image",
    "pack_stations",
    "padded_cells",
    "part_grids",
    "saturate",
    "saturated",
    "signals",
    "traces",
    "triggered",
]
