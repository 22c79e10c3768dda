"""The classifier two-sample test: recipes `fast`, `official` and `official-resnet`."""

from facsim.evaluation.classifier.official import Official, OfficialResNet
from facsim.evaluation.classifier.result import ClassifierResult
from facsim.evaluation.classifier.training import Schedule
from facsim.evaluation.classifier.two_sample import RECIPES, Recipe, area_in_bin, two_sample_test

__all__ = ["RECIPES", "ClassifierResult", "Official", "OfficialResNet", "Recipe", "Schedule", "area_in_bin", "two_sample_test"]
