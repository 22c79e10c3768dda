"""Background subtracted by weights: a mass is fitted, every event weighted by what it tells of the signal, and the mass dropped.

Source: Pivk and Le Diberder, sPlot (2005), physics/0402083; Dembinski, Kenzie, Langenbruch and Schmelling, Custom orthogonal weight functions (2021),
arXiv:2112.04574 (library `sweights`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr

from facsim.core import Events, FacsimError
from facsim.core.events import Array
from facsim.core.variables import column_index

BINS = 400  # of the mass, in which it is fitted
FEWEST = 1000  # events that a fit of five numbers needs
SIGNIFICANT = 5.0  # a peak has more events than this times the square root of all


@dataclass(frozen=True)
class MassFit:
    """What a fit of a Gaussian on an exponential found between `low` and `high`: yields, place and width of the peak, slope of the background."""

    low: float
    high: float
    signal: float
    background: float
    peak: float
    width: float
    slope: float

    def signal_density(self, mass: Array) -> Array:
        """Density of the peak, normalised in the range."""
        inside = ndtr((self.high - self.peak) / self.width) - ndtr((self.low - self.peak) / self.width)
        return np.asarray(np.exp(-0.5 * ((mass - self.peak) / self.width) ** 2) / (np.sqrt(2 * np.pi) * self.width * inside))

    def background_density(self, mass: Array) -> Array:
        """Density of the exponential exp(slope (mass - low) / (high - low)), normalised in the range."""
        span = self.high - self.low
        area = span * (np.expm1(self.slope) / self.slope if abs(self.slope) > 1e-6 else 1.0)
        return np.asarray(np.exp(self.slope * (mass - self.low) / span) / area)


def fit_mass(mass: Array) -> MassFit:
    """The extended maximum-likelihood fit of a mass [n], in bins.

    Raises:
        FacsimError: if there are too few events, or no peak is found.
    """
    if len(mass) < FEWEST or np.ptp(mass) == 0:
        raise FacsimError("the mass cannot be fitted", expected=f"{FEWEST} or more events of different masses", got=f"{len(mass)} events")
    low, high = float(mass.min()), float(mass.max())
    counts, edges = np.histogram(mass.astype(np.float64), BINS, (low, high))
    centres, n = (edges[:-1] + edges[1:]) / 2, len(mass)

    def of(numbers: Array) -> MassFit:
        share, peak, log_width, slope = numbers.tolist()
        return MassFit(low, high, n * share, n * (1 - share), low + peak * (high - low), float(np.exp(log_width)) * (high - low), slope)

    def surprise(numbers: Array) -> float:
        fit = of(numbers)
        expected = fit.signal * fit.signal_density(centres) + fit.background * fit.background_density(centres)
        return float(-(counts * np.log(np.maximum(expected, 1e-300))).sum() / n)

    rough = (centres[np.convolve(counts, np.ones(BINS // 20), "same").argmax()] - low) / (high - low)
    limits = [(1e-3, 1 - 1e-3), (0.02, 0.98), (np.log(2 / BINS), np.log(0.3)), (-50.0, 50.0)]
    found = minimize(surprise, [0.5, rough, np.log(0.05), -0.5], method="L-BFGS-B", bounds=limits)
    fit = of(found.x)
    if not found.success or fit.signal < SIGNIFICANT * np.sqrt(n):
        raise FacsimError("no peak was found in the mass", expected="a Gaussian on a slope", got=fit, remedy="choose the range of the mass")
    return fit


def subtract_background(events: Events, mass: str = "mass") -> tuple[Events, MassFit]:
    """The events without the column `mass`, weighted so that background cancels, and the fit; weights add up to the signal's yield.

    All that is weighted must be independent of the mass within signal and background.

    Raises:
        FacsimError: if there is no such column, the events have weights already, the library is missing, or the fit fails.
    """
    column = column_index(events.variables, mass)
    if events.weight is not None:
        raise FacsimError("the events have weights already", expected="events as they were measured")
    fit = fit_mass(events.condition[:, column])
    others = [i for i in range(events.condition.shape[1]) if i != column]
    variables = tuple(v for v in events.variables if v.name != mass)
    return replace(events, condition=events.condition[:, others], variables=variables, weight=signal_weights(events.column(mass), fit)), fit


def signal_weights(mass: Array, fit: MassFit) -> Array:
    """The sWeight of the signal for each mass, [n]: from the densities and yields of the fit."""
    x = mass.astype(np.float64)
    densities, yields = [fit.signal_density, fit.background_density], [fit.signal, fit.background]
    splot = _library()(x, densities, yields, discvarranges=[(fit.low, fit.high)], method="summation", checks=False)
    return np.asarray(splot.get_weight(0, x), dtype=np.float32)


def smoothed(events: Events, seed: int = 0) -> Events:
    """The events, each weight replaced by its mean at the event's condition and response, from boosted trees: a probability of signal in [0, 1].

    The mean of sWeights is that probability, so that nothing changes on average, and no weight is negative. The trees find it only roughly: where
    background is far from the signal some of it stays. Of kaons at 18-50 GeV (`rich-calibration`, 1.1 million tracks) the ROC area comes out 0.009
    too small, seven times the error of the weights as they were; so smooth only for a density that cannot bear negative weights.
    Source: Borisyak and Kazeev, Machine learning on data with sPlot background subtraction (2019), arXiv:1905.11719.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    seen = np.column_stack([events.condition, events.cells])
    trees = HistGradientBoostingRegressor(max_iter=400, early_stopping=True, random_state=seed).fit(seen, events.weights)
    return replace(events, weight=trees.predict(seen).clip(0, 1))


def _library() -> Any:
    try:
        from sweights import SWeight
    except ImportError as error:
        raise FacsimError("sWeights need the library sweights", remedy="pip install 'facsim[splot]'") from error
    return SWeight
