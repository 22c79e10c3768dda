"""What families of one generating network share: noise and conditions side by side go in, the response comes out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Generator


class OneNetwork(Generator):
    """A network [n, latent + conditions] -> cells and Gaussian noise of `latent` numbers; how it is trained is left open."""

    def __init__(self, condition_size: int, response_shape: tuple[int, ...], latent: int, generator: nn.Module) -> None:
        super().__init__()
        self.condition_size, self.response_shape, self.latent = condition_size, tuple(response_shape), latent
        self.generator = generator

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, self.latent, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        cells: Tensor = self.generator(torch.cat([noise, condition], dim=1))
        return cells.reshape(-1, *self.response_shape)

    def sample_like(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """A generated event at each of the batch's conditions."""
        response: Tensor = self(batch.condition, self.draw_noise(len(batch.condition), rng))
        return response

    def two_like(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Two independent generated events at each of the batch's conditions."""
        fake, other = self.sample_like(batch._replace(condition=torch.cat([batch.condition] * 2)), rng).chunk(2)
        return fake, other
