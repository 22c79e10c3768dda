"""Detectors of files that do not describe them: the CaloChallenge's datasets, and stacks known by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from facsim.core import Detector, FacsimError, PolarLayer, PolarLayers, RegularGrid
from facsim.data.hdf5 import text

EARLY = (0, 5, 10, 30, 50, 100, 200, 400, 600)
LATE = (0, 50, 100, 200, 400, 600)
PHOTON_LAYERS: dict[int, tuple[int, tuple[int, ...]]] = {  # number: (angles, radial edges in mm)
    0: (1, EARLY),
    1: (10, (0, 2, 4, 6, 8, 10, 12, 15, 20, 30, 40, 50, 70, 90, 120, 150, 200)),
    2: (10, (0, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 160, 200, 250, 300, 350, 400)),
    3: (1, LATE),
    12: (1, (0, 100, 200, 400, 1000, 2000)),
}
PION_LAYERS: dict[int, tuple[int, tuple[int, ...]]] = {
    0: (1, EARLY),
    1: (10, (0, 1, 4, 7, 10, 15, 30, 50, 90, 150, 200)),
    2: (10, (0, 5, 10, 20, 30, 50, 80, 130, 200, 300, 400)),
    3: (1, LATE),
    12: (10, (0, 10, 20, 30, 50, 80, 100, 130, 160, 200, 250, 300, 350, 400, 1000, 2000)),
    13: (10, (0, 10, 20, 30, 50, 80, 100, 130, 160, 200, 250, 300, 350, 400, 600, 1000, 2000)),
    14: (1, (0, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 2000)),
}


def _numbered(layers: dict[int, tuple[int, tuple[int, ...]]]) -> PolarLayers:
    """Layers by the detector's own numbers; no depth is published, so z is the number."""
    return PolarLayers(tuple(PolarLayer(angles, tuple(map(float, edges)), number, float(number)) for number, (angles, edges) in layers.items()))


def rings(width: float, count: int) -> list[float]:
    """Edges of equal rings round the axis, in mm."""
    return [width * i for i in range(count + 1)]


# By the number of voxels. Source: Krause et al., CaloChallenge 2022, arXiv:2410.21611, and the binning files of its datasets 1, 2 and 3.
CHALLENGE: dict[int, Detector] = {
    detector.n_cells: detector
    for detector in (
        _numbered(PHOTON_LAYERS),
        _numbered(PION_LAYERS),
        PolarLayers.uniform(45, 16, rings(4.65, 9), depth=3.4),
        PolarLayers.uniform(45, 50, rings(2.325, 18), depth=3.4),
    )
}


class Stack(NamedTuple):
    """Readout layers of a sampling calorimeter and the depth of one in mm."""

    layers: int
    layer_mm: float


STACKS = {
    "90 x (1.4 mm W + 0.3 mm Si)": Stack(45, 3.4),
    "25 x (3 mm W + 0.5 mm Si)": Stack(25, 3.5),
}


def detector_from_attributes(attributes: Mapping[str, Any]) -> Detector:
    """The detector that `shape` and `cell_mm` (a grid, (y, x) or (z, y, x)) or `r_edge_mm` (polar, layers x angles x rings) tell of.

    The depth of a layer comes from `layer_mm`, or from a known stack named in `geometry`; where neither tells, a layer is 1 mm deep.

    Raises:
        FacsimError: if they contradict one another, or the axes are in another order.
    """
    shape = tuple(int(n) for n in np.atleast_1d(attributes["shape"]))
    _require_order(shape, attributes)
    if "r_edge_mm" in attributes and len(shape) == 3:
        layers, angles, count = shape
        return PolarLayers.uniform(layers, angles, rings(float(attributes["r_edge_mm"]), count), _layer_mm(layers, attributes))
    if "cell_mm" in attributes:
        cell = np.broadcast_to(attributes["cell_mm"], 2)  # y, x
        depth = (_layer_mm(shape[0], attributes),) if len(shape) == 3 else ()
        return RegularGrid(shape, (*depth, *(float(c) for c in cell)))
    raise FacsimError(f"shape {shape} alone does not make a detector", expected="cell_mm for a grid, r_edge_mm for layers x angles x rings")


def attributes_of(detector: Detector) -> dict[str, Any]:
    """The attributes from which `detector_from_attributes` rebuilds the detector, as far as they can hold it."""
    told: dict[str, Any] = {"shape": list(detector.shape)}
    if isinstance(detector, RegularGrid):
        *depth, y, x = detector.size
        return {
            **told,
            "axes": ", ".join("zyx"[-len(detector.cells) :]),
            "cell_mm": y if y == x else [y, x],
            **({"layer_mm": depth[0]} if depth else {}),
        }
    if isinstance(detector, PolarLayers) and len(detector.shape) == 3:
        first = detector.stack[0]
        uniform = {**told, "r_edge_mm": first.edges[1], "layer_mm": 2 * first.z}
        return uniform if first.z > 0 and detector_from_attributes(uniform) == detector else told
    return told


def _layer_mm(layers: int, attributes: Mapping[str, Any]) -> float:
    stack = STACKS.get(text(attributes.get("geometry", "")).split(";")[0].strip(), Stack(layers, 1.0))
    if stack.layers != layers:
        raise FacsimError("attributes 'shape' and 'geometry' contradict one another", expected=f"{stack.layers} layers on the first axis", got=layers)
    return float(attributes.get("layer_mm", stack.layer_mm))


def _require_order(shape: tuple[int, ...], attributes: Mapping[str, Any]) -> None:
    """Raise if the file says that its axes are not (y, x) or (z, y, x)."""
    axes = [axis.strip() for axis in text(attributes.get("axes", "z, y, x")).split(",")]
    if axes[-len(shape) :] != list("zyx"[-len(shape) :]):
        raise FacsimError("the axes are in another order", expected="z, y, x (rows are y)", got=", ".join(axes), remedy="transpose the file first")
