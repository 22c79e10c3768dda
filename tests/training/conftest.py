"""Toys that are small enough to know: a data set, one weight, a GAN with all that is random or remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facsim.core.contracts import Batch, Objective


class ToyBatches:
    """Normal responses [40, 3] in an order of their own in each epoch, 4 at a time."""

    def __init__(self, n: int = 40, size: int = 4, seed: int = 0) -> None:
        self.seed, self.n, self.size = seed, n, size
        self.response = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32))

    @property
    def steps(self) -> int:
        return self.n // self.size

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        order = np.random.default_rng([self.seed, number]).permutation(self.n)
        for step in range(start, self.steps):
            rows = order[step * self.size : (step + 1) * self.size]
            yield Batch(torch.full((self.size, 1), float(number)), self.response[rows], torch.ones(self.size))


class Weight(nn.Module):
    """Parameters that losses pull at."""

    def __init__(self, **values: float | list[float]) -> None:
        super().__init__()
        for name, value in values.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float64)))

    def slope(self, name: str, slope: float = 1.0, **kwargs: object) -> Objective:
        """The loss slope * w: its gradient is the slope, wherever w is."""
        weight = self.get_parameter(name)
        return Objective(name, lambda batch, rng: {"loss": slope * weight.sum()}, (weight,), **kwargs)  # type: ignore[arg-type]


class ToyGan(nn.Module):
    """Noise, dropout, batch norm, repeats and a projection: whatever a checkpoint could forget."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
            self.critic = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))

    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        return self.generator(torch.randn(n, 2, generator=rng))

    def critic_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        fake = self.draw(len(batch.response), rng).detach()
        return {"real": -self.critic(batch.response).mean(), "fake": self.critic(fake).mean()}

    def generator_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        return {"fake": -self.critic(self.draw(len(batch.response), rng)).mean()}

    @torch.no_grad()
    def clip(self) -> None:
        for parameter in self.critic.parameters():
            parameter.clamp_(-0.5, 0.5)

    def objectives(self) -> tuple[Objective, Objective]:
        critic = Objective("critic", self.critic_loss, tuple(self.critic.parameters()), repeats=3, after_step=self.clip)
        return critic, Objective("generator", self.generator_loss, tuple(self.generator.parameters()))


def same_bits(a: nn.Module, b: nn.Module) -> bool:
    """Whether all parameters and buffers agree bit by bit."""
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture
def batches() -> ToyBatches:
    return ToyBatches()


@pytest.fixture
def make_batches() -> type[ToyBatches]:
    return ToyBatches


@pytest.fixture
def weight() -> type[Weight]:
    return Weight


@pytest.fixture
def gan() -> type[ToyGan]:
    return ToyGan


@pytest.fixture
def same() -> Callable[[nn.Module, nn.Module], bool]:
    return same_bits
