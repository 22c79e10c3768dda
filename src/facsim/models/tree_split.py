"""How one level of the tree cuts its blocks: what a block sees of its surroundings, and the density of its two halves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, one_hot

from facsim.models.spectral_lines import SAME
from facsim.models.tree_levels import Blocks, Level, Window, ball
from facsim.models.tree_moments import Wanted, numbers_told
from facsim.models.tree_turns import SPAN, in_turn, whole_event
from facsim.nets import mlp
from facsim.objectives.mixture import Mixture, chosen_component, mixture_log_prob, unbounded_draw

FINE = 1e-4  # energies below this, in the units of the network, look alike to a neighbour
WAVES = 4  # frequencies in which the network sees the place of a block
LINE_WIDTH = -11.5  # logarithm of the relative width of a spectral line: of two that make up a third, too, less than a rounding to 11 bits can tell
BARE = 1e-5  # logarithm of what a block has above a line, over the line, below which nothing but the line is in it: more than single precision blurs
FIRST, SECOND, BOTH = range(3)  # which halves have energy
OUTCOMES = 3


class Split(NamedTuple):
    """What may become of blocks: logits of FIRST, SECOND and BOTH [blocks, 3], and of some of them the density of log(first / second) if both."""

    halves: Tensor
    ratio: Callable[[Tensor], Mixture]

    def log_prob(self, first: Tensor, second: Tensor) -> Tensor:
        """Log probability of these energies [blocks], not both zero, given their sum."""
        cut = ((first > 0) & (second > 0)).nonzero().squeeze(1)
        outcome = torch.where(first > 0, FIRST, SECOND).index_fill(0, cut, BOTH)
        chosen = self.halves.log_softmax(1).gather(1, outcome[:, None]).squeeze(1)
        return chosen.index_add(0, cut, mixture_log_prob(self.ratio(cut), (first[cut] / second[cut]).log()))

    def draw(self, energy: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Energies of both halves [blocks] from their sum and uniform noise [blocks, 3]: the outcome, the component, the place in it."""
        outcome = chosen_component(self.halves, noise[:, 0]).squeeze(1)
        cut = (outcome == BOTH).nonzero().squeeze(1)
        ratio = unbounded_draw(self.ratio(cut), noise[cut, 1], noise[cut, 2])
        first, second = ((outcome == half).to(energy.dtype).index_copy(0, cut, part.sigmoid()) for half, part in ((FIRST, ratio), (SECOND, -ratio)))
        return energy * first, energy * second


class Halving(nn.Module):
    """The network of one level. Blocks take turns by colour, as on a chess board, so that the later know how their neighbours were cut; the `hottest`
    of an event before all others, one by one.

    A block sees: its own energy, whether that is a line, and its place, energies around it on its own grid and on `context` coarser ones, shares of
    neighbours cut before it, the images of the condition on the grid of the halves, what `whole_event` tells (if `whole`) and what is missing to
    what is wanted (if moments `across` some axes are).
    """

    def __init__(self, levels: Sequence[Level], number: int, cells: Sequence[int], given: tuple[int, int], sizes: TreeSizes) -> None:
        super().__init__()
        self.level, self.number = levels[number], number
        self.components, self.lines = sizes.components, sizes.lines
        axes, (numbers, images) = len(self.level.shape), given
        steps = ball(axes, sizes.reach)
        self.colouring = COLOURINGS[sizes.colours]
        known = known_before(self.colouring, steps)
        told = torch.tensor([any(step) for step in steps]) if sizes.hottest else known.any(0)
        self.cells, self.hottest, self.whole, self.turns = tuple(cells), sizes.hottest, sizes.whole, sizes.hottest + len(known)
        self.scales = range(number, -1, -axes)[: sizes.context + 1]
        self.windows = [Window(levels[scale].shape, steps) for scale in self.scales]
        self.shares = Window(self.level.shape, [step for step, ever in zip(steps, told.tolist(), strict=True) if ever])
        self.finer = [[a // b for a, b in zip(self.level.shape, levels[scale].shape, strict=True)] for scale in self.scales]
        around = beside(steps, self.level.axis)
        self.halved = Window(self.level.halved, around)
        self.own = [around.index(tuple(half * (axis == self.level.axis) for axis in range(axes))) for half in (0, 1)]
        self.balance = sizes.balance
        seen = (
            self.turns
            + (axes + 4) * sizes.whole
            + (numbers_told(self.level, sizes.across) if sizes.across else 0)
            + len(steps) * len(self.windows)
            + int(told.sum())
            + 2 * WAVES * axes
            + numbers
            + images * (len(self.halved.deltas) + 2 * sizes.balance)
        )
        outputs = OUTCOMES + 9 * sizes.components + 2 * sizes.lines
        self.network = mlp([seen + sizes.lines, *[sizes.width] * sizes.depth, outputs], "silu")
        self.register_buffer("waves", place_waves(self.level.shape), persistent=False)
        self.register_buffer("impossible", outside(self.level, cells), persistent=False)
        self.twice = [2 if axis == self.level.axis else 1 for axis in range(axes)]
        self.waves: Tensor
        self.impossible: Tensor

    def turn(self, blocks: Blocks) -> Tensor:
        """At which turn each block is cut, [blocks]."""
        colour = self.colouring(blocks.place)
        return in_turn(blocks, colour, self.hottest) if self.hottest else colour

    def so_far(self, blocks: Blocks, share: Tensor, turn: Tensor, wanted: Wanted | None) -> SoFar:
        """The cuts of the level; `share` [n, *shape] of energy in the first half, less one half, 0 where not yet cut."""
        shares = share[blocks.everywhere]
        whole = [whole_event(blocks, shares, turn, self.level, self.cells)] if self.whole else []
        whole += [] if wanted is None else [wanted.missing(blocks, shares, turn, self.level)]
        return SoFar(blocks, turn, self.shares.widen(share), whole)

    def all_cut(self, blocks: Blocks, share: Tensor, turn: Tensor, wanted: Wanted | None) -> SoFar:
        """The same of a level whose blocks are all cut, where turns must tell which were cut before."""
        turns = torch.full_like(share, self.turns)
        turns[blocks.everywhere] = turn.to(share.dtype)
        return self.so_far(blocks, share, turn, wanted)._replace(turns=self.shares.widen(turns))

    def before(self, cuts: SoFar, chosen: Tensor) -> Before:
        """What some of the blocks know of the cuts before their own."""
        turn, places = cuts.turn[chosen], self.shares.places(cuts.blocks.event[chosen], cuts.blocks.place[chosen])
        shares = cuts.share.take(places)
        if cuts.turns is not None:
            shares = shares * (cuts.turns.take(places) < turn[:, None])
        return Before(one_hot(turn, self.turns)[:, 1:].to(shares.dtype), shares, [told[chosen] for told in cuts.whole])

    def known(self, grids: Sequence[Tensor], images: Sequence[Sequence[Tensor]], numbers: Tensor, lines: Tensor) -> Known:
        """What blocks of this level may look at, from the energies of all levels so far and the pyramids of the condition's images."""
        energies = [window.widen(seen_energy(grids[scale])) for window, scale in zip(self.windows, self.scales, strict=True)]
        return Known(energies, [self.halved.widen(seen_energy(image[self.number + 1])) for image in images], numbers, lines)

    def forward(self, blocks: Blocks, known: Known, before: Before) -> Split:
        """The density of the halves of some blocks."""
        log_energy = blocks.energy.log()[:, None]
        seen = [log_energy / SPAN, before.turn]
        for window, grid, finer in zip(self.windows, known.energies, self.finer, strict=True):
            seen.append(grid.take(window.places(blocks.event, blocks.place // torch.tensor(finer))))
        seen.append(before.shares)
        first = self.halved.places(blocks.event, blocks.place * torch.tensor(self.twice)) if known.images else blocks.place
        told = [image.take(first) for image in known.images]
        seen += told
        if self.balance:
            seen += [balance(log_energy, image[:, self.own]) for image in told]
        flat = blocks.flat(self.level.shape)
        seen += [self.waves[flat], known.numbers[blocks.event], at_lines(log_energy, known.lines), *before.whole]
        hidden, last = self.network[:-2](torch.cat(seen, dim=1)), cast(nn.Linear, self.network[-2])
        outcomes = linear(hidden, last.weight[:OUTCOMES], last.bias[:OUTCOMES])

        def ratio(some: Tensor) -> Mixture:
            normal, lines = linear(hidden[some], last.weight[OUTCOMES:], last.bias[OUTCOMES:]).tensor_split([9 * self.components], dim=1)
            return ratios(log_energy[some], normal, lines, known.lines)

        return Split(outcomes.masked_fill(self.impossible[flat], -torch.inf), ratio)


class SoFar(NamedTuple):
    """The cuts of a level: blocks and their turns; on grids with a margin the shares, and (if all are cut) turns; what each is told of its event."""

    blocks: Blocks
    turn: Tensor
    share: Tensor
    whole: list[Tensor]
    turns: Tensor | None = None


class Before(NamedTuple):
    """What blocks know of the cuts before their own: their turn, one number for each but the first; shares of neighbours; of the whole event."""

    turn: Tensor
    shares: Tensor
    whole: list[Tensor]


class Known(NamedTuple):
    """What blocks may look at: energies on each scale and the condition's images, as the network sees them, the condition's numbers, the lines."""

    energies: list[Tensor]
    images: list[Tensor]
    numbers: Tensor
    lines: Tensor


def seen_energy(energy: Tensor) -> Tensor:
    """Energies as the network sees those of others: logarithmic, 0 where there is none."""
    return torch.log1p(energy / FINE) / SPAN


def balance(log_energy: Tensor, halves: Tensor) -> Tensor:
    """How the halves of blocks compare in an image: half the logarithms of their ratio, and of the larger over the block's energy, [blocks, 2].

    `log_energy` [blocks, 1] of the block, `halves` [blocks, 2] as the network sees energies.
    """
    ratio = SPAN * (halves[:, :1] - halves[:, 1:])
    above = SPAN * halves.amax(1, keepdim=True) + math.log(FINE) - log_energy
    return torch.cat([ratio, above], dim=1) / 2


def at_lines(log_energy: Tensor, lines: Tensor) -> Tensor:
    """Whether an energy is that of a line, nearly 1 or 0: from logarithms [blocks, 1] and [lines], infinite where there is none, to [blocks, lines].

    A block that holds a line and nothing else must not be shared out, which no smooth function of its energy tells.
    """
    return torch.exp(-((log_energy - lines) / SAME).square())


def beside(steps: Sequence[tuple[int, ...]], axis: int) -> list[tuple[int, ...]]:
    """The steps from either of two halves along an axis, counted from the first."""
    other = [tuple(x + (a == axis) for a, x in enumerate(step)) for step in steps]
    return sorted({*steps, *other})


def ratios(log_energy: Tensor, normal: Tensor, line_logit: Tensor, lines: Tensor) -> Mixture:
    """The density of log(first / second): a third of the components each for the ratio, the first energy and the second; then the lines in either.

    `log_energy` [blocks, 1] of the sum; `normal` [blocks, 9 components]: logits, means, logarithms of widths; `line_logit` [blocks, 2 lines].
    A line is as wide as its energy is uncertain, whatever little the other half has.
    """
    logit, mean, log_std = normal.chunk(3, dim=1)
    spread = torch.linspace(-2, 2, mean.shape[1] // 3, device=mean.device)
    ratio, first, second = (SPAN * m for m in mean.chunk(3, dim=1))
    rest = log_energy - lines
    line = -torch.expm1(rest.clamp_min(BARE)).log()
    line_width = LINE_WIDTH - (-torch.expm1(-rest.clamp_min(BARE))).log()
    line_logit = line_logit.masked_fill((rest <= BARE).repeat(1, 2), -torch.inf)
    means = torch.cat([ratio + spread, first + SPAN * spread - 2 - log_energy, log_energy - second - SPAN * spread + 2, line, -line], dim=1)
    log_stds = torch.cat([log_std.clamp(-7, 3), line_width, line_width], dim=1)
    return Mixture(torch.cat([logit, line_logit], dim=1), means, log_stds)


def chess(place: Tensor) -> Tensor:
    """Two colours: blocks that share a side have different ones."""
    return place.sum(-1) % 2


def parities(place: Tensor) -> Tensor:
    """Two colours for every axis: blocks that touch at all have different ones."""
    return (place % 2 * 2 ** torch.arange(place.shape[-1])).sum(-1)


Colouring = Callable[[Tensor], Tensor]
COLOURINGS: dict[str, Colouring] = {"chess": chess, "parities": parities}


def known_before(colouring: Colouring, steps: Sequence[tuple[int, ...]]) -> Tensor:
    """Which neighbours are cut before a block of each colour, [colours, steps]."""
    corners = torch.tensor(list(itertools.product((0, 1), repeat=len(steps[0]))))
    own = colouring(corners)
    corners = torch.stack([corners[own == colour][0] for colour in range(int(own.max()) + 1)])
    return colouring(corners[:, None] + torch.tensor(steps)) < colouring(corners)[:, None]


class TreeSizes(NamedTuple):
    """How large the networks of a tree are, and how far they see."""

    width: int
    depth: int
    components: int
    lines: int
    reach: float
    context: int
    colours: str
    hottest: int = 0
    whole: bool = False
    balance: bool = False
    across: tuple[int, ...] = ()


def place_waves(shape: Sequence[int]) -> Tensor:
    """Sines and cosines of each block's middle along each axis, [blocks, 2 WAVES axes]."""
    axes = torch.meshgrid(*((torch.arange(size) + 0.5) / size for size in shape), indexing="ij")
    phase = torch.stack([a.flatten() for a in axes], dim=1)[:, :, None] * torch.pi * 2.0 ** torch.arange(WAVES)
    return torch.cat([phase.sin(), phase.cos()], dim=2).flatten(1)


def outside(level: Level, cells: Sequence[int]) -> Tensor:
    """Outcomes that blocks cannot have since their second half lies beyond the detector, [blocks, 3]."""
    size = [1 << ((most - 1).bit_length()) for most in cells]
    step = size[level.axis] // level.halved[level.axis]
    starts = torch.arange(level.shape[level.axis]) * 2 * step + step
    beyond = (starts >= cells[level.axis]).view([-1 if a == level.axis else 1 for a in range(len(cells))]).expand(level.shape)
    return beyond.reshape(-1, 1) & torch.tensor([False, True, True])
