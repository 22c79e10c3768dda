"""Densities known exactly: the truth of the toy studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core import Events, FacsimError, Variable, Vector
from facsim.core.variables import checked_condition

Array = NDArray[Any]

DETECTOR = Vector(("x",))
SMALLEST = 1e-3  # of a Beta parameter: below it the density is two points


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian number x; the condition is its mean, the width is fixed. The prior's means are uniform between `mean_low` and `mean_high`.

    Examples:
        >>> Gaussian(width=0.5).simulate(np.zeros((4, 1)), np.random.default_rng(0)).response.shape
        (4, 1)
    """

    width: float = 1.0
    mean_low: float = 0.0
    mean_high: float = 0.0

    def __post_init__(self) -> None:
        if self.width <= 0:
            raise FacsimError("the Gaussian has no width", expected="a width > 0", got=self.width)
        if self.mean_low > self.mean_high:
            raise FacsimError("the range of means is empty", expected="mean_low <= mean_high", got=(self.mean_low, self.mean_high))

    @property
    def detector(self) -> Vector:
        """One number."""
        return DETECTOR

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The mean."""
        return (Variable("mean"),)

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """Means [n, 1]."""
        return rng.uniform(self.mean_low, self.mean_high, (n, 1)).astype(np.float32)

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """One number for each mean [n, 1]."""
        mean = checked_condition(condition, self.variables)
        return Events(mean, rng.normal(mean, self.width), self.detector, self.variables)

    def log_density(self, x: Array, condition: Array) -> Array:
        """Natural logarithm of the density of x, any shape that broadcasts with the mean."""
        return np.asarray(-0.5 * ((x - condition) / self.width) ** 2 - np.log(self.width * np.sqrt(2 * np.pi)))


@dataclass(frozen=True)
class Beta:
    """A Beta(a, b) number x between 0 and 1; the condition is (a, b), constant in the prior.

    Examples:
        >>> Beta().prior(1, np.random.default_rng(0))
        array([[2., 5.]], dtype=float32)
    """

    a: float = 2.0
    b: float = 5.0

    def __post_init__(self) -> None:
        if min(self.a, self.b) <= 0:
            raise FacsimError("a Beta density needs positive parameters", expected="a, b > 0", got=(self.a, self.b))

    @property
    def detector(self) -> Vector:
        """One number."""
        return DETECTOR

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The two shape parameters."""
        return tuple(Variable(name, low=SMALLEST) for name in ("a", "b"))

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """The same two parameters n times, [n, 2]."""
        return np.tile(np.array([self.a, self.b], dtype=np.float32), (n, 1))

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """One number for each pair of parameters [n, 2]."""
        condition = checked_condition(condition, self.variables)
        a, b = condition.T.astype(np.float64)
        return Events(condition, rng.beta(a, b)[:, None], self.detector, self.variables)
