"""What every simulator of the table must do."""

from __future__ import annotations

import inspect
import os
from importlib.util import find_spec

import numpy as np
import pytest

from facsim.core import FacsimError
from facsim.core.contracts import Simulator
from facsim.core.variables import width
from facsim.simulators import SIMULATORS
from facsim.simulators.geant4.datasets import NEEDED
from facsim.simulators.geant4.datasets import find as find_data

PYTHIA = pytest.mark.skipif(find_spec("pythia8mc") is None, reason="the extra pythia is not installed")
GEANT4 = pytest.mark.skipif(len(find_data(os.environ)) < len(NEEDED), reason="Geant4's data sets are not here")
OUTSIDE = {"lhcb-events": PYTHIA, "geant4": GEANT4}
pytestmark = pytest.mark.parametrize("name", [pytest.param(name, marks=OUTSIDE.get(name, ())) for name in SIMULATORS])
N = 40


def test_events_of_the_prior_fit_the_declared_form(name: str) -> None:
    simulator = SIMULATORS[name].build()
    contract: Simulator = simulator
    condition = simulator.prior(N, np.random.default_rng(0))
    events = contract.simulate(condition, np.random.default_rng(1))
    assert (events.detector, events.variables) == (simulator.detector, simulator.variables)
    assert events.response.shape == (N, *simulator.detector.shape)
    assert np.array_equal(events.condition, condition)
    assert not events.extrapolated.any()
    assert len(np.unique(events.cells.sum(1))) == N  # no two events alike


def test_deterministic_in_the_stream(name: str) -> None:
    simulator = SIMULATORS[name].build()
    condition = simulator.prior(N, np.random.default_rng(0))
    same = [simulator.simulate(condition, np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert same[0] == same[1]
    assert same[0] != same[2]


def test_events_keep_the_order_of_their_conditions(name: str) -> None:
    """Reversed conditions give responses that follow them: correlated with the condition as before."""
    simulator = SIMULATORS[name].build()
    condition = simulator.prior(N, np.random.default_rng(0))
    events = simulator.simulate(condition[::-1].copy(), np.random.default_rng(1))
    assert np.array_equal(events.condition, condition[::-1])
    if name.startswith("gflash"):
        total = events.cells.sum(1)
        assert np.corrcoef(np.log(total), np.log(events.condition[:, 0]))[0, 1] > 0.8


def test_wrong_columns_are_refused(name: str) -> None:
    simulator = SIMULATORS[name].build()
    with pytest.raises(FacsimError, match="condition has the wrong shape"):
        simulator.simulate(np.ones((3, width(simulator.variables) + 1)), np.random.default_rng(0))


def test_settings_are_plain_values_with_defaults(name: str) -> None:
    parameters = inspect.signature(SIMULATORS[name].build).parameters
    assert all(isinstance(p.default, int | float | str | bool) for key, p in parameters.items() if key not in SIMULATORS[name].folders)
    assert all(parameters[key].default is None for key in SIMULATORS[name].folders)
    assert "\n" not in SIMULATORS[name].description
