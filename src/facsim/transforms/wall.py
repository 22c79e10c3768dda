"""The cells of a wall of two sizes as an image, and the image moved to where the particle hits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.detectors import SplitGranularity, padded_cells
from facsim.core.errors import FacsimError
from facsim.transforms.appended import Appended

LARGE = 2  # pixels of an outer cell along each axis
SOFT = 4.0  # pixels over which the distance to a border is told


class Pixels(Transform):
    """Cells [n, cells] of the LHCb HCAL -> images [n, rows, columns] of its face, padded evenly to `size`.

    The four pixels of an outer cell get a quarter each, or with `corner` the first gets all. Back, each cell is the sum of its pixels; what a network
    puts into the hole or beyond the face is lost.
    """

    def __init__(self, shape: tuple[int, ...], size: tuple[int, int] = (64, 64), corner: bool = False) -> None:
        super().__init__()
        wall = SplitGranularity()
        if tuple(shape) != wall.shape:
            raise FacsimError("this transform needs the cells of a wall", expected=list(wall.shape), got=list(shape))
        self.size, self.cells = (int(size[0]), int(size[1])), wall.n_cells
        number = torch.from_numpy(padded_cells(wall, self.size).copy())
        share = torch.where(number < 0, 0.0, torch.where(number < wall.inner_cells, 1.0, 0.25))
        if corner:
            share = torch.where(share == 0.25, 0.0, share)
            outer = (number >= wall.inner_cells)[::2, ::2]
            share[::2, ::2] = torch.where(outer, 1.0, share[::2, ::2])
        self.register_buffer("number", number.clamp_min(0).flatten(), persistent=False)
        self.register_buffer("share", share.flatten(), persistent=False)
        self.register_buffer("on_cells", (number >= 0).float().flatten(), persistent=False)
        self.number: Tensor
        self.share: Tensor
        self.on_cells: Tensor

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.size

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return (x[:, self.number] * self.share).reshape(-1, *self.size)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return y.new_zeros(len(y), self.cells).index_add(1, self.number, y.flatten(1) * self.on_cells)


class Quadrant(Transform):
    """Cells [n, cells] of the LHCb HCAL mirrored so that the particle's place has x and y >= 0: the wall is the same in all four quadrants.

    `columns` are the conditions x and y. Transforms behind it must take the magnitudes of x and y: those that have it with `mirrored`.
    """

    def __init__(self, shape: tuple[int, ...], columns: tuple[int, int] = (0, 1)) -> None:
        super().__init__()
        wall = SplitGranularity()
        if tuple(shape) != wall.shape:
            raise FacsimError("this transform needs the cells of a wall", expected=list(wall.shape), got=list(shape))
        self.columns = tuple(columns)
        number = torch.from_numpy(wall.cell_of_pixel.copy())
        on = number >= 0
        for name, axis in (("left", 1), ("below", 0)):
            self.register_buffer(name, torch.zeros(wall.n_cells, dtype=torch.long).scatter(0, number[on], number.flip(axis)[on]), persistent=False)
        self.left: Tensor
        self.below: Tensor

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        for column, mirrored in zip(self.columns, (self.left, self.below), strict=True):
            x = torch.where(condition[:, column : column + 1] < 0, x[:, mirrored], x)
        return x

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return self.forward(y, condition)


class Centred(Transform):
    """Images [n, rows, columns] turned round (what leaves on one side enters on the other) so that the particle's outer cell is in the middle.

    `columns` are the conditions x and y in mm, of which with `mirrored` the magnitudes count; `pixel` is the side of a pixel in mm. Moves are by
    whole outer cells, so that nothing is lost.
    """

    def __init__(self, shape: tuple[int, ...], columns: tuple[int, int] = (0, 1), pixel: float = 131.0, mirrored: bool = False) -> None:
        super().__init__()
        if len(shape) != 2 or any(n % LARGE for n in shape):
            raise FacsimError("only images of whole outer cells can be centred", expected="[rows, columns], both even", got=list(shape))
        self.columns, self.pixel, self.mirrored = tuple(columns), pixel, mirrored

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self._turned(x, condition, 1)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return self._turned(y, condition, -1)

    def _turned(self, image: Tensor, condition: Tensor, way: int) -> Tensor:
        for axis, column in ((2, self.columns[0]), (1, self.columns[1])):
            size, place = image.shape[axis], condition[:, column]
            step = LARGE * torch.floor((place.abs() if self.mirrored else place) / (LARGE * self.pixel)).long()
            index = (torch.arange(size, device=image.device) + way * step[:, None]) % size
            image = image.gather(axis, (index[:, None, :] if axis == 2 else index[:, :, None]).expand_as(image))
        return image


class Within(Appended):
    """Conditions [n, c] -> [n, c + 4]: where in an outer cell a place lies, and how far from the border of the inner part, along x and y.

    All from -1 to 1; the distance, of the magnitude of x or y, is told softly. `columns` are x and y, in mm, among the raw conditions.
    """

    def __init__(self, shape: tuple[int, ...], columns: tuple[int, int] = (0, 1)) -> None:
        super().__init__(shape, 4)
        wall = SplitGranularity()
        self.columns, self.pixel = tuple(columns), wall.pixel
        self.halves = (wall.inner[1] / 2, wall.inner[0] / 2)

    def tell(self, x: Tensor, condition: Tensor) -> Tensor:
        found = []
        for column, half in zip(self.columns, self.halves, strict=True):
            place = condition[:, column : column + 1] / self.pixel
            found += [2 * torch.remainder(place / LARGE, 1.0) - 1, torch.tanh((half - place.abs()) / SOFT)]
        return torch.cat(found, dim=1)


class Footprint(Appended):
    """Conditions [n, c] -> [n, c + 1 + pixels]: besides, the energy, and the image of the shares that an average shower leaves in the cells.

    The energy, which the width of a response follows, is the transverse one over the sine of the track's angle, as logarithm over 10 GeV.

    Along x and y the shares fall off exponentially round where the track is `depth` mm behind the face: of each pair (weight, length in mm) of
    `parts` with that length. The image is that of `Pixels` with `corner` and of `Centred`: large cells are one pixel, and the hit is in the middle.
    `columns` are x and y, in mm, among the raw conditions, of which with `mirrored` the magnitudes count, `energy` is the transverse energy, in MeV.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        columns: tuple[int, int] = (0, 1),
        *,
        energy: int = 2,
        size: tuple[int, int] = (64, 64),
        depth: float = 400.0,
        parts: Sequence[tuple[float, float]] = ((0.7, 40.0), (0.3, 150.0)),
        mirrored: bool = False,
    ) -> None:
        super().__init__(shape, 1 + size[0] * size[1])
        wall = SplitGranularity()
        self.columns, self.parts = tuple(columns), [(float(weight), float(length)) for weight, length in parts]
        self.energy, self.distance, self.lean = energy, wall.distance, 1 + depth / wall.distance
        self.pixels, self.centred = Pixels(wall.shape, size, corner=True), Centred(size, columns, wall.pixel, mirrored)
        self.edges = [(torch.arange(n + 1) - n / 2) * wall.pixel for n in self.pixels.size]

    def tell(self, x: Tensor, condition: Tensor) -> Tensor:
        places = (self.lean * condition[:, column : column + 1] for column in self.columns)
        beside, along = (place.abs() if self.centred.mirrored else place for place in places)
        rows, columns = self.edges
        image = sum(
            weight * shares_between(rows - along, length)[:, :, None] * shares_between(columns - beside, length)[:, None]
            for weight, length in self.parts
        )
        cells = self.pixels.inverse(torch.as_tensor(image), condition)
        return torch.cat([self._log_energy(condition), self.centred(self.pixels(cells, condition), condition).flatten(1)], dim=1)

    def _log_energy(self, condition: Tensor) -> Tensor:
        """[n, 1]; within a pixel's side from the beam, that of a track there."""
        radius = torch.hypot(*(condition[:, column] for column in self.columns)).clamp_min(self.centred.pixel)
        sine = radius / torch.hypot(radius, torch.full_like(radius, self.distance))
        return (condition[:, self.energy] / sine / 1e4).log()[:, None]


def shares_between(edges: Tensor, length: float) -> Tensor:
    """Of an exponential of both signs round zero, the shares between edges [n, k + 1]: [n, k]."""
    below = torch.where(edges < 0, 0.5 * torch.exp(-edges.abs() / length), 1 - 0.5 * torch.exp(-edges.abs() / length))
    return below.diff(dim=1)


class TrackSums(Transform):
    """Conditions [n, c] -> [n, 9 + c]: of the image in the last raw columns, sums over inner cells, outer cells and the rest; then all columns.

    Of each part the logarithms of the sum and of the root of the sum of squares, in GeV, and a tenth of the number of pixels that are hit: what the
    mean and the width of a calorimeter's total energy follow. `size` is that of the image, whose pixels are those of the wall padded to it.
    """

    def __init__(self, shape: tuple[int, ...], size: tuple[int, int] = (64, 64), unit: float = 1e3) -> None:
        super().__init__()
        wall = SplitGranularity()
        number = torch.from_numpy(padded_cells(wall, (int(size[0]), int(size[1]))).copy()).flatten()
        parts = torch.stack([(number >= 0) & (number < wall.inner_cells), number >= wall.inner_cells, number < 0], dim=1)
        self.width, self.unit, self.pixels = shape[-1], unit, len(number)
        self.register_buffer("parts", parts.float(), persistent=False)
        self.parts: Tensor

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (3 * self.parts.shape[1] + self.width,)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        image = condition[:, -self.pixels :] / self.unit
        sums, squares, hits = (values @ self.parts for values in (image, image.square(), (image > 0).to(image.dtype)))
        return torch.cat([torch.log1p(sums), torch.log1p(squares.sqrt()), hits / 10, x], dim=1)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return y[:, -self.width :]
