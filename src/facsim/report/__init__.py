"""Figures and the HTML page that compares candidates with the truth; the only package that imports matplotlib."""

from facsim.report.page import write_report

__all__ = ["write_report"]
