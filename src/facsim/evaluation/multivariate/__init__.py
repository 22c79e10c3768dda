"""Distances between samples of many columns: truth x [n, d], candidate y [m, d], plain arrays."""

from facsim.evaluation.multivariate.energy import energy_distance, plain_energy_distance
from facsim.evaluation.multivariate.frechet import frechet_distance, frechet_physics_distance, gaussian_frechet
from facsim.evaluation.multivariate.kernel import gaussian_mmd, kernel_physics_distance, polynomial_mmd
from facsim.evaluation.multivariate.manifold import expected_coverage, precision_recall_density_coverage
from facsim.evaluation.multivariate.prd import PrdCurve, prd_curve
from facsim.evaluation.multivariate.samples import Estimate
from facsim.evaluation.multivariate.sliced import sliced_wasserstein

__all__ = [
    "Estimate",
    "PrdCurve",
    "energy_distance",
    "expected_coverage",
    "frechet_distance",
    "frechet_physics_distance",
    "gaussian_frechet",
    "gaussian_mmd",
    "kernel_physics_distance",
    "plain_energy_distance",
    "polynomial_mmd",
    "prd_curve",
    "precision_recall_density_coverage",
    "sliced_wasserstein",
]
