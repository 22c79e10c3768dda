"""The event's moments and layers first, then the tree in their light: where one or two photons lie, how far they are spread, and how deep."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.models.flow import Flow
from facsim.models.tree import FAMILIES as TREES
from facsim.models.tree import UNIFORMS, Tree
from facsim.models.tree_moments import UNIT, cell_moments, moments_of
from facsim.models.tree_split import seen_energy
from facsim.objectives import weighted_mean
from facsim.objectives.symmetry import SYMMETRIES

NARROW = 0.1  # fraction of the training events, those with the least spread, that are taken for one shower alone
LEAST = 1e-3  # cells^2: less is no difference between the widths along the axes
BLUR = (0.04, 0.05, 0.1, 0.02, 0.02)  # of the numbers of a Shape: exact ones would leave the last cuts of the tree no freedom
TURN_BLUR = 0.02  # rad
LAYER_BLUR = 0.03  # of the energy of each layer
MOST = 2.0  # factor by which the cells of a layer are scaled
FAR, TRIES = 10.0, 4  # an event with moments this far from those wanted, in widths of the blur, or an empty layer is made anew, this often at most
GOLDEN = 0.6180339887  # a step along uniform noise that leads to other numbers, as uniform as these
AXES = 2


class Shape(NamedTuple):
    """An event across the beam: `numbers` [n, 5], and the direction of the longer axis [n], from -pi/2 to pi/2.

    The numbers: logarithm of the variance along the shorter axis (cells^2), logarithm of how much that along the longer is above it, skewness along
    the longer axis, centre of energy along and across it (cells).
    """

    numbers: Tensor
    turn: Tensor


def shape_of(image: Tensor) -> Shape:
    """That of images [n, rows, columns]."""
    y, x = (UNIT * axis for axis in cell_moments(image.shape[1:])[:AXES])
    part = image / image.sum((1, 2), keepdim=True).clamp_min(1e-30)
    middle = [(part * axis).sum((1, 2)) for axis in (x, y)]
    dx, dy = (axis - m[:, None, None] for axis, m in zip((x, y), middle, strict=True))
    xx, yy, xy = ((part * product).sum((1, 2)) for product in (dx * dx, dy * dy, dx * dy))
    longer = torch.hypot(xx - yy, 2 * xy)
    turn = torch.atan2(2 * xy, xx - yy) / 2
    cos, sin = turn.cos(), turn.sin()
    along = dx * cos[:, None, None] + dy * sin[:, None, None]
    shorter = ((xx + yy - longer) / 2).clamp_min(LEAST)
    skewness = (part * along**3).sum((1, 2)) / (shorter + longer) ** 1.5
    centre = middle[0] * cos + middle[1] * sin, middle[1] * cos - middle[0] * sin
    return Shape(torch.stack([shorter.log(), longer.clamp_min(LEAST).log(), skewness, *centre], dim=1), turn)


def blurred_layers(layers: Tensor, rng: torch.Generator) -> Tensor:
    """The energies of layers [n, layers], each a little off, with the same total."""
    off = layers * torch.exp(LAYER_BLUR * torch.randn(layers.shape, generator=rng))
    return off * (layers.sum(1, keepdim=True) / off.sum(1, keepdim=True).clamp_min(1e-30))


def blurred(shape: Shape, rng: torch.Generator) -> Shape:
    noise = torch.randn(len(shape.turn), 1 + len(BLUR), generator=rng)
    return Shape(shape.numbers + noise[:, 1:] * torch.tensor(BLUR), shape.turn + TURN_BLUR * noise[:, 0])


def centre_of(shape: Shape) -> tuple[Tensor, Tensor]:
    """Rows and columns of the centre of energy from the detector's middle, cells."""
    along, across = shape.numbers[:, 3], shape.numbers[:, 4]
    cos, sin = shape.turn.cos(), shape.turn.sin()
    return along * sin + across * cos, along * cos - across * sin


def target_of(shape: Shape) -> Tensor:
    """The moments that the tree shall reach, as `cell_moments` orders them, [n, 5]."""
    shorter, longer = shape.numbers[:, 0].exp(), shape.numbers[:, 1].exp()
    (y, x), cos, sin = centre_of(shape), shape.turn.cos(), shape.turn.sin()
    second = y * y + shorter + longer * sin**2, y * x + longer * sin * cos, x * x + shorter + longer * cos**2
    return torch.stack([y / UNIT, x / UNIT, *(s / UNIT**2 for s in second)], dim=1)


def missed(image: Tensor, shape: Shape) -> Tensor:
    """By how much images miss the moments of a shape, [n]: the largest difference of any, in widths of the blur."""
    part = image / image.sum((1, 2), keepdim=True).clamp_min(1e-30)
    off = (torch.einsum("nyx,myx->nm", part, cell_moments(image.shape[1:])) - target_of(shape)).abs()
    first, second = off[:, :AXES] * UNIT / BLUR[3], off[:, AXES:] * UNIT**2 / (BLUR[1] * shape.numbers[:, :2].exp().sum(1, keepdim=True))
    return torch.cat([first, second], dim=1).amax(1)


def two_showers(shape: Shape, size: tuple[int, int]) -> Tensor:
    """Two points that have the centre, the variance along the longer axis (beyond that of the shorter) and the skewness, shared out among cells."""
    variance, shorter = shape.numbers[:, 1].exp(), shape.numbers[:, 0].exp()
    skewness = shape.numbers[:, 2] * ((variance + shorter) / variance) ** 1.5
    part = (1 - skewness / torch.sqrt(skewness**2 + 4)) / 2
    part = part.clamp(0.005, 0.995)
    (y, x), image = centre_of(shape), torch.zeros(len(part), *size)
    for weight, sign in ((part, 1.0), (1 - part, -1.0)):
        step = sign * torch.sqrt(variance * (1 - weight) / weight)
        share_out(image, y + step * shape.turn.sin(), x + step * shape.turn.cos(), weight)
    return image


def share_out(image: Tensor, y: Tensor, x: Tensor, weight: Tensor) -> None:
    """Add a weight at a point to the four cells around it."""
    (rows, columns), event = image.shape[1:], torch.arange(len(image))
    row, column = ((at + (size - 1) / 2).clamp(0, size - 1.001) for at, size in ((y, rows), (x, columns)))
    for down in (0, 1):
        for right in (0, 1):
            near = (1 - (row.floor() + down - row).abs()) * (1 - (column.floor() + right - column).abs())
            image.index_put_((event, row.long() + down, column.long() + right), weight * near, accumulate=True)


class MomentTree(Generator):
    """A flow draws how an event lies across the beam (`Shape`), a small Tree its layers' energies; then a Tree shares out the energy, depth last:

    each block sees where showers that lie so would have their energy on average, and what is missing of the moments and of the layers. By what the
    layers are off in the end, some per cent, their cells are scaled.

    The last two axes of the response are those across the beam. `flow_width` is that of the flow's networks, everything else as in Tree.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        flow_width: int = 64,
        width: int = 96,
        depth: int = 3,
        components: int = 6,
        lines: int = 8,
        reach: float = 2.3,
        context: int = 4,
        colours: str = "chess",
        symmetry: str = "none",
        hottest: int = 0,
        whole: bool = False,
        sampled: int = 0,
    ) -> None:
        super().__init__()
        if len(response_shape) not in (2, 3):
            raise FacsimError("this model needs images or layers of them", expected="[layers], rows, columns", got=list(response_shape))
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.turn = look_up(SYMMETRIES, symmetry, "symmetry")
        self.turn(torch.zeros(0, *response_shape), torch.Generator())
        self.flow = Flow(condition_size, (len(BLUR),), likelihood="normal", hidden=(flow_width, flow_width))
        self.deep = tuple(response_shape[:-AXES]) or (1,)
        of_shape = condition_size + len(BLUR)
        shared = {"width": width, "depth": depth, "components": components, "lines": lines, "reach": reach, "context": context, "colours": colours}
        self.layers = Tree(of_shape, self.deep, whole=whole, **shared)  # type: ignore[arg-type]
        self.tree = Tree(
            of_shape + 2 + self.deep[0] + moments_of(AXES) + math.prod(response_shape),
            self.response_shape,
            images=1,
            depth_last=len(response_shape) == 3,
            hottest=hottest,
            whole=whole,
            sampled=sampled,
            moments=True,
            **shared,  # type: ignore[arg-type]
        )
        self.register_buffer("mean", torch.zeros(len(BLUR)))
        self.register_buffer("std", torch.ones(len(BLUR)))
        self.register_buffer("shower", torch.ones(response_shape[-AXES:]))  # one alone, in the middle; sum 1
        self.mean: Tensor
        self.std: Tensor
        self.shower: Tensor

    def see(self, batch: Batch) -> None:
        image, layers = across(batch.response), layers_of(batch.response)
        shape = shape_of(image)
        self.mean.copy_(shape.numbers.mean(0))
        self.std.copy_(torch.hypot(shape.numbers.std(0), torch.tensor(BLUR)))
        spread = shape.numbers[:, :2].exp().sum(1)
        narrow = image[spread <= spread.quantile(NARROW)].mean(0)
        self.shower.copy_(
            sum(narrow.rot90(k) for k in range(4)) / (4 * narrow.sum()) if narrow.shape[0] == narrow.shape[1] else narrow / narrow.sum()
        )
        self.layers.see(batch._replace(condition=self.with_shape(batch.condition, shape), response=layers))
        self.tree.see(batch._replace(condition=self.told(batch.condition, shape, layers)))

    def with_shape(self, condition: Tensor, shape: Shape) -> Tensor:
        """What the layers are told."""
        return torch.cat([condition, (shape.numbers - self.mean) / self.std], dim=1)

    def told(self, condition: Tensor, shape: Shape, layers: Tensor) -> Tensor:
        """What the tree is told: the condition, the shape, the layers, the moments it shall reach, and average showers there with these layers."""
        size = (self.response_shape[-2], self.response_shape[-1])
        flat = conv2d(two_showers(shape, size)[:, None], self.shower.flip(0, 1)[None, None], padding=tuple(s // 2 for s in size))
        flat = flat[:, 0, : size[0], : size[1]] + flat[:, 0, -size[0] :, -size[1] :]
        image = (flat / flat.sum((1, 2), keepdim=True))[:, None] * layers[:, :, None, None]
        turned = torch.stack([torch.cos(2 * shape.turn), torch.sin(2 * shape.turn)], dim=1)
        return torch.cat([self.with_shape(condition, shape), turned, seen_energy(layers), target_of(shape), image.flatten(1)], dim=1)

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        trees = (tree.draw_noise(n, rng).flatten(1) for tree in (self.layers, self.tree))
        return torch.cat([self.flow.draw_noise(n, rng), *trees, torch.rand(n, 1, generator=rng)], dim=1)

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("likelihood", self.nll, tuple(self.parameters())),)

    def nll(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the log likelihood of the shape, of the layers given it, and of the event given both."""
        response = self.turn(batch.response, rng)
        shape, layers = blurred(shape_of(across(response)), rng), layers_of(response)
        moments = self.flow.log_prob(batch.condition, (shape.numbers - self.mean) / self.std)
        of_layers = self.layers.nll(batch._replace(condition=self.with_shape(batch.condition, shape), response=layers), rng)
        told = self.told(batch.condition, shape, blurred_layers(layers, rng))
        tree = self.tree.nll(batch._replace(condition=told, response=response), rng)
        return {"moments": -weighted_mean(moments, batch.weight), "total": of_layers["total"], "layers": of_layers["cuts"], "cuts": tree["cuts"]}

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        blocks = [sum(tree.blocks) for tree in (self.layers, self.tree)]
        with torch.no_grad():
            of_flow, *of_trees, turn = noise.split([len(BLUR), *(UNIFORMS * many for many in blocks), 1], dim=1)  # type: ignore[no-untyped-call]
            of_layers, of_tree = (part.view(len(noise), many, UNIFORMS) for part, many in zip(of_trees, blocks, strict=True))
            shape = Shape(self.flow(condition, of_flow) * self.std + self.mean, math.pi * (turn[:, 0] - 0.5))
            layers = self.layers(self.with_shape(condition, shape), of_layers)
            told = self.told(condition, shape, layers)
            response: Tensor = self.tree(told, of_tree)
            for again in range(1, TRIES):
                empty = ((layers > 0) & (layers_of(response) == 0)).any(1)
                wrong = (empty | (missed(across(response), shape) > FAR)).nonzero().squeeze(1)
                response[wrong] = self.tree(told[wrong], (of_tree[wrong] + again * GOLDEN) % 1)
            return with_layers(response, layers)


def with_layers(response: Tensor, layers: Tensor) -> Tensor:
    """Responses whose layers have these energies [n, layers], but none more than MOST times what it had."""
    factor = (layers / layers_of(response).clamp_min(1e-30)).clamp_max(MOST)
    return response * factor.view(*response.shape[:-AXES], 1, 1)


def across(response: Tensor) -> Tensor:
    """Events summed along the beam, [n, rows, columns]."""
    return response if response.ndim == 3 else response.sum(1)


def layers_of(response: Tensor) -> Tensor:
    """Energies of the layers along the beam, [n, layers]; of images the total, [n, 1]."""
    return response.sum((-2, -1)).reshape(len(response), math.prod(response.shape[1:-AXES]))


FAMILIES = {
    "moment-tree": replace(
        TREES["tree"],
        build=MomentTree,
        idea="how an event lies across the beam and its layers' energies, then the tree in the light of both",
        when="showers of one or two particles whose places hang together, as those of a decay",
    )
}
