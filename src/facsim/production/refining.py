"""A simulator and a refiner behind it: simulated events as data would have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facsim.core import Detector, Events, Variable
from facsim.core.contracts import Simulator
from facsim.core.events import Array
from facsim.surrogate.refinement import Refinement, require_alike


@dataclass(frozen=True, eq=False)
class Refining:
    """Simulates, then refines; the random numbers of both come from one stream.

    Raises:
        FacsimError: if the refiner was trained on another detector or other conditions.
    """

    simulator: Simulator
    refinement: Refinement

    def __post_init__(self) -> None:
        told, trained = self.simulator, self.refinement
        require_alike(told.detector, told.variables, trained.detector, trained.variables, "the simulator", "the refiner's training")

    @property
    def detector(self) -> Detector:
        """The simulator's."""
        return self.simulator.detector

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The simulator's."""
        return self.simulator.variables

    def simulate(self, condition: Array, rng: np.random.Generator) -> Events:
        """Refined events for the conditions [n, c]."""
        return self.refinement.refine(self.simulator.simulate(condition, rng), rng)
