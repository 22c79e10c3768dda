"""Losses: small functions of tensors, one idea a file."""

from facsim.objectives.adversarial import ADVERSARIAL, Adversarial, weighted_mean
from facsim.objectives.penalties import between, gradient_penalty, zero_centred_penalty
from facsim.objectives.variational import LIKELIHOODS, kl_to_standard_normal

__all__ = [
    "ADVERSARIAL",
    "LIKELIHOODS",
    "Adversarial",
    "between",
    "gradient_penalty",
    "kl_to_standard_normal",
    "weighted_mean",
    "zero_centred_penalty",
]
