"""Adversarial networks for unrolled showers: rows of cells from the centre of each layer outward, [layers, cells].

Source: Guthrie, Malkin, Pine (2017); LAGAN after de Oliveira, Paganini and Nachman (2017), arXiv:1701.05927.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from facsim.core.errors import FacsimError
from facsim.models.adversarial import GAN, Rules
from facsim.models.family import SPARSE, Family
from facsim.nets.critics import Critic
from facsim.nets.local import LocallyConnected

CHANNELS = 25  # of the LAGAN generator's first layers, not printed: the number that comes nearest to the printed count of parameters
LOCAL = 8  # filters of locally connected layers
LARGE = 15  # rows and columns from which the critic's locally connected layers do without padding, as printed
START = 7  # rows and columns at which the LAGAN generator begins


class Merge(nn.Module):
    """Noise times the embedded conditions: [n, latent + c] -> [n, latent]; the first condition is the energy, the others the particle's kind.

    Without `told_energy` the energy is left out.
    """

    def __init__(self, latent: int, condition_size: int, told_energy: bool = True) -> None:
        super().__init__()
        self.latent = latent
        self.energy = nn.Linear(1, latent) if condition_size and told_energy else None
        self.kind = nn.Linear(condition_size - 1, latent, bias=False) if condition_size > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        noise, condition = x[:, : self.latent], x[:, self.latent :]
        if self.energy is not None:
            noise = noise * self.energy(condition[:, :1])
        if self.kind is not None:
            noise = noise * self.kind(condition[:, 1:])
        return noise


class Image(nn.Module):
    """The event as an image of one channel, the conditions beside it."""

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, None], condition


class LateConditions(nn.Module):
    """Features of the image, then the conditions: those enter behind the convolutions."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, seen: tuple[Tensor, Tensor]) -> Tensor:
        image, condition = seen
        return torch.cat([self.network(image).flatten(1), condition], dim=1)


def unrolled_wgan(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    latent: int = 200,
    filters: int = 32,
    hidden: int = 8,
    loss: str = "wasserstein",
    regulariser: str = "none",
    penalty: float = 0.0,
    clip: float | None = 0.01,
    critic_steps: int = 5,
) -> GAN:
    """One dense layer against a convolution of 5 x 5 and two dense layers; 2,010,800 parameters in the generator for 25 x 400 cells and two kinds."""
    layers, cells = rows_and_cells(response_shape)
    generator = nn.Sequential(Merge(latent, condition_size), nn.Linear(latent, layers * cells), nn.Unflatten(1, (layers, cells)))
    body = LateConditions(nn.Sequential(nn.Conv2d(1, filters, 5, padding=2), nn.LeakyReLU(0.2)))
    head = nn.Sequential(nn.Linear(filters * layers * cells + condition_size, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))
    rules = Rules(loss=loss, regulariser=regulariser, penalty=penalty, clip=clip, critic_steps=critic_steps)
    return GAN(condition_size, response_shape, latent, generator, Critic(Image(), body, head), rules)


def unrolled_lagan(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    latent: int = 256,
    channels: int = CHANNELS,
    told_energy: bool = True,
    loss: str = "wasserstein",
    regulariser: str = "none",
    penalty: float = 0.0,
    clip: float | None = 0.01,
    critic_steps: int = 5,
) -> GAN:
    """Dense, convolution and locally connected layers with upsampling between, against a convolution and two locally connected layers.

    The critic has the source's 855,067 parameters for 25 x 25 cells and two conditions. The source's generator (858,429) is not told the energy.
    """
    layers, cells = rows_and_cells(response_shape)
    double = (2 * START, 2 * START)
    generator = nn.Sequential(
        Merge(latent, condition_size, told_energy),
        nn.Linear(latent, channels * START**2),
        nn.Unflatten(1, (channels, START, START)),
        nn.Conv2d(channels, channels, 5, padding=2),
        nn.LeakyReLU(0.2),
        nn.Upsample(size=double),
        LocallyConnected(channels, LOCAL // 2, double, 5),
        nn.LeakyReLU(0.2),
        nn.Upsample(size=(layers, cells)),
        LocallyConnected(LOCAL // 2, 1, (layers, cells), 3),
        nn.ReLU(),
        nn.Flatten(1, 2),
    )
    padding = 0 if min(layers, cells) >= LARGE else 2
    first = LocallyConnected(32, LOCAL, (layers, cells), 5, stride=2, padding=padding)
    second = LocallyConnected(LOCAL, LOCAL, first.size, 5, padding=padding)
    convolution = nn.Conv2d(1, 32, 5, padding=2)
    body = nn.Sequential(convolution, nn.LeakyReLU(0.2), first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), nn.AvgPool2d(2))
    features = LOCAL * math.prod(size // 2 for size in second.size)
    critic = Critic(Image(), LateConditions(body), nn.Linear(features + condition_size, 1))
    rules = Rules(loss=loss, regulariser=regulariser, penalty=penalty, clip=clip, critic_steps=critic_steps)
    return GAN(condition_size, response_shape, latent, generator, critic, rules)


def rows_and_cells(response_shape: tuple[int, ...]) -> tuple[int, int]:
    """Layers, and cells of each.

    Raises:
        FacsimError: if the response is not unrolled.
    """
    if len(response_shape) != 2:
        raise FacsimError(
            "this model needs unrolled showers", expected="[layers, cells]", got=list(response_shape), remedy="add the transform Unroll"
        )
    return response_shape[0], response_shape[1]


FAMILIES = {
    "unrolled-wgan": Family(
        unrolled_wgan,
        idea="one dense layer makes the unrolled shower; Wasserstein loss with clipped weights",
        when="to reproduce the published baseline of the LCD calorimeter",
        cost="five steps of the critic for one of the generator; one pass of the generator an event",
        source="Guthrie, Malkin, Pine (2017); Arjovsky et al. (2017), arXiv:1701.07875",
        response=(("Unroll", {}), *SPARSE),
        training={"optimiser": "rmsprop", "learning_rate": 5e-5, "epochs": 5},
    ),
    "unrolled-lagan": Family(
        unrolled_lagan,
        idea="locally connected layers make the unrolled shower; Wasserstein loss with clipped weights",
        when="to reproduce the published baseline of the LCD calorimeter on its innermost cells",
        cost="five steps of the critic for one of the generator; one pass of the generator an event",
        source="Guthrie, Malkin, Pine (2017); de Oliveira et al. (2017), arXiv:1701.05927",
        response=(("Unroll", {}), *SPARSE),
        training={"optimiser": "rmsprop", "learning_rate": 5e-5, "epochs": 5},
        signed=False,
    ),
}
