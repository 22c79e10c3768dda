"""Averaged weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facsim.training import Settings, fit
from facsim.training.checkpoint import read_checkpoint

RATE, DECAY = 0.1, 0.7


def average(weights: dict[int, float], first: float) -> float:
    """The slow twin: the average over weights[t], each reached in step t."""
    mean = first
    for t, w in weights.items():
        decay = min(DECAY, (1 + t) / (10 + t))
        mean = decay * mean + (1 - decay) * w
    return mean


def settings(**kwargs: Any) -> Settings:
    return Settings(**{"epochs": 3, "optimiser": "sgd", "learning_rate": RATE, "ema": DECAY, "device": "cpu", **kwargs})


def test_fit_ends_with_the_average_and_the_checkpoint_has_the_weights(weight: Any, batches: Any, tmp_path: Path) -> None:
    model = weight(w=2.0)
    fit(model, [model.slope("w")], batches, settings(), folder=tmp_path)
    weights = {t: 2.0 - RATE * (t + 1) for t in range(30)}
    assert model.w.item() == pytest.approx(average(weights, 2.0))
    assert float(read_checkpoint(tmp_path)["run"]["model"]["w"]) == pytest.approx(2.0 - RATE * 30)


def test_only_the_objective_that_stepped_is_averaged(weight: Any, batches: Any) -> None:
    model = weight(a=0.0, b=0.0)
    fit(model, [model.slope("a", repeats=2), model.slope("b")], batches, settings())
    own = {t: -RATE * (t // 3 + 1) for t in range(30) if t % 3 == 2}
    assert model.b.item() == pytest.approx(average(own, 0.0))


def test_validation_sees_the_average_in_evaluation_mode(weight: Any, batches: Any) -> None:
    model, seen = weight(w=0.0), []

    def validate(m: Any) -> dict[str, float]:
        seen.append((m.w.item(), m.training))
        return {"w": m.w.item()}

    modes = []
    history = fit(model, [model.slope("w")], batches, settings(), validate=validate, on_progress=lambda p: modes.append(model.training))
    ends = [average({t: -RATE * (t + 1) for t in range(10 * epoch)}, 0.0) for epoch in (1, 2, 3)]
    assert [w for w, _ in seen] == pytest.approx(ends)
    assert [training for _, training in seen] == [False] * 3
    assert all(modes)
    assert not model.training
    assert history.columns()["validation/w"] == pytest.approx(ends)
