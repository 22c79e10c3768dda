"""Flow matching: the velocity along straight lines from noise to data, and the distillation of many steps into few."""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]  # (point [n, d], time [n, 1]) -> [n, d]


def straight_path(noise: Tensor, data: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """The point at `time` [n, 1] on the line from noise (0) to data (1), and the velocity there, each [n, d].

    Source: Lipman et al., Flow matching for generative modeling (2022), arXiv:2210.02747 (sigma_min = 0).

    Examples:
        >>> straight_path(torch.zeros(1, 1), torch.full((1, 1), 4.0), torch.full((1, 1), 0.25))
        (tensor([[1.]]), tensor([[4.]]))
    """
    return torch.lerp(noise, data, time), data - noise


def velocity_error(velocity: Velocity, noise: Tensor, data: Tensor, time: Tensor) -> Tensor:
    """Mean over the response of |v(x_t, t) - (data - noise)|^2 for each event, [n]."""
    point, target = straight_path(noise, data, time)
    return (velocity(point, time) - target).square().mean(1)


def pair_by_transport(noise: Tensor, data: Tensor, condition: Tensor, strictness: float = 100.0) -> Tensor:
    """The noise [n, d] in the order that brings it closest to the data [n, d]: least sum of squared distances in the batch.

    Straighter lines cross less and need fewer steps. The noise must not learn of the condition, which it does not know when sampling: noise
    number i keeps condition i, and `strictness` times the squared difference of conditions is added to the cost.
    Sources: Tong et al., Improving and generalizing flow-based generative models with minibatch optimal transport (2023), arXiv:2302.00482;
    conditions: Kerrigan et al., Dynamic conditional optimal transport through simulation-free flows (2024), arXiv:2404.04240.
    """
    with torch.no_grad():
        cost = _squared_distances(data, noise) + strictness * _squared_distances(condition, condition)
    _, order = linear_sum_assignment(cost.cpu().numpy())
    return noise[torch.as_tensor(order, device=noise.device)]


def two_steps_in_one(teacher: Velocity, point: Tensor, time: Tensor, step: float) -> Tensor:
    """The mean velocity of two Euler steps of the teacher, each of size step / 2: what a student must say to do both in one, [n, d].

    Source: Salimans and Ho, Progressive distillation for fast sampling of diffusion models (2022), arXiv:2202.00512, for velocities.
    """
    with torch.no_grad():
        first = teacher(point, time)
        second = teacher(point + 0.5 * step * first, time + 0.5 * step)
    return 0.5 * (first + second)


def distillation_error(student: Velocity, teacher: Velocity, point: Tensor, time: Tensor, step: float) -> Tensor:
    """Mean over the response of the squared difference between the student's velocity and the teacher's over two half steps, [n]."""
    return (student(point, time) - two_steps_in_one(teacher, point, time, step)).square().mean(1)


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2, [n, n]."""
    return a.square().sum(1)[:, None] + b.square().sum(1)[None] - 2 * a @ b.T
