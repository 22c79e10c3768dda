"""Adversarial losses from the critic's outputs (logits) on real and generated events.

Every loss is a mean over events of weight x term; weights may be negative (background subtraction), and are taken to have mean 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

Term = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Adversarial:
    """The three terms of a game: the critic minimises real(c(x)) + fake(c(G(z))), the generator minimises fool(c(G(z)))."""

    real: Term
    fake: Term
    fool: Term
    source: str


ADVERSARIAL: dict[str, Adversarial] = {
    "minimax": Adversarial(lambda c: softplus(-c), softplus, lambda c: -softplus(c), "Goodfellow et al. (2014), arXiv:1406.2661, eq. 1"),
    "non-saturating": Adversarial(lambda c: softplus(-c), softplus, lambda c: softplus(-c), "Goodfellow et al. (2014), arXiv:1406.2661, section 3"),
    "kl": Adversarial(lambda c: softplus(-c), softplus, lambda c: -c, "Sonderby et al. (2017), arXiv:1610.04490 (log ratio as loss)"),
    "least-squares": Adversarial(lambda c: (c - 1).square(), lambda c: c.square(), lambda c: (c - 1).square(), "Mao et al. (2017), arXiv:1611.04076"),
    "wasserstein": Adversarial(lambda c: -c, lambda c: c, lambda c: -c, "Arjovsky et al. (2017), arXiv:1701.07875"),
}


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean over events of weight times the event's value; [n, ...] and [n] -> scalar.

    Examples:
        >>> import torch
        >>> weighted_mean(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 0.0]))
        tensor(1.)
    """
    return (weight * values.flatten(1).mean(1) if values.dim() > 1 else weight * values).mean()
