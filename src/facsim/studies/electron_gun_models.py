"""The models of the electron-gun study: the source's layers as printed, ours beside them, and how long each is trained.

What the source (Albergo 2018, chapters 4 and 5) leaves open or prints wrongly, and what was chosen:

* DCGAN: numbers of channels are not printed. CHANNELS doubles from layer to layer up to eight times; the usual 64 to 512 need minutes of one core for
  an epoch at either size, so 16 to 128 are the default (`--set channels=64` for the usual ones).
* The discriminator at 32x32 does not end in one number: its printed kernels, strides and paddings leave a map of 2x2 (32, 30, 14, 6, 4, 2). All four
  verdicts are trained and averaged. The header of its generator's table counts four layers, the table has five columns: five are built.
* "GAN-DP" with a sigmoid in the discriminator: the sigmoid is part of the loss here. Weight of the penalty and betas of Adam are not printed.
* WGAN-GP: printed with the same batch norm in the critic, which mixes events and so is at odds with a penalty on the gradient of single events
  (Gulrajani et al. 2017, section 4). Built as printed. The number of critic steps is not printed: the five of Gulrajani et al.
* FCGAN and VAE: widths are in pictures only. HIDDEN: as wide as 50,000 images a second allow at 32x32; wider (and for FCGAN deeper) at 64x64.
* FCGAN: the last LeakyReLU gives slightly negative energies. They are cut at zero, as the source does for the VAE.
* VAE: energies stay in MeV, as only so does its loss come out in MeV^2; "LeakyReLU except the first layer" is read as ReLU after the encoder's first
  layer and LeakyReLU also at the end of the decoder, which is where the negative deposits come from that are cut. The printed MSE (40.2 MeV^2,
  "about 3%" of 200.78 MeV) is the squared error summed over an event's cells.
* Chapter 5 trained on 25,000 and tested on 5,000 events: the VAE's losses are of such a split of the training events, every score is of events that
  no model has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from facsim.core import Events

if TYPE_CHECKING:
    from facsim.studies.workflow import Plan

CHANNELS = 16
BATCH = 32
PENALTY = {"dp": 0.5, "gp": 10.0}
CRITIC_STEPS = {"dp": 3, "gp": 5}
RATE = {"dp": 2e-4, "gp": 5e-5, "vae": 1e-4}
ADAM = {"betas": (0.5, 0.999)}  # Radford et al. (2016)
HIDDEN = {
    ("fcgan", 32): (128, 256),
    ("fcgan", 64): (128, 256, 512),
    ("vae", 32): (256, 128),
    ("vae", 64): (512, 256),
}
CODE, NOISE = 32, 100
BETAS = (1.0, 2.5, 4.0, 8.0)
HELD_FOR_LOSS = 1 / 6  # of the VAE's training events: 5,000 of 30,000
SIZES = (32, 64)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one model is made: on which sample, as which family, with which settings, and for how many epochs in a full and in a quick run."""

    sample: str
    family: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    response: str = "family"  # a key of RESPONSES
    batch: int = BATCH
    training: Mapping[str, Any] = field(default_factory=dict)
    full: int
    quick: int = 2
    published: str = "the source does not say how many it trained"
    ours: bool = False


def scaled(train: Events) -> list[tuple[str, dict[str, Any]]]:
    """Energies between 0 and 1 by the largest of the training events; what is below zero is cut."""
    return [("Threshold", {"at": 0.0}), ("Scale", {"by": float(train.response.max())})]


def in_mev(train: Events) -> list[tuple[str, dict[str, Any]]]:
    """Energies as they are; what is below zero is cut."""
    return [("Threshold", {"at": 0.0})]


def of_family(train: Events) -> None:
    """The family's own transforms."""


RESPONSES: dict[str, Callable[[Events], list[tuple[str, dict[str, Any]]] | None]] = {"scaled": scaled, "MeV": in_mev, "family": of_family}


def _dcgan(size: int, kind: str, full: int) -> Recipe:
    settings = {"latent": NOISE, "channels": CHANNELS, "last": "sigmoid", **_rules(kind)}
    training = {"learning_rate": RATE[kind], "precision": "bf16", **ADAM}
    return Recipe(sample=str(size), family="dcgan", settings=settings, response="scaled", training=training, full=full)


def _fcgan(size: int, kind: str, full: int) -> Recipe:
    layers = {"latent": NOISE, "hidden": HIDDEN["fcgan", size], "activation": "leaky-relu-0.01", "last": "leaky-relu-0.0009"}
    training = {"learning_rate": RATE[kind], **ADAM}
    return Recipe(sample=str(size), family="gan", settings={**layers, **_rules(kind)}, response="scaled", training=training, full=full)


def _rules(kind: str) -> dict[str, Any]:
    losses = {"dp": ("non-saturating", "zero-centred"), "gp": ("wasserstein", "two-sided")}
    loss, regulariser = losses[kind]
    return {"loss": loss, "regulariser": regulariser, "penalty": PENALTY[kind], "critic_steps": CRITIC_STEPS[kind]}


def _vae(sample: str, size: int, full: int, beta: float = 1.0) -> Recipe:
    layers = {"latent": CODE, "hidden": HIDDEN["vae", size], "activation": "leaky-relu-0.01", "first": "relu", "last": "leaky-relu-0.01"}
    return Recipe(
        sample=sample,
        family="vae",
        settings={**layers, "likelihood": "mse", "beta": beta},
        response="MeV",
        training={"learning_rate": RATE["vae"]},
        full=full,
        published="300 published",
    )


def _tree(sample: str, core: int = 2) -> Recipe:
    """The four cells of 32x32 round the beam first, which hold three quarters of the energy."""
    settings = {"symmetry": "square", "core": core, "width": 128}
    training = {"learning_rate": 2e-3, "schedule": "onecycle", "clip": 10.0}
    return Recipe(sample=sample, family="cored-tree", settings=settings, batch=64, training=training, full=40, published="ours", ours=True)


RECIPES: dict[str, Recipe] = {
    "dcgan-dp-32": _dcgan(32, "dp", 8),
    "dcgan-dp-64": _dcgan(64, "dp", 4),
    "dcwgan-gp-32": _dcgan(32, "gp", 8),
    "dcwgan-gp-64": _dcgan(64, "gp", 4),
    "fcgan-dp-32": _fcgan(32, "dp", 60),
    "fcgan-dp-64": _fcgan(64, "dp", 15),
    "fcwgan-gp-32": _fcgan(32, "gp", 60),
    "fcwgan-gp-64": _fcgan(64, "gp", 15),
    "vae-32": _vae("32", 32, 300),
    "vae-64": _vae("64", 64, 60),
    **{f"cvae-{beta:g}": _vae("conditional", 32, 100, beta) for beta in BETAS},
    "tree-32": _tree("32"),
    "tree-64": _tree("64", core=4),
    "tree-conditional": _tree("conditional"),
    "tree-interpolation": _tree("interpolation"),
    "fast-32": Recipe(
        sample="32",
        family="vae",
        batch=128,
        training={"learning_rate": 2e-3, "schedule": "onecycle"},
        full=40,
        quick=4,
        published="ours",
        ours=True,
    ),
}


def plan_for(recipe: Recipe, train: Events, *, seed: int, full: bool, changes: Mapping[str, Any]) -> Plan:
    """The plan of a recipe on these training events; `changes` of the study's settings (epochs, channels) win."""
    from facsim.studies.workflow import Plan
    from facsim.training import Settings

    epochs = int(changes.get("epochs", recipe.full if full else recipe.quick))
    settings = dict(recipe.settings)
    if "channels" in settings and "channels" in changes:
        settings["channels"] = int(changes["channels"])
    training = Settings(epochs=epochs, seed=seed, device="cpu", **recipe.training)
    return Plan(model=recipe.family, settings=settings, response=RESPONSES[recipe.response](train), batch_size=recipe.batch, training=training)


def trained_for(epochs: int | None, events: int) -> str:
    """How long a model was trained."""
    return f"trained on {events} events" if epochs is None else f"{epochs} epochs of {events} events"


def note_for(recipe: Recipe, plan: Plan, events: int) -> str:
    """How long a model was trained, and why not longer."""
    trained = trained_for(plan.training.epochs, events)
    if recipe.ours:
        return trained
    channels = plan.settings.get("channels")
    limit = f"{trained} ({recipe.published}): what fits into minutes on one core"
    return limit if channels is None else f"{limit}; {channels} to {8 * channels} channels, bfloat16"
