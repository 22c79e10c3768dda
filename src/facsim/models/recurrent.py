"""Recurrent network over layers, with a density for each layer given those before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Generator, Objective
from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.models.family import Family
from facsim.nets import mlp
from facsim.nets.recurrent import Recurrent, State
from facsim.objectives import LIKELIHOODS, kl_between_normals, weighted_mean

SPREAD_STEP = 10.0  # a cell's spread must move by order one, a weight by far less: the same step size of the optimiser serves both


class Normal(NamedTuple):
    """Mean and logarithm of the standard deviation."""

    mean: Tensor
    log_std: Tensor

    def draw(self, noise: Tensor) -> Tensor:
        return torch.addcmul(self.mean, noise, self.log_std.exp())


class Nothing(nn.Module):
    """A network without outputs: [..., inputs] -> [..., 0]."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., :0]


class LayerByLayer(Generator):
    """Layers one after the other: a recurrent network remembers those before, a latent code says how this one differs, a decoder tells its cells.

    The first axis of the response is that of the layers, unless `layers` cuts a flat one. The code's prior depends on the layers before, so that
    single events spread as they should; `likelihood` is a key of LIKELIHOODS, and "mse" with `latent` 0 is the plain regression that falls
    back to the mean event. Training reads the true layers before, sampling those just made.
    Sources: Chung et al., A recurrent latent variable model for sequential data (2015), arXiv:1506.02216; layers of a calorimeter: Guthrie,
    Malkin and Pine (2017).
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        latent: int = 8,
        memory: int = 128,
        hidden: Sequence[int] = (128,),
        kind: str = "lstm",
        likelihood: str = "censored",
        layers: int | None = None,
    ) -> None:
        super().__init__()
        self.condition_size, self.response_shape, self.latent = condition_size, tuple(response_shape), latent
        self.layers = response_shape[0] if layers is None else layers
        self.cells, rest = divmod(math.prod(response_shape), self.layers)
        if rest:
            raise FacsimError("the response cannot be cut into layers", expected=f"a multiple of {self.layers} cells", got=math.prod(response_shape))
        self.likelihood = look_up(LIKELIHOODS, likelihood, "likelihood")
        self.index = nn.Parameter(0.1 * torch.randn(self.layers, memory))  # what each layer is
        self.enter = nn.Linear(self.cells + condition_size, memory)
        self.recurrent = Recurrent(memory, memory, kind=kind)
        self.prior = mlp([memory, *hidden, 2 * latent], "silu") if latent else Nothing()
        self.encoder = mlp([memory + self.cells, *hidden, 2 * latent], "silu") if latent else Nothing()
        self.decoder = mlp([memory + latent, *hidden, self.likelihood.outputs * self.cells], "silu")
        self.spread = nn.Parameter(torch.zeros(self.layers, self.cells), requires_grad=self.likelihood.noisy)

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, self.layers, self.latent + self.cells * self.likelihood.noisy, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        state: State | None = None
        made: list[Tensor] = []
        before = noise.new_zeros(noise.shape[0], self.cells)
        for layer in range(self.layers):
            code, of_cells = noise[:, layer, : self.latent], noise[:, layer, self.latent :]
            memory, state = self.recurrent.step(self._input(before, condition, self.index[layer]), state)
            output = self._decode(memory, self._normal(self.prior(memory)).draw(code))
            before = self.likelihood.draw(output, SPREAD_STEP * self.spread[layer], of_cells)
            made.append(before)
        return torch.stack(made, dim=1).reshape(-1, *self.response_shape)

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("elbo", self.elbo, tuple(p for p in self.parameters() if p.requires_grad)),)

    def elbo(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Minus the evidence lower bound, summed over layers, each given the true layers before it."""
        y = batch.response.reshape(len(batch.response), self.layers, self.cells)
        memory = self.recurrent(self._input(nn.functional.pad(y, (0, 0, 1, -1)), batch.condition[:, None].expand(-1, self.layers, -1), self.index))
        prior, posterior = self._normal(self.prior(memory)), self._normal(self.encoder(torch.cat([memory, y], dim=-1)))
        code = posterior.draw(torch.randn(posterior.mean.shape, generator=rng, device=y.device))
        nll = self.likelihood(y.flatten(0, 1), self._decode(memory, code).flatten(0, 1), SPREAD_STEP * self.spread.repeat(len(y), 1))
        divergence = kl_between_normals(*posterior, *prior)
        return {
            "reconstruction": weighted_mean(nll.reshape(len(y), -1).sum(1), batch.weight),
            "divergence": weighted_mean(divergence, batch.weight),
        }

    def _input(self, before: Tensor, condition: Tensor, index: Tensor) -> Tensor:
        told: Tensor = self.enter(torch.cat([before, condition], dim=-1))
        return told + index

    def _decode(self, memory: Tensor, code: Tensor) -> Tensor:
        output: Tensor = self.decoder(torch.cat([memory, code], dim=-1))
        return output

    def _normal(self, output: Tensor) -> Normal:
        mean, log_std = output.chunk(2, dim=-1)
        return Normal(mean, log_std.clamp(-5, 5))


FAMILIES = {
    "recurrent": Family(
        LayerByLayer,
        idea="layer after layer, each a density given those before",
        when="deep stacks of layers, where a shower's development matters",
        cost="a recurrent network and a decoder once for each layer",
        source="Chung et al. (2015), arXiv:1506.02216; Guthrie, Malkin and Pine (2017)",
        response=(("Log", {}), ("Scale", {})),
        training={"epochs": 40, "learning_rate": 1e-3, "schedule": "onecycle", "clip": 100.0},
    ),
}
