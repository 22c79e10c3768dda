"""The published classifiers of the Fast Calorimeter Simulation Challenge: a wide perceptron, and a three-dimensional ResNet-18.

Source: C. Krause et al., CaloChallenge 2022, arXiv:2410.21611 (section 4) and the challenge's public evaluation settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.isotonic import IsotonicRegression
from torch import Tensor, nn

from facsim.core import FacsimError
from facsim.core.events import Array
from facsim.evaluation.classifier.encoding import columns
from facsim.evaluation.classifier.fast import Score
from facsim.evaluation.classifier.resnet import ResNet18
from facsim.evaluation.classifier.sample import Sample
from facsim.evaluation.classifier.training import Encode, Schedule, accuracy, fit_network

PUBLISHED = Schedule(epochs=50, batch=1000, rate=2e-4)
SMALLEST_PROBABILITY = 1e-6  # bounds of the isotonic calibration


@dataclass(frozen=True)
class Official:
    """The published perceptron: two hidden blocks of `hidden` after the first, no standardisation, float64 throughout.

    Smaller or shorter settings are for tests: their result must not be called official.
    """

    hidden: int = 2048
    schedule: Schedule = PUBLISHED
    dtype: torch.dtype = torch.float64

    def __call__(self, train: Sample, validation: Sample, seed: int) -> Score:
        """Train, keep the epoch of best accuracy on `validation`, calibrate there; the score is the probability to be truth."""
        return _calibrated(lambda: self._network(columns(train).shape[1]), self._encode, train, validation, schedule=self.schedule, seed=seed)

    def _network(self, inputs: int) -> nn.Module:
        h = self.hidden
        layers = [nn.Linear(inputs, h), nn.LeakyReLU(), nn.Linear(h, h), nn.LeakyReLU(), nn.Linear(h, h), nn.LeakyReLU(), nn.Linear(h, 1)]
        return nn.Sequential(*layers).to(self.dtype)

    def _encode(self, sample: Sample) -> Tensor:
        return torch.from_numpy(columns(sample)).to(self.dtype)


@dataclass(frozen=True)
class OfficialResNet:
    """The published 3D ResNet-18 on responses [n, layers, angles, rings]; the first condition column enters before the last layer."""

    schedule: Schedule = PUBLISHED
    dtype: torch.dtype = torch.float64

    def __call__(self, train: Sample, validation: Sample, seed: int) -> Score:
        """Train, keep the epoch of best accuracy on `validation`, calibrate there; the score is the probability to be truth."""
        conditions = train.condition.shape[1]
        return _calibrated(lambda: ResNet18(conditions).to(self.dtype), self._encode, train, validation, schedule=self.schedule, seed=seed)

    def _encode(self, sample: Sample) -> tuple[Tensor, Tensor]:
        cells, condition = torch.from_numpy(sample.response[:, None]), torch.from_numpy(sample.condition)
        return cells.to(self.dtype), condition.to(self.dtype)


def _calibrated(build: Callable[[], nn.Module], encode: Encode, train: Sample, validation: Sample, *, schedule: Schedule, seed: int) -> Score:
    if validation.weight is not None and validation.weight.min() < 0:
        raise FacsimError("the published classifiers cannot bear negative weights", remedy="use the recipe fast")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        score = fit_network(build(), encode, train, validation, schedule, seed=seed, quality=accuracy, perfect=1.0)
    probability = _sigmoid(score(validation))
    calibration = IsotonicRegression(out_of_bounds="clip", y_min=SMALLEST_PROBABILITY, y_max=1 - SMALLEST_PROBABILITY)
    calibration.fit(probability, validation.label, validation.weight)
    return lambda sample: np.asarray(calibration.predict(_sigmoid(score(sample))))


def _sigmoid(log_odds: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -50, 50))))
