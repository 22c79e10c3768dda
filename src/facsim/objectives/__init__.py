"""Losses: small functions of tensors, one idea a file."""

from facsim.objectives.adversarial import ADVERSARIAL, Adversarial, weighted_mean
from facsim.objectives.energy import energy_distance, energy_score, surrogate_witness, window_score, witness
from facsim.objectives.flow_matching import distillation_error, pair_by_transport, straight_path, two_steps_in_one, velocity_error
from facsim.objectives.latent import latent_regression, total_correlation
from facsim.objectives.likelihood import fill_below_zero, fill_with_noise, negative_log_likelihood
from facsim.objectives.matching import absolute_error, feature_matching
from facsim.objectives.penalties import REGULARISERS, between, clip_weights, gradient_penalty, zero_centred_penalty
from facsim.objectives.regression import squared_difference
from facsim.objectives.variational import LIKELIHOODS, Likelihood, kl_between_normals, kl_to_standard_normal

__all__ = [
    "ADVERSARIAL",
    "LIKELIHOODS",
    "REGULARISERS",
    "Adversarial",
    "Likelihood",
    "absolute_error",
    "between",
    "clip_weights",
    "distillation_error",
    "energy_distance",
    "energy_score",
    "feature_matching",
    "fill_below_zero",
    "fill_with_noise",
    "gradient_penalty",
    "kl_between_normals",
    "kl_to_standard_normal",
    "latent_regression",
    "negative_log_likelihood",
    "pair_by_transport",
    "squared_difference",
    "straight_path",
    "surrogate_witness",
    "total_correlation",
    "two_steps_in_one",
    "velocity_error",
    "weighted_mean",
    "window_score",
    "witness",
    "zero_centred_penalty",
]
