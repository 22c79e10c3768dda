"""The challenge's scores of a candidate: classifiers, Frechet and kernel physics distance, precision to coverage, separation powers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from facsim.core import Events, FacsimError, look_up, stream
from facsim.core.events import Array
from facsim.evaluation.calochallenge.features import ShowerFeatures, above_threshold, incident_energy, shower_features
from facsim.evaluation.calochallenge.separation import separation_powers, voxel_separation
from facsim.evaluation.calochallenge.settings import CHALLENGES, Challenge
from facsim.evaluation.classifier import ClassifierResult, Recipe, two_sample_test
from facsim.evaluation.multivariate import Estimate, frechet_physics_distance, kernel_physics_distance, precision_recall_density_coverage
from facsim.evaluation.multivariate.frechet import sampling_error

EMPTY_VOXEL = 0.1  # MeV: what an empty voxel counts as in the logarithms of precision and recall


@dataclass(frozen=True, eq=False)
class Contest:
    """Truth and candidate of one data set, thresholded, with their features.

    Raises:
        FacsimError: if the detectors differ or the number of voxels is not the data set's.
    """

    reference: Events
    candidate: Events
    challenge: Challenge

    def __post_init__(self) -> None:
        if self.reference.detector != self.candidate.detector:
            raise FacsimError("truth and candidate are of different detectors")
        if self.reference.detector.n_cells != self.challenge.voxels:
            found = self.reference.detector.n_cells
            raise FacsimError(f"the detector is not that of data set {self.challenge.name}", expected=f"{self.challenge.voxels} voxels", got=found)

    @cached_property
    def features(self) -> tuple[ShowerFeatures, ShowerFeatures]:
        """High-level features of truth and candidate."""
        return shower_features(self.reference, self.challenge.threshold), shower_features(self.candidate, self.challenge.threshold)

    @cached_property
    def voxels(self) -> tuple[Array, Array]:
        """Thresholded voxels in MeV, float32 [n, *shape] each."""
        return above_threshold(self.reference.response, self.challenge.threshold), above_threshold(self.candidate.response, self.challenge.threshold)

    @cached_property
    def condition(self) -> tuple[Array, Array]:
        """log10 of the incident energy in MeV, [n, 1] each."""
        return np.log10(incident_energy(self.reference))[:, None], np.log10(incident_energy(self.candidate))[:, None]


def contest(reference: Events, candidate: Events, data_set: str) -> Contest:
    """Truth and candidate of the data set named 1-photons, 1-pions, 2 or 3."""
    return Contest(reference, candidate, look_up(CHALLENGES, data_set, "data set of the CaloChallenge"))


def auc_low(c: Contest, *, recipe: str | Recipe = "official", seed: int = 0) -> ClassifierResult:
    """Classifier on log10 incident energy and voxels over incident energy."""
    x, y = (
        (v.reshape(len(v), -1) / incident_energy(e)[:, None]).astype(np.float32) for v, e in zip(c.voxels, (c.reference, c.candidate), strict=True)
    )
    return two_sample_test(x, y, condition=c.condition, recipe=recipe, seed=seed)


def auc_high(c: Contest, *, recipe: str | Recipe = "official", seed: int = 0) -> ClassifierResult:
    """Classifier on the high-level features (the incident energy is the first of them)."""
    x, y = (f.matrix.astype(np.float32) for f in c.features)
    return two_sample_test(x, y, recipe=recipe, seed=seed)


def auc_resnet(c: Contest, *, recipe: str | Recipe = "official-resnet", seed: int = 0) -> ClassifierResult:
    """The residual network on voxels over incident energy, for detectors whose layers are alike."""
    if c.reference.response.ndim != 4:
        raise FacsimError(
            "the residual network needs layers of equal form", expected="[n, layers, angles, rings]", got=list(c.reference.response.shape)
        )
    pairs = zip(c.voxels, (c.reference, c.candidate), strict=True)
    x, y = ((v / incident_energy(e)[:, None, None, None]).astype(np.float32) for v, e in pairs)
    return two_sample_test(x, y, condition=c.condition, recipe=recipe, seed=seed)


def fpd(c: Contest) -> Estimate:
    """Frechet physics distance of the features: sample sizes 10,000 to 50,000, drawn with replacement; the error is that of samples and fit."""
    x, y = (f.matrix for f in c.features)
    found = frechet_physics_distance(x, y, smallest=10_000)
    return Estimate(found.value, float(np.hypot(found.error, sampling_error(x, y))))


def kpd(c: Contest) -> Estimate:
    """Kernel physics distance of the features: 10 batches of 10,000."""
    return kernel_physics_distance(c.features[0].matrix, c.features[1].matrix, batch_size=10_000)


def manifold(c: Contest) -> dict[str, Estimate]:
    """Precision, recall, density and coverage (k = 5) of log10 of the voxel energies, empty voxels counted as 0.1 MeV, not standardised."""
    x, y = (np.log10(np.where(v == 0, EMPTY_VOXEL, v)).reshape(len(v), -1) for v in c.voxels)
    return precision_recall_density_coverage(x, y, standardise=False)


def separations(c: Contest, *, seed: int = 0) -> dict[str, Estimate]:
    """Separation power of each feature, and of the voxel energies, in the published binnings, with bootstrap errors."""
    rng = stream(seed, "separations")
    return {**separation_powers(*c.features, c.challenge, rng), "voxel energy": voxel_separation(*c.voxels, c.challenge.threshold, rng)}


SCORES: Mapping[str, Callable[[Contest], ClassifierResult | Estimate | dict[str, Estimate]]] = {
    "AUC low": auc_low,
    "AUC high": auc_high,
    "AUC ResNet": auc_resnet,
    "FPD": fpd,
    "KPD": kpd,
    "PRDC": manifold,
    "separation power": separations,
}
