"""Measures that train or search: the Wasserstein critic, the tournament, reconstruction by latent search."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from facsim.core import FacsimError, stream
from facsim.core.events import Array
from facsim.evaluation.classifier.fast import fit_fast
from facsim.evaluation.classifier.result import area
from facsim.evaluation.classifier.sample import labelled
from facsim.evaluation.multivariate.samples import Estimate, parts, standardised

PENALTY, STEPS, BATCH, RATE = 10.0, 600, 256, 2e-3


def wasserstein_critic(x: Array, y: Array, *, seed: int = 0) -> Estimate:
    """Mean of a trained critic over held-out truth minus over held-out candidate events: a lower bound of the Wasserstein-1 distance.

    Halves of x [n, d] and y [m, d], in units of the truth's spread, train the critic (slopes above one are penalised) and are scored.

    Source: M. Arjovsky et al., Wasserstein GAN, 2017, arXiv:1701.07875; H. Petzka et al., On the regularization of Wasserstein GANs, 2017,
    arXiv:1709.08894 (one-sided penalty).
    """
    x, y = standardised(x, y, fewest=40)
    halves = [[torch.from_numpy(h).float() for h in parts(s, 2, seed)] for s in (x, y)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(stream(seed, "critic").integers(2**31)))
        critic = _trained_critic(*(train for train, _ in halves))
    with torch.no_grad():
        held_out = [critic(test).double() for _, test in halves]
    error = np.sqrt(sum(float(h.var()) / len(h) for h in held_out))
    return Estimate(float(held_out[0].mean() - held_out[1].mean()), float(error))


def _trained_critic(x: Tensor, y: Tensor) -> nn.Module:
    critic = nn.Sequential(nn.Linear(x.shape[1], 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
    optimiser = torch.optim.Adam(critic.parameters(), lr=RATE, betas=(0.5, 0.9))
    for _ in range(STEPS):
        a, b = (s[torch.randint(len(s), (BATCH,))] for s in (x, y))
        between = torch.lerp(a, b, torch.rand(BATCH, 1)).requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        loss = critic(b).mean() - critic(a).mean() + PENALTY * (slope.norm(dim=1) - 1).clamp(min=0).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return critic


def tournament(truth: Array, candidates: Mapping[str, Array], *, seed: int = 0) -> dict[str, float]:
    """Mean area under the curve of each candidate against the truth, over the judges of the other candidates: the lower, the stronger.

    A judge is a classifier trained on truth [n, ...] against one candidate; it then scores another candidate, which it has never seen. An area
    of 0.5 says that the others' judges are fooled.

    Source: D. J. Im et al., Generating images with recurrent adversarial networks, 2016, arXiv:1602.05110 (generative adversarial metric);
    C. Olsson et al., Skill rating for generative models, 2018, arXiv:1808.04888.

    Raises:
        FacsimError: for fewer than two candidates.
    """
    if len(candidates) < 2:
        raise FacsimError("a tournament needs players", expected="two candidates or more", got=len(candidates))
    areas = {(a, b): _judged(truth, candidates[a], candidates[b], seed) for a in candidates for b in candidates if a != b}
    return {name: float(np.mean([found for (player, _), found in areas.items() if player == name])) for name in candidates}


def _judged(truth: Array, player: Array, rival: Array, seed: int) -> float:
    """Area of truth against `player` from a classifier trained on truth against `rival`."""
    (train, validation, test), (rival_train, rival_validation) = parts(truth, 3, seed), parts(rival, 2, seed)
    judge = fit_fast(labelled(train, rival_train), labelled(validation, rival_validation), seed)
    scored = labelled(test, player)
    return area(judge(scored), scored.label)[0]


def latent_reconstruction_error(
    generate: Callable[[Tensor], Tensor], x: Array, *, latent: int, steps: int = 300, rate: float = 0.05, seed: int = 0
) -> Array:
    """Root-mean-square difference of each truth event x [n, ...] to the closest event that `generate` (noise [n, latent] -> [n, ...]) can make.

    The noise is found by gradient descent from a standard normal start, every event by itself.

    Source: S. Xiang, H. Li, On the effects of batch and weight normalization in GANs, 2017, arXiv:1704.03971.
    """
    target = torch.from_numpy(np.asarray(x, dtype=np.float32)).flatten(1)
    start = stream(seed, "latent search").standard_normal((len(x), latent)).astype(np.float32)
    noise = torch.from_numpy(start).requires_grad_()
    optimiser = torch.optim.Adam([noise], lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        (generate(noise).flatten(1) - target).square().mean(1).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        return np.asarray((generate(noise).flatten(1) - target).square().mean(1).sqrt())
