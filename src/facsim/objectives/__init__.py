"""Losses: small functions of tensors, one idea a file."""

from facsim.objectives.adversarial import ADVERSARIAL, Adversarial, weighted_mean
from facsim.objectives.flow_matching import distillation_error, pair_by_transport, straight_path, two_steps_in_one, velocity_error
from facsim.objectives.latent import latent_regression, total_correlation
from facsim.objectives.likelihood import fill_below_zero, negative_log_likelihood
from facsim.objectives.penalties import between, gradient_penalty, zero_centred_penalty
from facsim.objectives.variational import LIKELIHOODS, Likelihood, kl_between_normals, kl_to_standard_normal

__all__ = [
    "ADVERSARIAL",
    "LIKELIHOODS",
    "Adversarial",
    "Likelihood",
    "between",
    "distillation_error",
    "fill_below_zero",
    "gradient_penalty",
    "kl_between_normals",
    "kl_to_standard_normal",
    "latent_regression",
    "negative_log_likelihood",
    "pair_by_transport",
    "straight_path",
    "total_correlation",
    "two_steps_in_one",
    "velocity_error",
    "weighted_mean",
    "zero_centred_penalty",
]
