"""The printed network that makes one track's image in the hadronic calorimeter of LHCb.

Source: the LHCb HCAL study of 2019, appendix C.1.
"""

from __future__ import annotations

from torch import nn

from facsim.core.errors import FacsimError
from facsim.models.adversarial import GAN, Rules
from facsim.models.family import Family
from facsim.models.gan import GAME
from facsim.nets.critics import Critic, Planes
from facsim.nets.dcgan import Crop
from facsim.nets.image_printed import empty

SLOPE = 0.2  # of LeakyReLU below zero: not printed, the default of the source's library


def single_track(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    latent: int = 32,
    channels: int = 512,
    penalty: float = 10.0,
    critic_steps: int = 5,
) -> GAN:
    """One dense layer and three transposed convolutions of 2 x 2, against two convolutions of 2 x 2 and one dense layer, Wasserstein with penalty.

    For 56 x 64 pixels and three conditions 1,688,449 and 62,657 parameters, as printed; responses are between 0 and 1.

    Raises:
        FacsimError: unless the response is an image of 4 x 4 pixels or more.
    """
    if len(response_shape) != 2 or min(response_shape) < 4:
        raise FacsimError("this model needs images", expected="[rows, columns], 4 or more", got=list(response_shape))
    size = (response_shape[0], response_shape[1])
    rows, columns = (-(-n // 8) for n in size)
    last = nn.ConvTranspose2d(channels // 4, 1, 2, 2)
    empty(last)
    generator = nn.Sequential(
        nn.Linear(latent + condition_size, channels * rows * columns),
        nn.LeakyReLU(SLOPE),
        nn.Unflatten(1, (channels, rows, columns)),
        nn.ConvTranspose2d(channels, channels // 2, 2, 2),
        nn.LeakyReLU(SLOPE),
        nn.ConvTranspose2d(channels // 2, channels // 4, 2, 2),
        nn.LeakyReLU(SLOPE),
        last,
        nn.Sigmoid(),
        Crop(size),
    )
    wide = channels // 4
    body = nn.Sequential(nn.Conv2d(1 + condition_size, wide // 2, 2, 2), nn.LeakyReLU(SLOPE), nn.Conv2d(wide // 2, wide, 2, 2), nn.LeakyReLU(SLOPE))
    head = nn.Sequential(nn.Flatten(), nn.Linear(wide * (size[0] // 4) * (size[1] // 4), 1))
    rules = Rules(loss="wasserstein", regulariser="two-sided", penalty=penalty, critic_steps=critic_steps)
    return GAN(condition_size, response_shape, latent, generator, Critic(Planes((1, *size)), body, head), rules)


FAMILIES = {
    "single-track": Family(
        single_track,
        idea="a dense layer and transposed convolutions of 2 x 2 without overlap, Wasserstein with penalty",
        when="the published study of single tracks in the LHCb HCAL",
        cost="a dense layer of a million weights; five steps of the critic for one of the generator",
        source="the LHCb HCAL study of 2019, appendix C.1",
        response=(("Scale", {}),),
        training={**GAME, "epochs": 20, "learning_rate": 1e-4},
    ),
}
