"""Two stages: first how much energy, then how it is shared out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.errors import FacsimError
from facsim.models.family import SHARED, Family
from facsim.models.flow import Flow
from facsim.models.vae import VAE


class TwoStage(Generator):
    """A normalising flow draws the first `leading` numbers of the response (energies), a variational decoder the rest (shapes) given those.

    Suits responses transformed by EnergyFractions (`leading` 1) or LayerFractions (`leading` the number of layers), whose inverse restores the
    energies exactly. `likelihood` is that of the shapes; energies are a normal field where it is "normal", else never negative.
    Source: Krause and Shih, CaloFlow (2021), arXiv:2106.05285; Amram and Pedro, CaloDiffusion (2023), arXiv:2308.03876 (layers, then shapes).
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        leading: int = 1,
        transforms: int = 3,
        passes: int = 2,
        latent: int = 16,
        hidden: Sequence[int] = (256, 256),
        likelihood: str = "censored",
        beta: float = 1.0,
    ) -> None:
        super().__init__()
        size = math.prod(response_shape)
        if not 0 < leading < size:
            raise FacsimError("the response cannot be cut in two stages", expected=f"leading from 1 to {size - 1}", got=leading)
        self.condition_size, self.response_shape, self.leading = condition_size, tuple(response_shape), leading
        field = "normal" if likelihood == "normal" else "censored"
        self.energies = Flow(condition_size, (leading,), transforms=transforms, passes=passes, likelihood=field)
        self.shapes = VAE(condition_size + leading, (size - leading,), latent=latent, hidden=hidden, likelihood=likelihood, beta=beta)

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.cat([self.energies.draw_noise(n, rng), self.shapes.draw_noise(n, rng)], dim=1)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        energies = self.energies(condition, noise[:, : self.leading])
        shapes = self.shapes(torch.cat([condition, energies], dim=1), noise[:, self.leading :])
        return torch.cat([energies, shapes], dim=1).reshape(-1, *self.response_shape)

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("stages", self.loss, tuple(p for p in self.parameters() if p.requires_grad)),)

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The flow's loss on the true energies, and the decoder's on the shapes given the true energies; no parameter is in both."""
        flat = batch.response.flatten(1)
        energies, shapes = flat[:, : self.leading], flat[:, self.leading :]
        first = self.energies.nll(batch._replace(response=energies), rng)
        second = self.shapes.elbo(batch._replace(condition=torch.cat([batch.condition, energies], dim=1), response=shapes), rng)
        return {**first, **second}


FAMILIES = {
    "two-stage": Family(
        TwoStage,
        idea="a flow draws the energies, then a decoder the shapes given them",
        when="energies of event or layers must be exact, cells good enough",
        cost="a small flow and one pass of a dense decoder",
        source="Krause and Shih (2021), arXiv:2106.05285",
        response=SHARED,
        training={"epochs": 40, "learning_rate": 2e-3, "schedule": "onecycle", "clip": 100.0},
    ),
}
