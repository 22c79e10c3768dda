"""Observables: pure functions of events, each with label and unit, and the table of all."""

from facsim.evaluation.observables.summary import RANKS, THRESHOLDS, Summary, brightest
from facsim.evaluation.observables.table import OBSERVABLES, Column, Observable, applicable, columns, features

__all__ = ["OBSERVABLES", "RANKS", "THRESHOLDS", "Column", "Observable", "Summary", "applicable", "brightest", "columns", "features"]
