"""The scorer of the Fast Calorimeter Simulation Challenge, as published."""

from facsim.evaluation.calochallenge.features import ShowerFeatures, shower_features
from facsim.evaluation.calochallenge.recipe import SCORES, Contest, auc_high, auc_low, auc_resnet, contest, fpd, kpd, manifold, separations
from facsim.evaluation.calochallenge.separation import separation_power, separation_powers
from facsim.evaluation.calochallenge.settings import CHALLENGES, Challenge, Form, data_set_of, require_scale

__all__ = [
    "CHALLENGES",
    "SCORES",
    "Challenge",
    "Contest",
    "Form",
    "ShowerFeatures",
    "auc_high",
    "auc_low",
    "auc_resnet",
    "contest",
    "data_set_of",
    "fpd",
    "kpd",
    "manifold",
    "require_scale",
    "separation_power",
    "separation_powers",
    "separations",
    "shower_features",
]
