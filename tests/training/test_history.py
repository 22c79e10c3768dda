"""The history, its log, the progress, early stopping, and losses that are not finite."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from facsim.core import FacsimError
from facsim.core.contracts import Objective
from facsim.objectives.penalties import clip_weights
from facsim.training import History, Progress, Settings, fit, progress, read_history
from facsim.training.checkpoint import read_checkpoint
from facsim.training.history import LOG

RATE = 0.1


def settings(**kwargs: Any) -> Settings:
    return Settings(**{"epochs": 3, "optimiser": "sgd", "learning_rate": RATE, "device": "cpu", **kwargs})


def test_rows_have_the_means_of_the_terms(weight: Any, batches: Any, tmp_path: Path) -> None:
    model = weight(a=0.0, b=0.0)
    history = fit(model, [model.slope("a", repeats=4), model.slope("b")], batches, settings(), folder=tmp_path, validate=lambda m: {"sum": 1.5})
    columns = history.columns()
    assert list(columns) == ["epoch", "step", "seconds", "a/loss", "b/loss", "validation/sum", "a/gradient", "b/gradient"]
    assert columns["epoch"] == [1, 2, 3]
    assert columns["step"] == [10, 20, 30]
    assert columns["a/loss"] == pytest.approx([-RATE * (sum(range(8)) / 8 + 8 * epoch) for epoch in range(3)])
    assert columns["b/loss"] == pytest.approx([-RATE * (0.5 + 2 * epoch) for epoch in range(3)])
    assert columns["validation/sum"] == [1.5] * 3
    assert columns["a/gradient"] == columns["b/gradient"] == [1.0] * 3
    assert list(history.terms()) == ["loss", "sum"]
    assert read_history(tmp_path) == columns


@pytest.mark.parametrize("clip", [None, 0.5, 100.0])
def test_the_gradient_is_the_mean_norm_before_clipping(clip: float | None, weight: Any, batches: Any) -> None:
    model, step = weight(w=[0.0, 0.0]), iter(range(30))

    def slopes_of_step(batch: Any, rng: Any) -> dict[str, torch.Tensor]:
        k = next(step)
        return {"across": 3 * k * model.w[0], "along": 4 * k * model.w[1]}

    ramp = Objective("w", slopes_of_step, (model.w,))
    history = fit(model, [ramp], batches, settings(clip=clip))
    assert history.columns()["w/gradient"] == pytest.approx([5 * (10 * epoch + 4.5) for epoch in range(3)])


def test_a_critic_clipped_to_nothing_shows_in_the_generators_gradient(gan: Any, batches: Any) -> None:
    """Its loss stays finite and steady: the norm alone tells that the generator learns nothing."""

    def gradient(limit: float) -> list[float]:
        model = gan()
        critic, generator = model.objectives()
        collapse = replace(critic, after_step=lambda: clip_weights(critic.parameters, limit))
        return fit(model, [collapse, generator], batches, settings()).columns()["generator/gradient"]

    assert gradient(0.0) == [0.0] * 3
    assert min(gradient(0.5)) > 1e-3


def test_a_term_that_comes_rarely_is_averaged_over_its_steps(weight: Any, batches: Any, tmp_path: Path) -> None:
    model, step = weight(w=0.0), iter(range(100))

    def loss(batch: Any, rng: Any) -> dict[str, torch.Tensor]:
        k = next(step)
        return {"always": model.w * 0, **({"rare": model.w * 0 + k} if k >= 20 and k % 5 == 0 else {})}

    fit(model, [Objective("w", loss, (model.w,))], batches, settings(), folder=tmp_path)
    rare = read_history(tmp_path)["w/rare"]
    assert math.isnan(rare[0])
    assert math.isnan(rare[1])
    assert rare[2] == (20 + 25) / 2


def test_log_keeps_every_bit(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "a": 1 / 3, "b": math.inf}, {"epoch": 2, "a": 5e-324, "b": -0.1}]
    History(rows).write(tmp_path)
    assert read_history(tmp_path) == History(rows).columns()


@pytest.mark.parametrize("text", ["epoch,a\n1,x\n", "epoch,a\n1\n"])
def test_a_log_that_is_no_table_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / LOG).write_text(text)
    with pytest.raises(FacsimError, match="no table of numbers"):
        read_history(tmp_path)


def test_a_missing_log_is_told(tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match="no log in"):
        read_history(tmp_path)


def test_progress_counts_steps_and_epochs(weight: Any, batches: Any) -> None:
    model, seen = weight(w=0.0), []
    fit(model, [model.slope("w")], batches, settings(), on_progress=seen.append)
    assert [(p.epoch, p.step) for p in seen] == [((k - 1) // 10 + 1, k) for k in range(1, 31)]
    assert {(p.epochs, p.steps) for p in seen} == {(3, 30)}
    assert seen[12].losses == pytest.approx({"w/loss": -RATE * 11})  # the mean of steps 10, 11, 12
    assert seen[-1].seconds_left == 0
    assert all(isinstance(p, Progress) and p.seconds >= 0 for p in seen)


def test_time_left_is_that_of_the_pace_since_the_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 106.0, 106.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    clock = progress.Clock(before=50.0, step=10)
    assert clock.seconds() == 56.0
    assert clock.seconds_left(step=13, steps=20) == pytest.approx(7 * 2.0)


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 7), (3, 9), (None, 9)])
def test_patience_ends_the_fit(patience: int | None, epochs: int, weight: Any, batches: Any) -> None:
    model, values = weight(w=0.0), iter([3.0, 2.0, 2.0, 1.0, 0.9, 1.1, math.nan, 0.8, 0.7])
    history = fit(model, [model.slope("w")], batches, settings(epochs=9, patience=patience), validate=lambda m: {"value": next(values), "x": 0.0})
    assert len(history.rows) == epochs
    assert model.w.item() == pytest.approx(-RATE * 10 * epochs)


def test_without_validation_the_training_loss_is_watched(weight: Any, batches: Any) -> None:
    model = weight(w=0.0)
    falling = fit(model, [model.slope("w")], batches, settings(epochs=5, patience=1))
    constant = fit(model, [Objective("w", lambda b, r: {"l": model.w * 0}, (model.w,))], batches, settings(epochs=5, patience=2))
    assert (len(falling.rows), len(constant.rows)) == (5, 3)


def poisoned(model: Any, bad_step: int, poison: float) -> Objective:
    step = iter(range(1, 100))
    return Objective("w", lambda b, r: {"fine": model.w, "bad": model.w + (poison if next(step) == bad_step else 0.0)}, (model.w,))


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_fit_and_spares_the_checkpoint(poison: float, weight: Any, batches: Any, tmp_path: Path) -> None:
    model = weight(w=1.0)
    with pytest.raises(FacsimError) as caught:
        fit(model, [poisoned(model, 14, poison)], batches, settings(checkpoint_seconds=0), folder=tmp_path)
    for part in ("loss of w", "epoch 2, step 14", f"w/bad = {poison:g}", "lower the learning rate"):
        assert part in str(caught.value)
    saved = read_checkpoint(tmp_path)["run"]
    assert saved["step"] == 13
    assert saved["model"]["w"].item() == pytest.approx(1 - 2 * RATE * 13)
    fit(model, [poisoned(model, 99, poison)], batches, settings(checkpoint_seconds=0), folder=tmp_path, resume=True)
    assert model.w.item() == pytest.approx(1 - 2 * RATE * 30)


def test_weights_that_are_not_finite_reach_no_checkpoint(weight: Any, batches: Any, tmp_path: Path) -> None:
    model = weight(w=0.0)

    def cusp(batch: Any, rng: Any) -> dict[str, torch.Tensor]:
        return {"loss": (model.w * model.w).sqrt()}  # 0 at w = 0, with a gradient of 0 / 0

    with pytest.raises(FacsimError, match="parameter w is not finite after step 1"):
        fit(model, [Objective("w", cusp, (model.w,))], batches, settings(checkpoint_seconds=0), folder=tmp_path)
    assert list(tmp_path.glob("*.safetensors*")) == []
