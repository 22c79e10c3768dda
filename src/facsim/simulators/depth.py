"""The depth of a stack, cut into the readout's layers and those into slabs thin enough for one lateral shape each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import Detector, FacsimError

Array = NDArray[Any]

THICKEST = 1.0  # of a slab, in radiation lengths


@dataclass(frozen=True)
class Depth:
    """Depths in mm where the readout's layers begin and end, front face first: one more than there are layers.

    Examples:
        >>> Depth((0.0, 10.0, 15.0)).slabs(5.0)
        (array([ 0.,  5., 10., 15.]), array([0, 0, 1]))
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", tuple(float(e) for e in self.edges))
        if len(self.edges) < 2 or self.edges[0] < 0 or min(np.diff(self.edges)) <= 0:
            raise FacsimError("the depths of the layers are not in order", expected="two or more rising depths >= 0 in mm", got=self.edges)

    @classmethod
    def uniform(cls, layers: int, thickness: float) -> Depth:
        """Equal layers of that thickness in mm."""
        return cls(tuple(thickness * i for i in range(layers + 1)))

    @cached_property
    def n_layers(self) -> int:
        """Number of layers of the readout."""
        return len(self.edges) - 1

    def slabs(self, thickest: float) -> tuple[Array, Array]:
        """Edges in mm [m + 1] of slabs of at most that thickness, and the layer of each [m]."""
        layers = np.arange(self.n_layers)
        pieces = np.ceil(np.diff(self.edges) / thickest - 1e-9).astype(int).clip(1)
        inner = [np.linspace(self.edges[i], self.edges[i + 1], pieces[i], endpoint=False) for i in layers]
        return np.concatenate([*inner, self.edges[-1:]]), np.repeat(layers, pieces)

    def require_layers_of(self, detector: Detector) -> None:
        """Raise unless the detector has as many layers."""
        if detector.n_layers != self.n_layers:
            raise FacsimError(
                "depths and detector differ in layers", expected=detector.n_layers, got=self.n_layers, remedy="give one depth edge more"
            )
