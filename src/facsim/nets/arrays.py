"""Networks for arrays of stations: AixNet, the pattern generator and its critic, the refiner of traces.

Sources: Erdmann, Glombitza and Walz, Astropart. Phys. 97 (2018) 46, arXiv:1708.00647 (AixNet); Erdmann, Geiger, Glombitza and Schmidt, Comput.
Softw. Big Sci. 2 (2018) 4, arXiv:1802.03325, appendix (tables 1 to 3).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from facsim.nets.dcgan import Crop
from facsim.nets.mlp import ACTIVATIONS

GENERATOR_MAPS = (64, 128, 128, 256)  # of the transposed convolutions in table 1; the last is repeated for larger arrays
CRITIC_MAPS = (64, 128, 128, 256)  # of the convolutions in table 2


class StationTraces(nn.Module):
    """The same features of every station's trace: [n, rows, columns, bins] -> [n, features, rows, columns]; 0 for a station that is 0.

    Traces go through convolutions along the time (kernel 7, steps of 4, as AixNet's: 80 -> 19 -> 4 -> 1 bins), short ones through one linear map.
    """

    def __init__(self, bins: int, features: int, channels: tuple[int, int] = (64, 32)) -> None:
        super().__init__()
        self.features = features
        if bins < 40:
            self.net = nn.Sequential(nn.Linear(bins, features), nn.ReLU())
        else:
            first, second = channels
            left = ((bins - 7) // 4 + 1 - 7) // 4 + 1
            self.net = nn.Sequential(
                nn.Unflatten(1, (1, bins)),
                nn.Conv1d(1, first, 7, stride=4),
                nn.ReLU(),
                nn.Conv1d(first, second, 7, stride=4),
                nn.ReLU(),
                nn.Conv1d(second, features, left),
                nn.ReLU(),
                nn.Flatten(),
            )

    def forward(self, x: Tensor) -> Tensor:
        n, rows, columns, bins = x.shape
        flat = x.reshape(-1, bins)
        hit = flat.detach().abs().sum(1) > 0
        seen = flat.new_zeros(len(flat), self.features).index_put((hit.nonzero().squeeze(1),), self.net(flat[hit]))
        return seen.reshape(n, rows, columns, self.features).permute(0, 3, 1, 2)


class AixNet(nn.Module):
    """Numbers of an event from its stations' traces or signals: [n, rows, columns(, bins)] -> [n, outputs].

    Features of each trace, then `blocks` of separable 3 x 3 convolutions over the array, each of which sees all before it, then one linear map.
    With `timed` the last channel of the input is a map of arrival times, which goes beside the features.
    """

    def __init__(
        self, shape: tuple[int, ...], outputs: int = 1, *, features: int = 10, channels: int = 16, blocks: int = 3, timed: bool = False
    ) -> None:
        super().__init__()
        rows, columns, *bins = shape
        self.timed = timed
        self.traces = StationTraces(bins[0] - timed if bins else 1, features)
        wide = [features + timed + i * channels for i in range(blocks + 1)]
        self.array = nn.ModuleList(separable(w, channels) for w in wide[:-1])
        self.head = nn.Linear(wide[-1] * rows * columns, outputs)

    def forward(self, x: Tensor) -> Tensor:
        traces = x if x.dim() == 4 else x[..., None]
        seen = torch.cat([self.traces(traces[..., :-1]), traces[:, None, ..., -1]], dim=1) if self.timed else self.traces(traces)
        for block in self.array:
            seen = torch.cat([seen, torch.relu(block(seen))], dim=1)
        found: Tensor = self.head(seen.flatten(1))
        return found


def separable(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """A convolution of each channel on its own, then one of pixels on their own: [n, inputs, h, w] -> [n, outputs, h, w].

    Source: Chollet, Xception (2017), arXiv:1610.02357.
    """
    return nn.Sequential(nn.Conv2d(inputs, inputs, kernel, padding=kernel // 2, groups=inputs), nn.Conv2d(inputs, outputs, 1))


def pattern_generator(inputs: int, shape: tuple[int, int], last: str = "relu", width: float = 1.0) -> nn.Sequential:
    """Numbers [n, inputs] -> patterns [n, 1, rows, columns] by the table of the source, all maps times `width`.

    A linear layer of 80, then 3 x 3 transposed convolutions that grow the pattern by 2 each, with batch norm; arrays of even size are cut out.
    """
    steps = (max(shape) + (max(shape) + 1) % 2 - 1) // 2
    maps = [round(width * GENERATOR_MAPS[min(i, len(GENERATOR_MAPS) - 1)]) for i in range(steps)]
    stack: list[nn.Module] = [nn.Linear(inputs, 80), nn.ReLU(), nn.Unflatten(1, (80, 1, 1))]
    for a, b in pairwise([80, *maps]):
        stack += [nn.ConvTranspose2d(a, b, 3, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
    drawn = nn.Conv2d([80, *maps][-1], 1, 3, padding=1)
    nn.init.constant_(drawn.bias, 0.5)  # type: ignore[arg-type]  # so that no output starts at zero, where a ReLU would keep it
    return nn.Sequential(*stack, drawn, ACTIVATIONS[last](), Crop(shape))


class LargestOfMaps(nn.Module):
    """The largest value of each map: [n, k, h, w] -> [n, k]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax((2, 3))


def pattern_critic(inputs: int, dropout: float = 0.0, width: float = 1.0) -> tuple[nn.Sequential, nn.Sequential]:
    """Body and head of the critic by the table of the source, all maps times `width`: [n, inputs, rows, columns] -> features -> verdicts [n, 1]."""
    maps = [inputs, *(round(width * m) for m in CRITIC_MAPS)]
    body = [part for a, b in pairwise(maps) for part in (nn.Conv2d(a, b, 3, padding=1), nn.LeakyReLU(0.2))]
    dropped = [nn.Dropout(dropout)] if dropout else []
    head = nn.Sequential(*dropped, nn.Linear(maps[-1], 100), nn.LeakyReLU(0.2), *dropped, nn.Linear(100, 1))
    return nn.Sequential(*body, LargestOfMaps()), head


class TraceBlock(nn.Module):
    """x + relu(conv(relu(conv(x)))) along the last axis, [n, channels, bins] as table 3 has it."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv1d(channels, channels, kernel, padding=kernel // 2) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.second(torch.relu(self.first(x))))


class TraceRefiner(nn.Module):
    """Rows of numbers to rows of the same length, each row on its own: [n, channels in, bins] -> [n, bins], by table 3.

    The first block adds to a copy of its input in every map, as the table's first addition does; the last convolution is a weighted mean of the
    maps. It starts as the identity of the first channel: the weights of the last convolution sum up to one, other inputs start without effect.
    """

    def __init__(self, inputs: int = 1, *, maps: int = 64, blocks: int = 4, kernel: int = 7) -> None:
        super().__init__()
        self.maps = maps
        self.mix = nn.Conv1d(inputs - 1, maps, 1, bias=False) if inputs > 1 else None
        self.blocks = nn.Sequential(*(TraceBlock(maps, kernel) for _ in range(blocks)))
        self.last = nn.Conv1d(maps, 1, 1)
        with torch.no_grad():
            self.last.weight.fill_(1 / maps)
            self.last.bias.zero_()  # type: ignore[union-attr]
            for block in self.blocks:
                block.second.weight.mul_(0.01)  # type: ignore[union-attr,operator]
                block.second.bias.zero_()  # type: ignore[union-attr,operator]

    def forward(self, x: Tensor) -> Tensor:
        wide = x[:, :1].expand(-1, self.maps, -1)
        mixed = wide if self.mix is None else wide + self.mix(x[:, 1:])
        return self.last(self.blocks(mixed)).squeeze(1)  # type: ignore[no-any-return]
