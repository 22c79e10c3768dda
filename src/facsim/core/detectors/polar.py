"""A stack of layers binned in angle and radius, as in the Fast Calorimeter Simulation Challenge."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from facsim.core.detectors.base import Array, Detector, require, stack_shape
from facsim.core.errors import FacsimError
from facsim.core.table import look_up

PIXELS = 81  # of the side of the drawn picture; odd, so that the axis falls on a pixel's centre


@dataclass(frozen=True)
class PolarLayer:
    """One layer: `angles` equal bins from -pi and rings between `edges` in mm; `number` is the detector's own name for it, `z` its depth in mm."""

    angles: int
    edges: tuple[float, ...]
    number: int
    z: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", tuple(float(e) for e in self.edges))
        require(self.angles > 0, f"layer {self.number} has no angular bin", "1 or more", self.angles)
        require(
            len(self.edges) > 1 and bool(np.all(np.diff(self.edges) > 0)), f"layer {self.number} has bad radial edges", "rising edges", self.edges
        )

    @property
    def rings(self) -> int:
        """Number of radial bins."""
        return len(self.edges) - 1


@dataclass(frozen=True)
class PolarLayers(Detector):
    """Layers of polar cells: response [layers, angles, rings] if all are alike, else flat; inside a layer the angle is the outer index.

    Source: Krause et al., CaloChallenge 2022, arXiv:2410.21611 (section 2).

    Examples:
        >>> PolarLayers.uniform(layers=45, angles=16, edges=[4.65 * i for i in range(10)]).shape
        (45, 16, 9)
    """

    stack: tuple[PolarLayer, ...]
    signed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "stack", tuple(_layer(layer) for layer in self.stack))
        require(len(self.stack) > 0, "a polar detector has no layer", "one or more", 0)

    @classmethod
    def uniform(cls, layers: int, angles: int, edges: list[float], depth: float = 1.0) -> PolarLayers:
        """Equal layers, each `depth` mm thick, with their centres at (i + 1/2) depth."""
        return cls(tuple(PolarLayer(angles, tuple(edges), i, (i + 0.5) * depth) for i in range(layers)))

    @classmethod
    def from_xml(cls, path: str | Path, particle: str) -> PolarLayers:
        """The geometry of one particle in a CaloChallenge binning file; layers without radial bins are left out.

        Raises:
            FacsimError: if the file is no such XML or does not know the particle.
        """
        try:
            root = ET.parse(path).getroot()
        except (ET.ParseError, OSError) as error:
            raise FacsimError(f"cannot read the binning file {path}", got=error, expected="a CaloChallenge binning XML") from error
        entry = look_up({p.get("name", p.get("pid", "")): p for p in root}, particle, f"particle in {path}")
        return cls(tuple(_from_element(e) for e in entry.iter("Layer") if len(_edges(e)) > 1))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return stack_shape([(layer.angles, layer.rings) for layer in self.stack])

    @cached_property
    def centres(self) -> Array:
        return np.concatenate([_centres(layer) for layer in self.stack])

    @cached_property
    def areas(self) -> Array:
        return np.concatenate([np.tile(np.diff(np.square(layer.edges)) * np.pi / layer.angles, layer.angles) for layer in self.stack])

    @cached_property
    def layers(self) -> Array:
        return np.repeat(np.arange(len(self.stack)), self._sizes)

    def image(self, response: Array) -> Array:
        index, density = self._raster, response.reshape(-1) / self.areas
        drawn = np.where(index >= 0, density[index], 0.0).sum(0)
        return np.asarray(drawn * (2 * self.drawn_radius / PIXELS) ** 2)

    @cached_property
    def drawn_radius(self) -> float:
        """Half the side of the drawn picture in mm: the outer edge of the narrowest layer."""
        return min(layer.edges[-1] for layer in self.stack)

    @cached_property
    def _sizes(self) -> list[int]:
        return [layer.angles * layer.rings for layer in self.stack]

    @cached_property
    def _raster(self) -> Array:
        """Cell under each pixel of each layer, [layers, rows, columns], -1 outside."""
        axis = (np.arange(PIXELS) - (PIXELS - 1) / 2) * 2 * self.drawn_radius / PIXELS
        radius, angle = np.hypot(axis, axis[:, None]), np.arctan2(axis[:, None], axis)
        return np.stack([_cell_below(layer, radius, angle, first) for layer, first in zip(self.stack, self.layer_starts, strict=True)])


def _layer(layer: PolarLayer | dict[str, Any]) -> PolarLayer:
    return layer if isinstance(layer, PolarLayer) else PolarLayer(**layer)


def _edges(element: ET.Element) -> tuple[float, ...]:
    return tuple(float(e) for e in element.get("r_edges", "").split(",") if e.strip())


def _from_element(element: ET.Element) -> PolarLayer:
    number = int(element.get("id", "0"))
    return PolarLayer(int(element.get("n_bin_alpha", "1")), _edges(element), number, z=float(number))


def angle_centres(angles: int) -> Array:
    """Centres of equal bins from -pi to pi, in rad."""
    return -np.pi + (np.arange(angles) + 0.5) * 2 * np.pi / angles


def _centres(layer: PolarLayer) -> Array:
    """Positions [cells, 3] at the middle of each cell; where a ring is not divided in angle, the point of the same radius at angle 0."""
    radius = np.tile((np.array(layer.edges[1:]) + layer.edges[:-1]) / 2, layer.angles)
    angle = np.repeat(angle_centres(layer.angles), layer.rings)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(radius.size, layer.z)], axis=1)


def _cell_below(layer: PolarLayer, radius: Array, angle: Array, first: int) -> Array:
    """Index of the cell at polar points; -1 outside the layer."""
    ring = np.searchsorted(layer.edges, radius, side="right") - 1
    sector = np.floor((angle + np.pi) / (2 * np.pi) * layer.angles).astype(int) % layer.angles
    return np.where((ring >= 0) & (ring < layer.rings), first + sector * layer.rings + ring, -1)
