"""From image to image with a random code: VAE-GAN, conditional latent regressor GAN, BicycleGAN, on our networks or on the printed ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn

from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.models.adversarial import Rules
from facsim.models.encoded_gan import EncodedGAN, Ways
from facsim.models.family import ENERGIES, Family
from facsim.models.gan import GAME
from facsim.models.image_gan import image_shape
from facsim.nets.critics import Critic, spectrally_normal
from facsim.nets.image_code import Apart, Encoder, FoldedUNet, InPlanes, Layout, image_critic, image_encoder
from facsim.nets.image_printed import HALVINGS, PrintedUNet, printed_critic, printed_encoder
from facsim.nets.mlp import ACTIVATIONS


@dataclass(frozen=True)
class Networks:
    """Three networks that belong together, and what they have where the settings leave it open: channels, and the code.

    Sizes of images must be a multiple of `multiple`.
    """

    generator: Callable[[Layout, int, int, bool], Sequence[nn.Module]]  # of the layout, channels, depth, whether it is located
    critic: Callable[[Layout, int, int, bool, int], Critic]  # of the layout, channels, halvings, whether it judges patches, kernels
    encoder: Callable[[Layout, int, bool], Encoder]  # of the layout, channels, whether it tells a spread
    channels: int
    latent: int
    planes: int
    last: str
    multiple: int = 1


def _printed(residual: bool) -> Networks:
    return Networks(
        lambda layout, channels, depth, located: (Apart(layout), PrintedUNet(layout.inputs, layout.shape[0], channels, residual)),
        lambda layout, channels, patches, patch, kernels: printed_critic(layout, patch, kernels),
        lambda layout, channels, spread: printed_encoder(layout, spread),
        channels=64,
        latent=64,
        planes=0,
        last="sigmoid",
        multiple=2**HALVINGS,
    )


def _folded(layout: Layout, channels: int, depth: int, located: bool) -> Sequence[nn.Module]:
    return InPlanes(layout), FoldedUNet(layout.inputs, layout.shape, channels, depth, located=located)


NETWORKS = {
    "unet": Networks(_folded, image_critic, image_encoder, channels=16, latent=8, planes=2, last="open-relu"),
    "cir": _printed(residual=False),
    "tip": _printed(residual=True),
}


def translation(
    condition_size: int,
    response_shape: tuple[int, ...],
    *,
    images: int = 0,
    network: str = "unet",
    latent: int | None = None,
    planes: int | None = None,
    grain: int = 4,
    channels: int | None = None,
    depth: int = 3,
    located: bool = True,
    patches: int = 2,
    patch: bool = True,
    last: str | None = None,
    loss: str = "non-saturating",
    regulariser: str = "zero-centred",
    penalty: float = 0.5,
    clip: float | None = None,
    critic_steps: int = 1,
    label: float = 0.9,
    flips: float = 0.0,
    matching: float = 0.0,
    kernels: int = 0,
    spectral: bool = False,
    spread: bool = True,
    lambda_x: float = 0.0,
    lambda_z: float = 0.0,
    lambda_kl: float = 0.0,
    posterior: bool = False,
    window: int = 1,
    lambda_score: float = 0.0,
    windows: Sequence[int] = (1, 4, 16, 64),
) -> EncodedGAN:
    """A generator of images from images and a random code, against a critic, with an encoder of the code.

    The last `images` x rows x columns conditions are the images to translate, of the response's size, row by row; those before are numbers.

    `network`: "unet", ours, or the printed "cir" and "tip" for 64 x 64 pixels (or other multiples of 32), whose responses are between 0 and 1. The
    code has `latent` numbers, and for "unet" `planes` of one for every `grain` x `grain` pixels. `channels` and `depth` are those of the U-Net, which
    sees squares of 2 x 2 as one pixel and, if `located`, its place on the detector; its critic is halved `patches` times. With `patch` the critic
    has a verdict for each patch, else one; `kernels` of minibatch discrimination and `spectral` normalisation are for the critic. The rules are those
    of `Rules`, those of the encoder of `Ways`, `lambda_score` and `windows` among them. `spread`: whether the encoder tells a variance; it never
    does where no real response is encoded.
    """
    ways = Ways(x=lambda_x, z=lambda_z, kl=lambda_kl, posterior=posterior, window=window, score=lambda_score, windows=windows)
    rules = Rules(
        loss=loss, regulariser=regulariser, penalty=penalty, clip=clip, critic_steps=critic_steps, label=label, flips=flips, matching=matching
    )
    nets, shape = look_up(NETWORKS, network, "network"), image_shape(response_shape)
    layout = _layout(condition_size, shape, images, nets, latent=latent, planes=planes, grain=grain)
    wide = nets.channels if channels is None else channels
    generator = nn.Sequential(*nets.generator(layout, wide, depth, located), look_up(ACTIVATIONS, last or nets.last, "activation")())
    critic = nets.critic(layout, wide, patches, patch, kernels)
    if spectral:
        spectrally_normal(critic)
    encoder = nets.encoder(layout, wide, spread and ways.encodes)
    return EncodedGAN(condition_size, response_shape, code=layout.code, generator=generator, critic=critic, encoder=encoder, rules=rules, ways=ways)


def _layout(
    condition_size: int, shape: tuple[int, int, int], images: int, nets: Networks, *, latent: int | None, planes: int | None, grain: int
) -> Layout:
    numbers = condition_size - images * shape[1] * shape[2]
    layout = Layout(shape, numbers, images, nets.latent if latent is None else latent, nets.planes if planes is None else planes, grain)
    if numbers < 0 or images < 0:
        raise FacsimError("the condition holds too few numbers for its images", expected=f"{images} x {shape[1:]} or more", got=condition_size)
    if any(n % nets.multiple for n in shape[1:]):
        raise FacsimError(
            "the printed networks do not fit the images", expected=f"multiples of {nets.multiple}", got=shape[1:], remedy="network=unet"
        )
    if min(layout.latent, layout.planes, layout.code - 1) < 0 or grain < 1 or (layout.planes and not nets.planes):
        expected = "latent or planes above 0, and planes with network=unet alone"
        raise FacsimError("these networks cannot have such a code", expected=expected, got=f"latent={layout.latent}, planes={layout.planes}")
    return layout


def _family(idea: str, when: str, source: str, **ways: float) -> Family:
    """The same networks and rules, with other weights of the two ways round."""
    return Family(
        partial(translation, **ways),  # type: ignore[arg-type]
        idea=idea,
        when=when,
        cost="three networks in training; one pass of the U-Net an event",
        source=f"{source}; the LHCb HCAL study of 2019, section 4.2",
        response=ENERGIES,
        training={**GAME, "epochs": 30},
    )


FAMILIES = {
    "vae-gan": _family(
        "a variational auto-encoder at a condition image, whose decoder also plays against a critic",
        "the condition is an image, and events at one condition differ",
        "Larsen et al. (2016), arXiv:1512.09300",
        lambda_x=0.5,
        lambda_kl=0.1,
        posterior=True,
    ),
    "clr-gan": _family(
        "a generator against a critic, and an encoder that finds the noise again in the image made of it",
        "to compare with bicycle-gan: it alone has no term that pulls events towards real ones",
        "Zhu et al. (2017), arXiv:1711.11586, section 3.3",
        lambda_z=1.0,
    ),
    "bicycle-gan": _family(
        "both at once: real event to code to event, and code to event to code",
        "the condition is an image; the published networks (network=cir, network=tip) and our faster one",
        "Zhu et al. (2017), arXiv:1711.11586",
        lambda_x=0.5,
        lambda_z=1.0,
        lambda_kl=0.1,
        posterior=True,
    ),
}
