"""Energy shared out on a tree: the total, then halves of the detector, halves of these, down to single cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.models.family import Family
from facsim.models.spectral_lines import spectral_lines
from facsim.models.tree_levels import Blocks, halves, levels_of, pyramid
from facsim.models.tree_moments import Wanted, moments_of, wanted_of
from facsim.models.tree_split import COLOURINGS, Halving, TreeSizes, seen_energy
from facsim.models.tree_total import TotalEnergy
from facsim.objectives import weighted_mean
from facsim.objectives.symmetry import SYMMETRIES

UNIFORMS = 3  # random numbers a block takes
COARSE = 16  # blocks of the condition's images that the total energy is told
MANY = 8  # times as many blocks as are sampled are those of the events they are sampled from


class Tree(Generator):
    """The total energy by a mixture density; then every block with energy is cut in two, one axis after the other, until cells are left.

    Each cut says which halves have energy, and the ratio of the two by a mixture density of its logarithm, given the energies all around, on all
    coarser grids, and how the neighbours were cut; energies of blocks that recur exactly in training (up to `lines` of them) are made exactly.
    Energy is conserved, empty blocks cost nothing, the likelihood is exact. The response holds energies >= 0 of order one; noise: uniform
    numbers [n, blocks, 3]. `reach` cells are seen around a block, on its own grid and on `context` coarser ones. `symmetry` (a name of
    SYMMETRIES) of the detector multiplies the training data: only right where the condition does not break it. The last `images` x cells
    conditions are images of the response's size, in whose light each block is cut; with `balance` a block is also told how its halves compare in
    them. No gradient passes from response to noise.

    Of showers whose centre of energy is fixed: with `depth_last` the energy is shared out across the first axis before it is along it; on each level
    the `hottest` blocks of an event are cut first, one by one and by a network of their own, so that the many cold ones do not drown them; with
    `whole` each block is told the centre of energy of the event as cut so far. A training on `sampled` cold blocks of a level (0: all) is faster;
    drawn by the power `focus` of their energy, the hot ones count for more in the likelihood.
    With `moments` the condition's last image is an average event that has the total (which is not drawn then) and the layers that the event shall
    have, and the last numbers are its first and second moments, as `cell_moments` has them, across the depth if `depth_last`: each block is told
    what is missing to them.

    Sources: autoregression over scales: Reed et al., Parallel multiscale autoregressive density estimation (2017), arXiv:1703.03664; mixture
    densities: Bishop (1994), Aston University NCRG/94/004.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        width: int = 96,
        depth: int = 3,
        components: int = 6,
        lines: int = 8,
        reach: float = 2.3,
        context: int = 4,
        colours: str = "chess",
        symmetry: str = "none",
        images: int = 0,
        depth_last: bool = False,
        hottest: int = 0,
        whole: bool = False,
        sampled: int = 0,
        balance: bool = False,
        focus: float = 0.0,
        moments: bool = False,
    ) -> None:
        super().__init__()
        look_up(COLOURINGS, colours, "colours of the blocks")
        self.turn = look_up(SYMMETRIES, symmetry, "symmetry")
        self.turn(torch.zeros(0, *response_shape), torch.Generator())  # refuses a shape without this symmetry
        self.condition_size, self.response_shape = condition_size, tuple(response_shape)
        self.numbers, self.images = condition_size - images * math.prod(response_shape), images
        if self.numbers < 0:
            raise FacsimError(
                f"the condition has no {images} images of the response's size", expected=images * math.prod(response_shape), got=condition_size
            )
        self.levels = levels_of(response_shape, last=0 if depth_last else None)
        self.across = tuple(range(int(depth_last), len(response_shape))) if moments else ()
        if moments and (self.numbers < moments_of(len(self.across)) or not images):
            raise FacsimError("the condition lacks moments and an average event", expected="images, moments", got=condition_size, remedy="set images")
        self.sampled, self.focus = sampled, focus
        sizes = TreeSizes(width, depth, components, lines, reach, context, colours, hottest, whole, balance, self.across)
        self.coarse = next((i for i, level in enumerate(self.levels) if math.prod(level.shape) >= COARSE), len(self.levels))
        blocks = math.prod(self.levels[self.coarse].shape) if self.coarse < len(self.levels) else math.prod(self.response_shape)
        self.total = None if moments else TotalEnergy(self.numbers, images * blocks, width)
        self.halvings = nn.ModuleList(Halving(self.levels, i, response_shape, (self.numbers, images), sizes) for i in range(len(self.levels)))
        self.hottest = hottest
        self.hot_halvings = nn.ModuleList(
            Halving(self.levels, i, response_shape, (self.numbers, images), sizes) for i in range(len(self.levels) if hottest else 0)
        )
        self.register_buffer("lines", torch.full((lines,), torch.inf))  # logarithms of energies that recur exactly in the training data
        self.lines: Tensor
        self.blocks = [1, *(math.prod(level.shape) for level in self.levels)]

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.rand(n, sum(self.blocks), UNIFORMS, generator=rng, device=rng.device)

    def see(self, batch: Batch) -> None:
        grids = pyramid(batch.response, self.levels)
        self.lines.copy_(spectral_lines(torch.cat([grid[grid > 0] for grid in grids]), len(self.lines)))
        if self.total is not None:
            self.total.see(batch.condition[:, : self.numbers], grids[0].flatten())

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("likelihood", self.nll, tuple(self.parameters())),)

    def nll(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the log likelihood of the total and of all cuts, per event."""
        response = self.turn(batch.response, rng)
        total, cuts = self.log_likelihood(batch.condition, response, rng if self.sampled else None)
        return {"total": -weighted_mean(total, batch.weight), "cuts": -weighted_mean(cuts, batch.weight)}

    def log_likelihood(self, condition: Tensor, response: Tensor, sample: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Log density of the total's logarithm (log probability of an empty event), and of all cuts, each [n].

        With `sample` the latter is an estimate from as many blocks of each level as the tree samples.
        """
        grids, given = pyramid(response, self.levels), self._given(condition)
        cuts = sum((self._cuts(i, grids, given, sample) for i in range(len(self.levels))), response.new_zeros(len(response)))
        total = grids[0].flatten()
        return total.new_zeros(len(total)) if self.total is None else self.total.log_prob(given.numbers, self._coarse(given), total), cuts

    def _given(self, condition: Tensor) -> Given:
        """The condition's numbers, the pyramids of its images, and what is wanted of each level."""
        numbers, images = condition[:, : self.numbers], condition[:, self.numbers :].reshape(len(condition), self.images, *self.response_shape)
        pyramids = [pyramid(image, self.levels) for image in images.unbind(1)]
        if not self.across:
            return Given(numbers, pyramids, [None] * len(self.levels))
        return Given(numbers, pyramids, wanted_of(images[:, -1], numbers[:, -moments_of(len(self.across)) :], self.levels, self.across))

    def _coarse(self, given: Given) -> Tensor:
        """What the total is told of the condition's images: blocks of a coarse grid, [n, images x blocks]."""
        return torch.cat([given.numbers[:, :0], *(seen_energy(image[self.coarse]).flatten(1) for image in given.images)], dim=1)

    def _cuts(self, number: int, grids: list[Tensor], given: Given, sample: torch.Generator | None) -> Tensor:
        n, halving = len(grids[number]), self._halving(number)
        if sample is not None:
            grids = _few_events(grids, number, MANY * self.sampled)
        blocks, (first, second) = Blocks.of(grids[number]), halves(grids[number + 1], self.levels[number])
        share = torch.where(grids[number] > 0, first / grids[number] - 0.5, 0.0)
        turn, known = halving.turn(blocks), halving.known(grids, given.images, given.numbers, self.lines)
        so_far, log_prob = halving.all_cut(blocks, share, turn, given.wanted[number]), share.new_zeros(n)
        for hot in (True, False) if self.hottest else (False,):
            mine = ((turn < self.hottest) == hot).nonzero().squeeze(1)
            chosen = mine if hot or sample is None else self._some(mine, blocks.energy[mine], sample)
            some = blocks.where(chosen)
            split = self._halving(number, hot)(some, known, halving.before(so_far, chosen))
            weight = n / len(share) * len(mine) / max(1, len(chosen))
            log_prob = log_prob.index_add(0, some.event, weight * split.log_prob(first[some.everywhere], second[some.everywhere]))
        return log_prob

    def _some(self, blocks: Tensor, energy: Tensor, sample: torch.Generator) -> Tensor:
        """As many blocks as are sampled, those with more energy more likely."""
        return blocks[torch.multinomial(energy**self.focus, self.sampled, generator=sample)] if len(blocks) > self.sampled else blocks

    def _halving(self, number: int, hot: bool = False) -> Halving:
        return cast(Halving, (self.hot_halvings if hot else self.halvings)[number])

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        with torch.no_grad():
            given, (total, *cuts) = self._given(condition), torch.split(noise, self.blocks, dim=1)
            grids = [self._total(given, total[:, 0]).view(-1, *[1] * len(self.response_shape))]
            for number in range(len(self.levels)):
                grids.append(self._cut(number, grids, given, cuts[number]))
        return grids[-1][(slice(None), *(slice(size) for size in self.response_shape))]

    def _total(self, given: Given, noise: Tensor) -> Tensor:
        return given.images[-1][0].flatten() if self.total is None else self.total.draw(given.numbers, self._coarse(given), noise)

    def _cut(self, number: int, grids: list[Tensor], given: Given, noise: Tensor) -> Tensor:
        """Energies of the halves [n, *level.halved], one colour after the other."""
        halving, level, grid = self._halving(number), self.levels[number], grids[number]
        known, blocks, share = halving.known(grids, given.images, given.numbers, self.lines), Blocks.of(grid), torch.zeros_like(grid)
        made, turn = grid.new_zeros(len(grid), *level.halved), halving.turn(blocks)
        firsts, seconds = halves(made, level)
        for now in range(halving.turns):
            chosen = (turn == now).nonzero().squeeze(1)
            mine = blocks.where(chosen)
            split = self._halving(number, now < self.hottest)(
                mine, known, halving.before(halving.so_far(blocks, share, turn, given.wanted[number]), chosen)
            )
            first, second = split.draw(mine.energy, noise[mine.event, mine.flat(level.shape)])
            firsts[mine.everywhere], seconds[mine.everywhere] = first, second
            share[mine.everywhere] = first / mine.energy - 0.5
        return made


def _few_events(grids: list[Tensor], number: int, most: int) -> list[Tensor]:
    """The first events of all grids, as many as have no more than `most` blocks with energy on one of these; one at least."""
    blocks = (grids[number] > 0).flatten(1).sum(1).cumsum(0)
    return [grid[: max(1, int((blocks <= most).sum()))] for grid in grids]


class Given(NamedTuple):
    """A condition: numbers [n, k], of each image the pyramid, for each level what is wanted, if anything."""

    numbers: Tensor
    images: list[list[Tensor]]
    wanted: Sequence[Wanted | None]


FAMILIES = {
    "tree": Family(
        Tree,
        idea="the total energy, cut in halves of the detector again and again down to single cells",
        when="images and showers, sparse or dense, when single events must be right and fast",
        cost="a small network for each block that has energy, all blocks of a level at once",
        source="Reed et al. (2017), arXiv:1703.03664",
        response=(("Scale", {}),),
        training={"epochs": 20, "learning_rate": 2e-3, "schedule": "onecycle", "clip": 10.0},
        signed=False,
        onnx="the blocks to be cut differ from event to event",
    ),
}
