"""The optimisers, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from facsim.core import FacsimError, look_up

OPTIMISERS: dict[str, Callable[..., Optimizer]] = {"adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "sgd": SGD}


def make_optimiser(name: str, parameters: Iterable[nn.Parameter], **options: object) -> Optimizer:
    """An optimiser of the table; options that are None keep the optimiser's own default.

    Raises:
        FacsimError: if there is no such optimiser, or it has no such option.

    Examples:
        >>> import torch
        >>> make_optimiser("adam", [nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
        Traceback (most recent call last):
        facsim.core.errors.FacsimError: optimiser 'adam' has no momentum; leave it out
    """
    kind = look_up(OPTIMISERS, name, "optimiser")
    given = {option: value for option, value in options.items() if value is not None}
    for option in given.keys() - inspect.signature(kind).parameters.keys():
        raise FacsimError(f"optimiser {name!r} has no {option}", remedy="leave it out")
    return kind(parameters, **given)
