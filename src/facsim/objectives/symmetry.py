"""Symmetries of detectors, by which one event of the training data becomes many."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from facsim.core.errors import FacsimError

Turn = Callable[[Tensor, torch.Generator], Tensor]


def unchanged(response: Tensor, rng: torch.Generator) -> Tensor:
    """The events as they are."""
    return response


def turned_square(response: Tensor, rng: torch.Generator) -> Tensor:
    """Each event [n, ..., size, size] mirrored and transposed at random: one of the eight symmetries of a square of cells."""
    if response.ndim < 3 or response.shape[-1] != response.shape[-2]:
        raise FacsimError("only a square can be turned like one", expected="as many rows as columns", got=tuple(response.shape[1:]))
    for axes in ((-1,), (-2,)):
        response = torch.where(_coin(response, rng), response.flip(axes), response)
    return torch.where(_coin(response, rng), response.transpose(-1, -2), response)


def turned_circle(response: Tensor, rng: torch.Generator) -> Tensor:
    """Each event [n, layers, angles, radii] turned round the beam by a random number of cells, and mirrored at random."""
    if response.ndim != 4:
        raise FacsimError("only rings of cells can be turned round the beam", expected="layers, angles, radii", got=tuple(response.shape[1:]))
    n, angles = len(response), response.shape[-2]
    shift = torch.randint(angles, (n, 1), generator=rng, device=rng.device)
    source = (torch.arange(angles, device=response.device) + shift) % angles
    turned = response.gather(-2, source.view(n, *[1] * (response.ndim - 3), angles, 1).expand_as(response))
    return torch.where(_coin(response, rng), turned.flip(-2), turned)


def _coin(response: Tensor, rng: torch.Generator) -> Tensor:
    """Heads or tails for each event, [n, 1, ...]."""
    return (torch.rand(len(response), generator=rng, device=rng.device) < 0.5).view(-1, *[1] * (response.ndim - 1))


SYMMETRIES: dict[str, Turn] = {"none": unchanged, "square": turned_square, "circle": turned_circle}
