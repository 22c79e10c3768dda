"""Normalising flow: an exact density, for responses of a few numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from zuko.flows import MAF, NSF

from facsim.core.table import look_up
from facsim.models.density import Density
from facsim.models.family import SHARED, Family

KINDS = {"spline": NSF, "affine": MAF}


class Flow(Density):
    """Invertible maps turn Gaussian noise into the response; the density is exact.

    `kind`: "spline" (rational quadratic, any shape of density) or "affine". Each of the `transforms` splits the numbers in `passes` groups, every
    group given those before: 2 couples halves, so that sampling is two passes each whatever the number; a single number takes one. The
    location follows the condition linearly, also beyond the range [-1, 1] of training; the shape stays that of the range's edge.
    `likelihood` and `faintest` as in a Density.
    Sources: Durkan et al., Neural spline flows (2019), arXiv:1906.04032; Papamakarios et al. (2017), arXiv:1705.07057.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        kind: str = "spline",
        transforms: int = 3,
        passes: int = 2,
        hidden: Sequence[int] = (64, 64),
        likelihood: str = "censored",
        faintest: float = 0.0,
    ) -> None:
        super().__init__(condition_size, response_shape, likelihood, faintest)
        make = look_up(KINDS, kind, "kind of flow")
        self.flow = make(self.size, condition_size, transforms=transforms, passes=min(passes, self.size), hidden_features=tuple(hidden))
        self.location = nn.Linear(condition_size, self.size, bias=False) if condition_size else None
        if self.location is not None:
            nn.init.zeros_(self.location.weight)

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, self.size, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        return self.shaped(self._transform(condition).inv(noise) + self._centre(condition))

    def log_prob(self, condition: Tensor, response: Tensor) -> Tensor:
        y = response.flatten(1) - self._centre(condition)
        noise, log_slope = self._transform(condition).call_and_ladj(y)
        density: Tensor = log_slope - 0.5 * (noise.square() + math.log(2 * math.pi)).sum(1)
        return density

    def _centre(self, condition: Tensor) -> Tensor:
        return condition.new_zeros(1, self.size) if self.location is None else self.location(condition)

    def _transform(self, condition: Tensor) -> Any:
        """From response to noise, given the condition."""
        return self.flow(condition.clamp(-1, 1) if self.condition_size else None).transform


FAMILIES = {
    "flow": Family(
        Flow,
        idea="invertible maps from Gaussian noise, with an exact density",
        when="a few numbers an event (tracks, particle identification); a density is wanted",
        cost="a few small networks, each evaluated twice; grows with the square of the response's size",
        source="Durkan et al. (2019), arXiv:1906.04032",
        response=SHARED,
        training={"epochs": 40, "learning_rate": 1e-3, "schedule": "cosine", "clip": 5.0},
    ),
}
