"""What of a shower may be adjusted to a full simulation or a test beam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.simulators.longitudinal import LOWEST_ALPHA, LOWEST_MAXIMUM, Profile

Array = NDArray[Any]
Line = tuple[float, float]

PIVOT = 7.0  # of ln(E / Ec), near 10 GeV in tungsten: lines are constant + slope (ln y - PIVOT)


@dataclass(frozen=True)
class Tuning:
    """Corrections to the printed profiles; the default changes nothing.

    `earlier`: X0 by which a shower starts before the formulas' start; `deeper`: X0 added to the depth of its maximum in the stack;
    `fuller`: a factor on alpha; all three are lines in ln y. `wider`: a factor on all radii.
    """

    earlier: Line = (0.0, 0.0)
    deeper: Line = (0.0, 0.0)
    fuller: Line = (1.0, 0.0)
    wider: float = 1.0

    def apply(self, profile: Profile, log_y: Array) -> Profile:
        """The profiles of showers with that ln y, corrected."""
        earlier = line(self.earlier, log_y)
        maximum = profile.maximum + line(self.deeper, log_y) + earlier
        alpha = profile.alpha * line(self.fuller, log_y)
        return Profile(np.maximum(maximum, LOWEST_MAXIMUM), np.maximum(alpha, LOWEST_ALPHA), profile.start - earlier)


AS_PRINTED = Tuning()


def line(coefficients: Line, log_y: Array) -> Array:
    """The line's value at ln y."""
    constant, slope = coefficients
    return np.asarray(constant + slope * (log_y - PIVOT))
