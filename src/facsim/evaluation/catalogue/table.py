"""The catalogue of published measures of generative models: each works here, or says why it does not apply.

Source of the list: A. Borji, Pros and cons of GAN evaluation measures, 2018, arXiv:1802.03446.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from facsim.core import FacsimError
from facsim.evaluation import diversity
from facsim.evaluation.catalogue import bins, density, images, labels, networks
from facsim.evaluation.classifier import two_sample_test
from facsim.evaluation.multivariate import (
    energy_distance,
    frechet_distance,
    frechet_physics_distance,
    gaussian_mmd,
    kernel_physics_distance,
    prd_curve,
    precision_recall_density_coverage,
    sliced_wasserstein,
)


@dataclass(frozen=True)
class Measure:
    """One measure: what it is in one line, where it comes from, the function that computes it or the reason why there is none."""

    name: str
    summary: str
    source: str
    function: Callable[..., Any] | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.function is None) != bool(self.reason):
            raise FacsimError(f"the measure {self.name!r} is incomplete", expected="either a function or a reason why there is none")


_LIST = (
    Measure(
        "log-likelihood", "mean log-density of truth under a kernel estimate of the candidate", "arXiv:1406.2661", density.average_log_likelihood
    ),
    Measure("coverage", "fraction of truth where the candidate has 95% of its mass", "arXiv:1701.02386", density.mass_coverage),
    Measure("inception-score", "how surely and how variedly a physics classifier answers", "arXiv:1606.03498", labels.inception_score),
    Measure(
        "modified-inception-score",
        "diversity within one class, from a classifier's answers",
        "arXiv:1706.02071",
        reason="answers within one class of a physics classifier hardly differ; `variety` at a fixed condition measures this directly",
    ),
    Measure("mode-score", "inception score that knows the class fractions of truth", "arXiv:1612.02136", labels.mode_score),
    Measure("am-score", "entropy of a physics classifier's answers and of its class fractions", "arXiv:1703.02000", labels.am_score),
    Measure("frechet-distance", "Frechet distance of Gaussians fitted to features", "arXiv:1706.08500", frechet_distance),
    Measure("frechet-physics-distance", "the same on physics features, extrapolated in sample size", "arXiv:2211.10295", frechet_physics_distance),
    Measure("kernel-physics-distance", "polynomial-kernel MMD of physics features", "arXiv:2211.10295", kernel_physics_distance),
    Measure("mmd", "maximum mean discrepancy with a Gaussian kernel", "JMLR 13 (2012) 723", gaussian_mmd),
    Measure("energy-distance", "2 E|X-Y| - E|X-X'| - E|Y-Y'|", "J. Stat. Plan. Inference 143 (2013) 1249", energy_distance),
    Measure("sliced-wasserstein", "Wasserstein-1 distance of random projections", "JMIV 51 (2015) 22", sliced_wasserstein),
    Measure("wasserstein-critic", "difference of a trained critic's means on held-out events", "arXiv:1701.07875", networks.wasserstein_critic),
    Measure("birthday-test", "how often two events almost coincide, against truth", "arXiv:1706.08224", diversity.birthday_ratio),
    Measure("classifier-two-sample-test", "AUC of a classifier of truth against candidate", "arXiv:1610.06545", two_sample_test),
    Measure("train-on-candidate", "accuracy on truth of a classifier trained on the candidate", "arXiv:1706.02633", labels.train_on_candidate),
    Measure("boundary-distortion", "accuracy lost by training on the candidate", "arXiv:1711.00970", labels.boundary_distortion),
    Measure("ndb", "number of statistically different bins", "arXiv:1805.12462", bins.different_bins),
    Measure("image-retrieval", "distances of truth to its nearest candidate and truth events", "arXiv:1612.00991", bins.retrieval),
    Measure("tournament", "generative adversarial metric: candidates before each other's judges", "arXiv:1602.05110", networks.tournament),
    Measure(
        "normalised-relative-discriminative-score",
        "how many epochs a classifier needs to tell a candidate from truth",
        "arXiv:1801.06790",
        reason="the number of epochs depends on the classifier's schedule; the held-out AUC asks the same question with an error",
    ),
    Measure(
        "adversarial-accuracy",
        "classifiers trained on truth and candidate compared on labelled truth",
        "arXiv:1703.01560",
        labels.train_on_candidate,
    ),
    Measure(
        "geometry-score",
        "topology of the data manifold, from witness complexes",
        "arXiv:1802.02664",
        reason="shower data fill their space without holes, so that the counts of holes carry no physics; density and coverage are used",
    ),
    Measure("prd", "precision-recall curve of distributions, from k-means", "arXiv:1806.00035", prd_curve),
    Measure(
        "precision-recall",
        "precision, recall, density and coverage from k-nearest-neighbour balls",
        "arXiv:2002.09797",
        precision_recall_density_coverage,
    ),
    Measure(
        "latent-reconstruction", "error of the closest event that a generator can make", "arXiv:1704.03971", networks.latent_reconstruction_error
    ),
    Measure("ssim", "structural similarity among pictures", "IEEE Trans. Image Proc. 13 (2004) 600", images.similarity_among),
    Measure("sharpness", "relative difference of neighbouring pixels", "arXiv:1511.05440", images.sharpness),
    Measure("power-spectrum", "mean power of pictures by spatial frequency", "Network 14 (2003) 391", images.power_spectrum),
    Measure("nearest-neighbours", "distances to the training set: memorisation", "arXiv:2004.05675", diversity.memorisation),
    Measure("mode-drop", "populations of known or found modes", "arXiv:1705.07761", diversity.modes),
    Measure("variety", "variance at a fixed condition, over the truth's", "LHCb HCAL thesis, 2019 (event variety)", diversity.variety),
    Measure(
        "rapid-scene-categorisation",
        "people tell candidate from truth at a glance",
        "arXiv:1506.05751",
        reason="it needs people, and a shower picture means nothing at a glance; the classifier two-sample test replaces them",
    ),
    Measure(
        "preference-judgement",
        "people rank candidates by how real they look",
        "arXiv:1612.03242",
        reason="it needs people, and looks are not the purpose of a shower; the tournament ranks candidates by judges that are trained",
    ),
    Measure(
        "network-internals",
        "inspection of latent spaces and learned features",
        "arXiv:1511.06434",
        reason="it looks into a model, while evaluation sees events alone",
    ),
)

MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _LIST}
