"""The catalogue of measures of generative models (`facsim metrics list`)."""

from facsim.evaluation.catalogue.table import MEASURES, Measure

__all__ = ["MEASURES", "Measure"]
