"""Settings of a study of a calorimeter reach the training, and a trial made with others is not taken for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facsim.core import Events, RegularGrid, Variable
from facsim.studies.calorimeter import Calorimeter, Model, Sample
from facsim.studies.keep import kept
from facsim.studies.study import Request, Trial

RATES = {"critic": 1e-6, "generator": 1e-5}
PARTS = Calorimeter(
    name="toy",
    models={"gan": Model(what="", family="gan", training={"learning_rate": RATES}, full=3)},
    scores=lambda *_: [],
    geant4_ms=1.0,
)
EVENTS = Events(np.ones((6, 1), np.float32), np.ones((6, 2, 2), np.float32), RegularGrid((2, 2), (1.0, 1.0)), (Variable("energy", "MeV", 0.0, 2.0),))


class StoppedError(Exception):
    pass


@pytest.mark.parametrize(
    ("settings", "events", "rate"),
    [({}, 6, RATES), ({"train_events": 4}, 4, RATES), ({"learning_rate": 1e-3}, 6, {"critic": 1e-4, "generator": 1e-3})],
)
def test_settings_reach_the_training(settings: dict[str, Any], events: int, rate: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    def train(source: Any, plan: Any, **_: Any) -> None:
        assert source.n == events
        assert plan.training.learning_rate == pytest.approx(rate)
        raise StoppedError

    monkeypatch.setattr("facsim.studies.workflow.train", train)
    with pytest.raises(StoppedError):
        PARTS.trained("gan", 0, Sample(EVENTS, EVENTS, "toy"), Request(("gan",), (0,), True, settings=settings))


def test_a_trial_of_other_settings_is_made_anew(tmp_path: Path) -> None:
    made = []
    runs: list[dict[str, Any]] = [{}, {"train_events": 4}, {"train_events": 4}, {"learning_rate": 1e-3}, {}]
    for settings in runs:

        def make(settings: dict[str, Any] = settings) -> Trial:
            made.append(settings)
            return Trial("gan", 0, ())

        request = Request(("gan",), (0,), True, settings=settings, out=tmp_path)
        kept(request, "gan", 0, PARTS._key("gan", request), make)
    assert made == [runs[0], runs[1], runs[3], runs[4]]
