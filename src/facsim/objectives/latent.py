"""What codes should be: independent of each other, and recoverable from the event."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facsim.objectives.variational import LOG_ROOT_2PI


def total_correlation(code: Tensor, mean: Tensor, log_variance: Tensor, events: int) -> Tensor:
    """log q(z) - sum_d log q(z_d) at each code z [n, d], for posteriors N(mean, exp(log_variance)) of a batch out of `events`; [n].

    Its mean is zero where the dimensions of the code are independent. q(z) is the mixture of all posteriors, estimated from the batch by
    minibatch-weighted sampling. Source: Chen et al., Isolating sources of disentanglement in VAEs (2018), arXiv:1802.04942, section 4.1.
    """
    density = _log_normal(code[:, None], mean[None], log_variance[None])  # [code, posterior, d]
    offset = math.log(len(code) * events)
    joint = density.sum(2).logsumexp(1) - offset
    marginals = density.logsumexp(1) - offset
    return joint - marginals.sum(1)


def latent_regression(code: Tensor, recovered: Tensor) -> Tensor:
    """|z - E(G(z))|, the mean over the code of the absolute difference, for each event; [n, d], [n, d] -> [n].

    Source: Zhu et al., Toward multimodal image-to-image translation (2017), arXiv:1711.11586, eq. 6.
    """
    return (code - recovered).abs().mean(1)


def _log_normal(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return -0.5 * ((x - mean).square() * torch.exp(-log_variance) + log_variance) - LOG_ROOT_2PI
