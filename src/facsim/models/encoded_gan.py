"""Adversarial networks with an encoder, which keeps the random code alive: VAE-GAN, conditional latent regressor, BicycleGAN.

Without it a generator of images at a condition learns to ignore its noise. Two ways round keep the code: response -> code -> response (the code
must tell what the condition does not), and code -> response -> code (different codes must give different responses).
Source: Larsen et al., Autoencoding beyond pixels using a learned similarity metric (2016), arXiv:1512.09300; Zhu et al., Toward multimodal
image-to-image translation (2017), arXiv:1711.11586; the LHCb HCAL study of 2019, section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from facsim.core.contracts import Batch, Objective
from facsim.core.errors import FacsimError
from facsim.models.adversarial import Rules, critic_terms, fooling_terms
from facsim.models.one_network import OneNetwork
from facsim.nets.critics import Critic
from facsim.nets.image_code import Encoder
from facsim.objectives.adversarial import weighted_mean
from facsim.objectives.energy import window_score
from facsim.objectives.latent import latent_regression
from facsim.objectives.matching import absolute_error
from facsim.objectives.penalties import clip_weights
from facsim.objectives.variational import kl_to_standard_normal


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What the two ways round weigh in the loss of generator and encoder.

    `x` weighs the L1 norm of a response less what is made of its code, of sums over `window` x `window` cells; `kl` the divergence of that code from
    the noise; `z` the distance of a code from what the encoder finds in the response made of it, the mean over its numbers. With `posterior` the
    critic also judges what is made of the codes of real responses.

    The source prints both distances as L1 norms and does not say whether they are sums or means. At its weights all terms have one size only if that
    of responses is a sum and that of codes a mean.

    `score`, which the source does not have, weighs the score of two events made at the same condition in windows of the sizes `windows` (see
    `window_score`).

    Raises:
        FacsimError: for a number below zero.
    """

    x: float = 0.0
    z: float = 0.0
    kl: float = 0.0
    posterior: bool = False
    window: int = 1
    score: float = 0.0
    windows: Sequence[int] = (1, 4, 16, 64)

    def __post_init__(self) -> None:
        for name in ("x", "z", "kl", "score"):
            if getattr(self, name) < 0:
                raise FacsimError(f"lambda_{name} is out of range", expected="a number >= 0", got=getattr(self, name))
        if not self.windows or min(self.windows) < 1:
            raise FacsimError("windows are out of range", expected="sizes of 1 or more", got=self.windows)
        if not (self.encodes or self.z):
            raise FacsimError("the encoder has nothing to do", expected="lambda_x, lambda_z or lambda_kl above 0, or posterior", got="none")

    @property
    def encodes(self) -> bool:
        """Whether real responses are encoded."""
        return bool(self.x or self.kl or self.posterior)


class EncodedGAN(OneNetwork):
    """A generator [n, code + conditions] -> responses, a critic, and an encoder of responses at their conditions.

    Generator and encoder step together. Where real responses are encoded, the encoder does not learn from made ones: the two would agree on
    codes hidden in the response (Zhu et al., section 3.4).
    """

    def __init__(
        self,
        condition_size: int,
        response_shape: tuple[int, ...],
        *,
        code: int,
        generator: nn.Module,
        critic: Critic,
        encoder: Encoder,
        rules: Rules,
        ways: Ways,
    ) -> None:
        super().__init__(condition_size, response_shape, code, generator)
        self.critic, self.encoder, self.rules, self.ways = critic, encoder, rules, ways

    def objectives(self) -> tuple[Objective, ...]:
        judges, limit = tuple(self.critic.parameters()), self.rules.clip
        after = None if limit is None else lambda: clip_weights(judges, limit)
        makers = (*self.generator.parameters(), *self.encoder.parameters())
        return (Objective("critic", self.critic_loss, judges, self.rules.critic_steps, after), Objective("generator", self.generator_loss, makers))

    def critic_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """How well the critic tells real events from those made of noise, and with `posterior` from those made of real events' codes."""
        with torch.no_grad():
            fakes = [self.sample_like(batch, rng)]
            if self.ways.posterior:
                fakes.append(self(batch.condition, _drawn(*self.encode(batch), rng)))
        return critic_terms(self.critic, self.rules, batch, fakes, rng)

    def generator_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """What the critic says of made events, and both ways round."""
        ways, n = self.ways, len(batch.weight)
        codes = [self.draw_noise(n, rng)]
        if ways.encodes:
            mean, log_variance = self.encode(batch)
            codes.append(_drawn(mean, log_variance, rng))
        if ways.score:
            codes.append(self.draw_noise(n, rng))
        fake, *others = self(batch.condition.repeat(len(codes), 1), torch.cat(codes)).chunk(len(codes))
        judged = [fake, others[0]] if ways.posterior else [fake]
        terms = {**fooling_terms(self.critic, self.rules, batch, judged), **self.code_terms(batch, codes[0], fake)}
        if ways.x:
            norm = batch.response[0].numel() * absolute_error(batch.response, others[0], batch.weight, ways.window)
            terms["reconstruction"] = ways.x * norm
        if ways.kl:
            terms["divergence"] = ways.kl * weighted_mean(kl_to_standard_normal(mean, log_variance), batch.weight)
        if ways.score:
            terms["score"] = ways.score * window_score(batch.response, fake, others[-1], batch.weight, ways.windows)
        return terms

    def code_terms(self, batch: Batch, noise: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """How far the code found in made events is from that which they were made of."""
        if not self.ways.z:
            return {}
        still = {name: p.detach() for name, p in self.encoder.named_parameters()} if self.ways.encodes else {}
        found, _ = functional_call(self.encoder, still, (batch.condition, fake))
        return {"code": self.ways.z * weighted_mean(latent_regression(noise, found), batch.weight)}

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the codes of the batch's responses, each [n, code]."""
        mean, log_variance = self.encoder(batch.condition, batch.response)
        return mean, log_variance


def _drawn(mean: Tensor, log_variance: Tensor, rng: torch.Generator) -> Tensor:
    """A code of each posterior."""
    return mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=rng, device=mean.device)
