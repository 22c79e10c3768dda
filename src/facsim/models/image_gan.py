"""Generative adversarial networks that see images: convolutional, locally connected, from image to image."""

from __future__ import annotations

import math

from torch import nn

from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.models.adversarial import GAN, Rules
from facsim.models.family import ENERGIES, SPARSE, Family
from facsim.models.gan import GAME
from facsim.nets.critics import Critic, MinibatchDiscrimination, Planes, spectrally_normal
from facsim.nets.dcgan import convolution_stack, transposed_stack
from facsim.nets.image import ImageToImage, patch_stack
from facsim.nets.local import lagan_body, lagan_generator
from facsim.nets.mlp import ACTIVATIONS


def image_shape(response_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(channels, rows, columns) of a response of two or three axes.

    Raises:
        FacsimError: for any other number of axes.

    Examples:
        >>> image_shape((32, 32)), image_shape((5, 16, 9))
        ((1, 32, 32), (5, 16, 9))
    """
    if len(response_shape) not in (2, 3):
        raise FacsimError("this model needs images", expected="a response of 2 or 3 axes", got=response_shape, remedy="choose gan or wgan-gp")
    *layers, rows, columns = response_shape
    return (layers[0] if layers else 1, rows, columns)


def dcgan(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    latent: int = 100,
    channels: int = 64,
    batch_norm: bool = True,
    last: str = "relu",
    loss: str = "non-saturating",
    regulariser: str = "zero-centred",
    penalty: float = 0.5,
    critic_steps: int = 3,
    label: float = 1.0,
    flips: float = 0.0,
    matching: float = 0.0,
    spectral: bool = False,
) -> GAN:
    """Transposed convolutions against convolutions, by the tables of `facsim.nets.dcgan`; the critic sees conditions as planes.

    `channels` of the first convolution, up to eight times as many after it; `batch_norm` is that of the critic; the rules are those of `Rules`.
    """
    rules = Rules(loss=loss, regulariser=regulariser, penalty=penalty, critic_steps=critic_steps, label=label, flips=flips, matching=matching)
    shape = image_shape(response_shape)
    generator = transposed_stack(latent + condition_size, shape, channels, last)
    critic = Critic(Planes(shape), *convolution_stack(shape[0] + condition_size, shape[1:], channels, batch_norm))
    if spectral:
        spectrally_normal(critic)
    return GAN(condition_size, response_shape, latent, generator, critic, rules)


def lagan(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    latent: int = 64,
    channels: int = 8,
    last: str = "relu",
    loss: str = "non-saturating",
    regulariser: str = "zero-centred",
    penalty: float = 0.5,
    critic_steps: int = 1,
    label: float = 1.0,
    flips: float = 0.0,
    kernels: int = 0,
) -> GAN:
    """Locally connected layers in both networks; the rules are those of `Rules`, `kernels` those of minibatch discrimination in the critic."""
    rules = Rules(loss=loss, regulariser=regulariser, penalty=penalty, critic_steps=critic_steps, label=label, flips=flips)
    shape = image_shape(response_shape)
    generator = lagan_generator(latent + condition_size, shape, channels, last)
    width = channels * math.ceil(shape[1] / 2) * math.ceil(shape[2] / 2)
    aware = [MinibatchDiscrimination(width, kernels)] if kernels else []
    critic = Critic(Planes(shape), lagan_body(shape[0] + condition_size, shape[1:], channels), nn.Sequential(*aware, nn.Linear(width + kernels, 1)))
    return GAN(condition_size, response_shape, latent, generator, critic, rules)


def pix2pix(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    images: int = 0,
    latent: int = 8,
    channels: int = 32,
    depth: int = 3,
    patches: int = 2,
    last: str = "open-relu",
    loss: str = "non-saturating",
    regulariser: str = "zero-centred",
    penalty: float = 0.5,
    l1: float = 10.0,
    window: int = 4,
    critic_steps: int = 1,
    label: float = 0.9,
    flips: float = 0.0,
    matching: float = 0.0,
    spectral: bool = False,
) -> GAN:
    """A U-Net of the given `depth` against a critic of patches, halved `patches` times.

    The last `images` x rows x columns conditions are the images to translate, of the response's size, row by row; those before are numbers. `l1`
    pulls the energies in windows of `window` x `window` cells towards their medians at the condition: less of it leaves more spread. A window of
    one cell, as in the source, and a plain "relu" at the end both turn sparse events into nothing. The rules are those of `Rules`.
    """
    rules = Rules(
        loss=loss,
        regulariser=regulariser,
        penalty=penalty,
        critic_steps=critic_steps,
        label=label,
        flips=flips,
        matching=matching,
        l1=l1,
        window=window,
    )
    shape = image_shape(response_shape)
    numbers = condition_size - images * shape[1] * shape[2]
    if numbers < 0 or images < 0:
        raise FacsimError("the condition holds too few numbers for its images", expected=f"{images} x {shape[1:]} or more", got=condition_size)
    translate = ImageToImage(latent + numbers, images, shape, channels=channels, depth=depth)
    critic = Critic(Planes(shape, images), *patch_stack(shape[0] + numbers + images, channels, patches))
    if spectral:
        spectrally_normal(critic)
    return GAN(condition_size, response_shape, latent, nn.Sequential(translate, look_up(ACTIVATIONS, last, "activation")()), critic, rules)


FAMILIES = {
    "dcgan": Family(
        dcgan,
        idea="convolutions in generator and critic, with batch norm",
        when="images of 32 x 32 or 64 x 64 whose patterns may lie anywhere",
        cost="heavy: millions of weights, and three steps of the critic for one of the generator",
        source="Radford et al. (2016), arXiv:1511.06434; Albergo (2018), chapter 4",
        response=SPARSE,
        training={**GAME, "epochs": 30},
    ),
    "lagan": Family(
        lagan,
        idea="locally connected layers: every pixel has its own filters",
        when="images with a fixed centre and steep profiles",
        cost="weights in proportion to the number of pixels; slower than dense layers",
        source="de Oliveira et al. (2017), arXiv:1701.05927",
        response=SPARSE,
        training={**GAME, "epochs": 30},
    ),
    "pix2pix": Family(
        pix2pix,
        idea="a U-Net that turns a condition image into a response, against a critic of patches",
        when="the condition is itself an image, such as tracks, and events come in pairs",
        cost="convolutions at full size; one pass of the U-Net an event",
        source="Isola et al. (2017), arXiv:1611.07004",
        response=ENERGIES,
        training={**GAME, "epochs": 30},
    ),
}
