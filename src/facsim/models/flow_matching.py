"""Flow matching: a velocity field carries noise to the response along nearly straight lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from facsim.core.contracts import Batch, Objective
from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.models.density import Field
from facsim.models.family import SHARED, Family
from facsim.nets import mlp
from facsim.objectives import distillation_error, pair_by_transport, straight_path, velocity_error, weighted_mean
from facsim.objectives.flow_matching import Velocity

Step = Callable[[Velocity, Tensor, Tensor, float], Tensor]  # (velocity, point, time, size) -> the next point


def euler(velocity: Velocity, x: Tensor, time: Tensor, size: float) -> Tensor:
    """First order, one evaluation."""
    return x + size * velocity(x, time)


def midpoint(velocity: Velocity, x: Tensor, time: Tensor, size: float) -> Tensor:
    """Second order, two evaluations."""
    return x + size * velocity(x + 0.5 * size * velocity(x, time), time + 0.5 * size)


def heun(velocity: Velocity, x: Tensor, time: Tensor, size: float) -> Tensor:
    """Second order, two evaluations."""
    first = velocity(x, time)
    return x + 0.5 * size * (first + velocity(x + size * first, time + size))


SOLVERS: dict[str, Step] = {"euler": euler, "midpoint": midpoint, "heun": heun}


def solve(step: Step, velocity: Velocity, x: Tensor, steps: int) -> Tensor:
    """Carry x from time 0 to 1 in equal steps."""
    for i in range(steps):
        x = step(velocity, x, x.new_full((x.shape[0], 1), i / steps), 1 / steps)
    return x


class FlowMatching(Field):
    """A network learns the velocity along straight lines from noise to data; a fixed-step solver follows it.

    `solver` is a key of SOLVERS, `steps` its number of steps; `waves` is the number of frequencies in which the network sees the time. With
    `transport` the noise of a batch is paired with its events by optimal transport. `likelihood` as in a Flow.
    Sources: Lipman et al. (2022), arXiv:2210.02747; Tong et al. (2023), arXiv:2302.00482.
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        hidden: Sequence[int] = (256, 256, 256),
        activation: str = "silu",
        solver: str = "midpoint",
        steps: int = 8,
        transport: bool = True,
        waves: int = 4,
        likelihood: str = "censored",
    ) -> None:
        super().__init__(condition_size, response_shape, likelihood)
        if steps < 1:
            raise FacsimError("the solver needs steps", expected="1 or more", got=steps)
        self.steps, self.transport = steps, transport
        self.step = look_up(SOLVERS, solver, "solver")
        self.register_buffer("waves", math.pi * torch.arange(1, waves + 1), persistent=False)
        self.waves: Tensor
        self.network = mlp([self.size + condition_size + 1 + 2 * waves, *hidden, self.size], activation)

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, self.size, generator=rng, device=rng.device)

    def forward(self, condition: Tensor, noise: Tensor) -> Tensor:
        return self.shaped(solve(self.step, self.velocity(condition), noise, self.steps))

    def velocity(self, condition: Tensor) -> Velocity:
        """The velocity field (point [n, size], time [n, 1]) -> [n, size] for these conditions."""

        def field(x: Tensor, time: Tensor) -> Tensor:
            phase = time * self.waves
            velocity: Tensor = self.network(torch.cat([x, condition, time, phase.sin(), phase.cos()], dim=1))
            return velocity

        return field

    def objectives(self) -> tuple[Objective, ...]:
        return (Objective("velocity", self.velocity_loss, tuple(self.network.parameters())),)

    def velocity_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """How far the velocity is from that of the straight line, at a random time of each event."""
        noise, data, time = self.ends(batch, rng)
        return {"velocity": weighted_mean(velocity_error(self.velocity(batch.condition), noise, data, time), batch.weight)}

    def ends(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Noise and data at the two ends of each line, [n, size], and a random time, [n, 1]."""
        data = self.fill(batch.response, rng).flatten(1)
        noise = torch.randn(data.shape, generator=rng, device=data.device)
        time = torch.rand(len(data), 1, generator=rng, device=data.device)
        return pair_by_transport(noise, data, batch.condition) if self.transport else noise, data, time


def distillation(student: FlowMatching, teacher: FlowMatching) -> Objective:
    """The objective that trains the student to do in one Euler step what the teacher does in two: `fit(student, [distillation(...)], ...)`.

    Both take Euler steps, the teacher twice as many; the student best starts from the teacher's weights, and is the next teacher.
    Source: Salimans and Ho, Progressive distillation for fast sampling of diffusion models (2022), arXiv:2202.00512.

    Raises:
        FacsimError: if the teacher does not take twice as many Euler steps.
    """
    if teacher.steps != 2 * student.steps or not student.step is teacher.step is euler:
        raise FacsimError("this student cannot learn from this teacher", expected=f"Euler steps, {student.steps} and {2 * student.steps}")
    frozen = teacher.requires_grad_(False)

    def loss(batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        noise, data, time = frozen.ends(batch, rng)
        time = torch.floor(time * student.steps) / student.steps
        point, _ = straight_path(noise, data, time)
        error = distillation_error(student.velocity(batch.condition), frozen.velocity(batch.condition), point, time, 1 / student.steps)
        return {"distillation": weighted_mean(error, batch.weight)}

    return Objective("distillation", loss, tuple(student.network.parameters()))


FAMILIES = {
    "flow-matching": Family(
        FlowMatching,
        idea="a velocity field carries noise to the response in a few steps",
        when="smooth responses of up to some thousand numbers; a stable training",
        cost="a dense network, evaluated once or twice in each of the solver's steps",
        source="Lipman et al. (2022), arXiv:2210.02747",
        response=SHARED,
        training={"epochs": 60, "learning_rate": 1e-3, "schedule": "cosine", "ema": 0.999},
    ),
}
