"""Averaged weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from facsim.training import Settings, fit
from facsim.training.checkpoint import read_checkpoint
from facsim.training.ema import Ema

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


def norm_steps(model: nn.Sequential, ema: Ema, n: int) -> dict[int, float]:
    """Steps that double the weight of a scale before a batch norm, each with a batch of 1 and 3: the running means after each."""
    measured = {}
    for t in range(n):
        model(torch.tensor([[1.0], [3.0]]))
        with torch.no_grad():
            model[0].weight.mul_(2)
        ema.update(model.parameters(), t)
        measured[t] = model[1].running_mean.item()
    return measured


def scale_and_norm() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.ones_(model[0].weight)
    return model


def test_what_batch_norm_measured_is_averaged_with_the_weights() -> None:
    model = scale_and_norm()
    ema = Ema(model, DECAY)
    measured = norm_steps(model, ema, 6)
    assert measured[0] == pytest.approx(0.1 * 2.0)  # a tenth of the batch's mean
    assert measured[1] == pytest.approx(0.9 * measured[0] + 0.1 * 4.0)
    with ema.applied():
        assert model[1].running_mean.item() == pytest.approx(average(measured, 0.0))
        assert model[1].num_batches_tracked.item() == 6
    assert model[1].running_mean.item() == pytest.approx(measured[5])


def test_averaged_statistics_are_those_that_the_averaged_weights_measure() -> None:
    """A weight that swings between 1 and 3: its average 2 with the average statistics normalises the batch, with the last it does not."""
    model, x = scale_and_norm(), torch.tensor([[1.0], [3.0]])
    ema = Ema(model, 0.99)
    for t in range(2000):
        model(x)
        ema.update(model.parameters(), t)
        with torch.no_grad():
            model[0].weight.fill_(3.0 if t // 20 % 2 else 1.0)
    model.eval()
    last = model[1].running_mean.item()
    with ema.applied():
        assert model[0].weight.item() == pytest.approx(2.0, abs=0.15)
        assert model(x).mean().item() == pytest.approx(0.0, abs=0.1)
        model[1].running_mean.fill_(last)
        assert abs(model(x).mean().item()) > 0.3


def test_a_checkpoint_brings_the_averaged_statistics_back() -> None:
    first, second = scale_and_norm(), scale_and_norm()
    source, target = Ema(first, DECAY), Ema(second, DECAY)
    norm_steps(first, source, 3)
    target.restore(source.state())
    with source.applied(), target.applied():
        assert all(torch.equal(a, b) for a, b in zip(first[1].buffers(), second[1].buffers(), strict=True) if a.is_floating_point())


def test_constants_of_modules_without_parameters_stay() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.Identity())
    model[1].register_buffer("constant", torch.tensor(1.0))
    ema = Ema(model, DECAY)
    model[1].constant.fill_(5.0)
    ema.update(model.parameters(), 0)
    with ema.applied():
        assert model[1].constant.item() == 5.0
