"""Families of generators: networks and objectives behind the Generator contract, and the table of all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from facsim.core.contracts import Generator
from facsim.core.errors import FacsimError
from facsim.core.table import look_up, unknown
from facsim.models.gan import WGANGP
from facsim.models.vae import VAE


@dataclass(frozen=True)
class Family:
    """A family of models: how to build one, and what a user wants to know before choosing it.

    `response` is the recipe of transforms that suits the family on a calorimeter's cells, `training` the settings that train it well.
    """

    build: Callable[..., Generator]
    idea: str
    when: str
    cost: str
    source: str
    response: tuple[tuple[str, dict[str, Any]], ...]
    training: dict[str, Any]

    @property
    def settings(self) -> dict[str, inspect.Parameter]:
        """The keyword settings of `build`, by name."""
        return {k: p for k, p in inspect.signature(self.build).parameters.items() if p.kind is p.KEYWORD_ONLY}


MODELS: dict[str, Family] = {
    "vae": Family(
        VAE,
        idea="a latent code and a decoder that says how likely each cell's energy is",
        when="first choice: trains in a minute, never collapses, samples fastest",
        cost="two small dense networks; one pass of the decoder an event",
        source="Kingma and Welling (2014), arXiv:1312.6114",
        response=(("EnergyFractions", {}), ("Gaussianise", {})),
        training={"epochs": 40, "learning_rate": 2e-3, "schedule": "onecycle"},
    ),
    "wgan-gp": Family(
        WGANGP,
        idea="a generator against a critic that measures the Wasserstein distance",
        when="sharp single events matter more than an easy training",
        cost="five steps of the critic for one of the generator; one pass of the generator an event",
        source="Gulrajani et al. (2017), arXiv:1704.00028",
        response=(("Log", {"offset": 1.0}), ("Scale", {})),
        training={"epochs": 60, "learning_rate": 1e-4, "betas": (0.0, 0.9)},
    ),
}


def build(name: str, condition_size: int, response_shape: tuple[int, ...], **settings: Any) -> Generator:
    """A new, untrained model of the family `name`.

    Raises:
        FacsimError: for an unknown family or setting, naming the closest.

    Examples:
        >>> build("vae", 1, (4, 4), latent=2).response_shape
        (4, 4)
    """
    family = look_up(MODELS, name, "model")
    for key in settings:
        if key not in family.settings:
            raise unknown(key, family.settings, f"setting of model {name!r}")
    try:
        return family.build(condition_size, response_shape, **settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise FacsimError(f"model {name!r} cannot be built with these settings", got=settings, remedy=str(error)) from error


__all__ = ["MODELS", "Family", "build"]
