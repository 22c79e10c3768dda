"""What everything else speaks in: events, detectors, variables, units, errors, random streams, contracts.

The contracts need torch and are imported from `facsim.core.contracts`, so that reading a file does not.
"""

from facsim.core.coarsen import coarsen
from facsim.core.detectors import (
    DETECTORS,
    Detector,
    GridLayer,
    LayeredGrid,
    PolarLayer,
    PolarLayers,
    RegularGrid,
    SplitGranularity,
    StationArray,
    Vector,
)
from facsim.core.errors import FacsimError
from facsim.core.events import Events, concatenate, only
from facsim.core.rng import stream
from facsim.core.table import look_up
from facsim.core.variables import Variable

__all__ = [
    "DETECTORS",
    "Detector",
    "Events",
    "FacsimError",
    "GridLayer",
    "LayeredGrid",
    "PolarLayer",
    "PolarLayers",
    "RegularGrid",
    "SplitGranularity",
    "StationArray",
    "Variable",
    "Vector",
    "coarsen",
    "concatenate",
    "look_up",
    "only",
    "stream",
]
