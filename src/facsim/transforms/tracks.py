"""What tracks leave in a calorimeter on average: the image of the tracks, blurred as showers are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.core.detectors import SplitGranularity
from facsim.transforms.appended import Appended
from facsim.transforms.wall import Pixels, shares_between

POINTS = 5  # places along a side of a pixel, over which a track in it is averaged


class TrackShowers(Appended):
    """Conditions [n, c] -> [n, c + pixels]: besides, the image of tracks in the last columns, each pixel shared out as an average shower in it.

    Showers are those of `Footprint`: `parts` are pairs (weight, length in mm), and a track is seen `depth` mm behind the face. The image is that of
    `Pixels` with `corner`, so that large cells are one pixel.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        size: tuple[int, int] = (64, 64),
        depth: float = 400.0,
        parts: Sequence[tuple[float, float]] = ((0.7, 40.0), (0.3, 150.0)),
    ) -> None:
        super().__init__(shape, size[0] * size[1])
        wall = SplitGranularity()
        self.pixels, self.weights = Pixels(wall.shape, size, corner=True), [float(weight) for weight, _ in parts]
        self.pitch, self.lean = wall.pixel, 1 + depth / wall.distance
        for name, n in zip(("rows", "columns"), size, strict=True):
            self.register_buffer(name, torch.stack([self._ways(n, float(length)) for _, length in parts]), persistent=False)
        self.rows: Tensor
        self.columns: Tensor

    def _ways(self, n: int, length: float) -> Tensor:
        """Along an axis of n pixels, which shares of a track in one of them lie in each other: [n, n]."""
        edges = torch.arange(n + 1) - n / 2
        places = self.lean * (edges[:-1, None] + (torch.arange(POINTS) + 0.5) / POINTS).reshape(-1, 1)
        return shares_between(self.pitch * (edges - places), length).reshape(n, POINTS, n).mean(1)

    def tell(self, x: Tensor, condition: Tensor) -> Tensor:
        tracks = x[:, -self.more :].reshape(-1, *self.pixels.size)
        showers = sum(w * (rows.T @ tracks @ columns) for w, rows, columns in zip(self.weights, self.rows, self.columns, strict=True))
        cells = self.pixels.inverse(torch.as_tensor(showers), condition)
        return self.pixels.forward(cells, condition).flatten(1)
