"""Critics: conditions join the event, a body finds features, a head gives the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from facsim.nets.mlp import mlp


class Columns(nn.Module):
    """The event's numbers and the conditions in one row: [n, ...] and [n, c] -> [n, d + c]."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return torch.cat([x.flatten(1), condition], dim=1)


class Planes(nn.Module):
    """Conditions as further planes of an image: [n, ...] of the given shape and [n, c] -> [n, channels + planes, h, w].

    `shape` is (channels, h, w). The last `images` x h x w conditions are images, row by row, each a plane; every condition before them fills a plane.
    """

    def __init__(self, shape: tuple[int, int, int], images: int = 0) -> None:
        super().__init__()
        self.shape, self.images = shape, images

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        n, (channels, h, w) = len(x), self.shape
        scalars = condition.shape[1] - self.images * h * w
        constant = condition[:, :scalars, None, None].expand(-1, -1, h, w)
        images = condition[:, scalars:].reshape(n, self.images, h, w)
        return torch.cat([x.reshape(n, channels, h, w), constant, images], dim=1)


class Critic(nn.Module):
    """Verdicts on events at their conditions: head(body(join(response, condition)))."""

    def __init__(self, join: nn.Module, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.join, self.body, self.head = join, body, head

    def features(self, condition: Tensor, response: Tensor) -> Tensor:
        """What the body sees in each event, [n, ...]."""
        seen: Tensor = self.body(self.join(response, condition))
        return seen

    def forward(self, condition: Tensor, response: Tensor) -> Tensor:
        """Verdicts [n, k]: one for each event, or one for each of its k patches."""
        verdict: Tensor = self.head(self.features(condition, response))
        return verdict.flatten(1)


class MinibatchDiscrimination(nn.Module):
    """Adds to each event's features how close the other events of the batch are, so that a critic sees a collapse: [n, d] -> [n, d + kernels].

    Closeness is the mean over the other events of exp(-|M_i - M_j|_1) with M = x T, in each of `kernels` spaces of `depth` dimensions. (The source
    sums over all events; the mean over the others does not depend on the size of the batch.) A batch of one is close to nothing.
    Source: Salimans et al., Improved techniques for training GANs (2016), arXiv:1606.03498, section 3.2.
    """

    def __init__(self, features: int, kernels: int, depth: int = 8) -> None:
        super().__init__()
        self.projection = nn.Parameter(torch.randn(features, kernels, depth) / math.sqrt(features))

    def forward(self, x: Tensor) -> Tensor:
        m = torch.einsum("nd,dkb->nkb", x, self.projection)
        closeness = torch.exp(-(m[:, None] - m[None]).abs().sum(3)).sum(1) - 1
        return torch.cat([x, closeness / max(len(x) - 1, 1)], dim=1)


def dense_critic(inputs: int, hidden: Sequence[int], activation: str = "leaky-relu", *, outputs: int = 1, kernels: int = 0) -> Critic:
    """A fully connected critic of `inputs` numbers, the conditions among them; `kernels` of minibatch discrimination before the verdict."""
    net = mlp([inputs, *hidden, outputs], activation)
    body, head = net[:-2], net[-2:]
    if kernels:
        width = [inputs, *hidden][-1]
        head = nn.Sequential(MinibatchDiscrimination(width, kernels), nn.Linear(width + kernels, outputs))
    return Critic(Columns(), body, head)


def spectrally_normal(module: nn.Module) -> nn.Module:
    """The module, its linear and convolution weights divided by their largest singular value.

    Each linear layer's slope is then at most 1; of a convolution, it is the weight as a matrix [outputs, the rest] that is normalised.

    Source: Miyato et al., Spectral normalization for generative adversarial networks (2018), arXiv:1802.05957.
    """
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)):
            spectral_norm(part)
    return module
