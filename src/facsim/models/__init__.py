"""Families of generators: networks and objectives behind the Generator contract, and the table of all."""

from __future__ import annotations

from typing import Any

from facsim.core.contracts import Generator
from facsim.core.errors import FacsimError
from facsim.core.table import look_up, unknown
from facsim.models import (
    airshower,
    cored_tree,
    cramer,
    flow,
    flow_matching,
    gan,
    hits,
    image_gan,
    image_translation,
    independent,
    mixture,
    moment_tree,
    points,
    ranks,
    recurrent,
    refiner,
    single_track,
    transport,
    tree,
    two_stage,
    unrolled_gan,
    vae,
)
from facsim.models.family import Family

MODELS: dict[str, Family] = {
    **vae.FAMILIES,
    **gan.FAMILIES,
    **cramer.FAMILIES,
    **image_gan.FAMILIES,
    **image_translation.FAMILIES,
    **flow.FAMILIES,
    **flow_matching.FAMILIES,
    **hits.FAMILIES,
    **two_stage.FAMILIES,
    **recurrent.FAMILIES,
    **tree.FAMILIES,
    **cored_tree.FAMILIES,
    **moment_tree.FAMILIES,
    **independent.FAMILIES,
    **mixture.FAMILIES,
    **unrolled_gan.FAMILIES,
    **airshower.FAMILIES,
    **points.FAMILIES,
    **single_track.FAMILIES,
}

REFINERS: dict[str, Family] = {**transport.FAMILIES, **ranks.FAMILIES, **refiner.FAMILIES}  # from simulated events to events that fit the data


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


__all__ = ["MODELS", "REFINERS", "Family", "build"]
