"""The likelihood families on their whole path: fit on events, write a bundle, read it, the same events again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facsim.core import Detector, Events, RegularGrid, Variable, Vector, stream
from facsim.data.memory import InMemory
from facsim.models import MODELS
from facsim.studies.workflow import Plan, train
from facsim.surrogate import load_bundle, save_bundle
from facsim.training import Settings

SMALL: dict[str, dict[str, object]] = {
    "vae": {"hidden": [16]},
    "flow": {"hidden": [16], "transforms": 1},
    "flow-matching": {"hidden": [16], "steps": 2},
    "hits": {"width": 16, "blocks": 1},
    "two-stage": {"hidden": [16], "transforms": 1},
    "mixture": {"hidden": [16], "components": 2},
    "recurrent": {"hidden": [16], "memory": 16},
}
IMAGE, TABLE = RegularGrid((3, 4), (5.0, 5.0)), Vector(("x", "y"))


def events_of(detector: Detector) -> Events:
    rng = stream(0, "test")
    energy = rng.uniform(100, 200, (256, 1))
    response = rng.normal(size=(256, *detector.shape))
    if not detector.signed:
        response = np.maximum(response, 0) * energy.reshape(-1, *[1] * len(detector.shape))
    return Events(energy, response, detector, (Variable("energy", "MeV", 100, 200),))


@pytest.mark.parametrize(
    ("name", "detector"),
    [*((name, IMAGE) for name in SMALL), *((name, TABLE) for name in ("vae", "flow", "flow-matching", "two-stage", "mixture"))],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_trained_surrogate_is_the_same_after_its_bundle(name: str, detector: Detector, tmp_path: Path) -> None:
    settings = {k: v for k, v in MODELS[name].training.items() if k != "epochs"}
    plan = Plan(model=name, settings=SMALL[name], batch_size=64, training=Settings(epochs=2, **settings))
    surrogate, history = train(InMemory(events_of(detector), "test"), plan)
    assert len(history.rows) == 2
    save_bundle(surrogate, tmp_path / "bundle")
    condition = np.linspace(110, 190, 50)[:, None]
    one, two = (s.simulate(condition, stream(1, "sample")) for s in (surrogate, load_bundle(tmp_path / "bundle")))
    assert one == two
    assert one.response.std() > 0
