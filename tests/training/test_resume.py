"""A fit that was interrupted and resumed is the fit that was not, bit by bit."""

from __future__ import annotations

import math
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from facsim.core import FacsimError
from facsim.core.contracts import Objective
from facsim.training import Settings, fit, read_history
from facsim.training.checkpoint import NAME, read_checkpoint, write_checkpoint
from facsim.training.history import LOG
from facsim.training.interrupt import Interrupt

FULL = Settings(epochs=4, learning_rate=0.01, betas=(0.5, 0.9), schedule="cosine", clip=1.0, ema=0.9, seed=3, device="cpu", checkpoint_seconds=1e9)
CONSTANT = replace(FULL, schedule="constant")


def train(model: Any, batches: Any, settings: Settings = FULL, **kwargs: Any) -> Any:
    fit(model, model.objectives(), batches, settings, validate=lambda m: {"bias": float(m.critic[0].bias.sum())}, **kwargs)
    return model


def stop_at(step: int, number: signal.Signals = signal.SIGINT) -> Any:
    return lambda progress: signal.raise_signal(number) if progress.step == step else None


def interrupt(model: Any, batches: Any, step: int, folder: Path, settings: Settings = FULL, **kwargs: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(model, batches, settings, folder=folder, on_progress=stop_at(step), **kwargs)


def columns(folder: Path) -> dict[str, list[float]]:
    return {name: values for name, values in read_history(folder).items() if name != "seconds"}


@given(steps=st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True).map(sorted))
@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_interruptions_leave_no_trace(steps: list[int], gan: Any, batches: Any, same: Any, tmp_path_factory: Any) -> None:
    whole, parts = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("parts")
    for step in steps:
        interrupt(gan(), batches, step, parts, resume=True)
        assert read_checkpoint(parts)["run"]["step"] == step
    resumed = train(gan(seed=9), batches, folder=parts, resume=True)  # the first weights are those of the checkpoint
    assert same(resumed, train(gan(), batches, folder=whole))
    assert columns(parts) == columns(whole)
    for name in ("model", "optimisers", "ema", "rng", "global_rng"):
        left, right = read_checkpoint(parts)["run"][name], read_checkpoint(whole)["run"][name]
        assert str(left) == str(right)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimiser_resumes(optimiser: str, gan: Any, batches: Any, same: Any, tmp_path: Path) -> None:
    momentum = 0.5 if optimiser in ("rmsprop", "sgd") else None
    settings = replace(FULL, optimiser=optimiser, betas=None, momentum=momentum)
    interrupt(gan(), batches, 17, tmp_path, settings)
    assert same(train(gan(), batches, settings, folder=tmp_path, resume=True), train(gan(), batches, settings))


def forget(saved: dict[str, Any], fresh: dict[str, Any], part: str) -> None:
    """Put one part of a checkpoint back to what it was after the first step."""
    if part in ("exp_avg", "exp_avg_sq"):
        for state in saved["optimisers"]["critic"]["state"].values():
            state[part].zero_()
    elif part == "buffers":
        saved["model"].update({name: value for name, value in fresh["model"].items() if "running" in name})
    else:
        saved[part] = fresh[part]


@pytest.mark.parametrize("part", ["rng", "global_rng", "step", "ema", "exp_avg", "exp_avg_sq", "model", "buffers"])
def test_a_checkpoint_without_a_part_would_be_noticed(part: str, gan: Any, batches: Any, same: Any, tmp_path: Path) -> None:
    fresh, folder = tmp_path / "fresh", tmp_path / "run"
    interrupt(gan(), batches, 1, fresh)
    interrupt(gan(), batches, 22, folder)
    whole = train(gan(), batches)
    saved = read_checkpoint(folder)
    forget(saved["run"], read_checkpoint(fresh)["run"], part)
    write_checkpoint(folder, saved)
    assert not same(train(gan(), batches, folder=folder, resume=True), whole)


def test_the_epochs_means_and_early_stopping_survive(gan: Any, batches: Any, tmp_path: Path) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    train(gan(), batches, folder=whole)
    interrupt(gan(), batches, 25, run)
    saved = read_checkpoint(run)
    assert saved["run"]["means"]["counts"]["critic/real"] == 4  # of steps 21 to 25, one is the generator's
    saved["run"]["means"]["sums"]["critic/real"] += 1.0
    write_checkpoint(run, saved)
    train(gan(), batches, folder=run, resume=True)
    left, right = columns(run)["critic/real"], columns(whole)["critic/real"]
    assert left[2] != right[2]
    assert left[:2] + left[3:] == right[:2] + right[3:]


def test_a_checkpoint_from_before_gradients_were_recorded_goes_on(gan: Any, batches: Any, same: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, 20, tmp_path)
    saved = read_checkpoint(tmp_path)
    del saved["run"]["gradients"]
    saved["run"]["history"] = [{k: v for k, v in row.items() if not k.endswith("gradient")} for row in saved["run"]["history"]]
    write_checkpoint(tmp_path, saved)
    assert same(train(gan(), batches, folder=tmp_path, resume=True), train(gan(), batches))
    for name in ("critic/gradient", "generator/gradient"):
        recorded = columns(tmp_path)[name]
        assert [math.isnan(value) for value in recorded] == [True, True, False, False]
        assert min(recorded[2:]) > 0


@pytest.mark.parametrize("step", [15, 30])
def test_patience_goes_on_counting(step: int, weight: Any, batches: Any, tmp_path: Path) -> None:
    def run(settings: Settings, **kwargs: Any) -> int:
        model = weight(w=0.0)
        values = [5.0, 1.0, 2.0, 3.0, 4.0, 5.0]
        history = fit(
            model,
            [model.slope("w", 0.0)],
            batches,
            settings,
            folder=tmp_path,
            resume=True,
            validate=lambda m: {"value": values[int(counter[0])]},
            on_progress=lambda p: (counter.__setitem__(0, p.epoch - 1), kwargs.get("stop", lambda p: None)(p)),
        )
        return len(history.rows)

    counter, settings = [0], Settings(epochs=6, patience=3, device="cpu")
    with pytest.raises(KeyboardInterrupt):
        run(settings, stop=stop_at(step))
    assert run(settings) == 5
    assert run(settings) == 5  # nothing is left to do
    assert run(replace(settings, patience=4)) == 6
    with pytest.raises(FacsimError, match="less patience"):
        run(settings)


@pytest.mark.parametrize("seconds", [0.0, 0.003, 1e9])
def test_when_checkpoints_are_written_does_not_matter(seconds: float, gan: Any, batches: Any, same: Any, tmp_path: Path) -> None:
    kept = train(gan(), batches, replace(FULL, checkpoint_seconds=seconds), folder=tmp_path)
    assert same(kept, train(gan(), batches))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_leaves_a_checkpoint(number: signal.Signals, gan: Any, batches: Any, tmp_path: Path) -> None:
    model, handlers = gan(), [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt):
        train(model, batches, folder=tmp_path, on_progress=stop_at(7, number))
    saved = read_checkpoint(tmp_path)["run"]
    assert saved["step"] == 7
    assert torch.equal(saved["model"]["critic.0.weight"], model.critic[0].weight)
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_second_signal_does_not_wait(gan: Any, batches: Any, tmp_path: Path) -> None:
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started the tests with the signal ignored
    reached = []

    def twice(progress: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        reached.append(progress.step)

    with pytest.raises(KeyboardInterrupt):
        train(gan(), batches, folder=tmp_path, on_progress=twice)
    signal.signal(signal.SIGINT, ours)
    assert (reached, list(tmp_path.glob(NAME))) == ([], [])


def test_no_moment_for_a_signal_goes_without_a_checkpoint(gan: Any, batches: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = iter([False, *[True] * 9])  # the signal comes right after the first look
    monkeypatch.setattr(Interrupt, "asked", property(lambda self: next(reads), lambda self, value: None), raising=False)
    with pytest.raises(KeyboardInterrupt):
        train(gan(), batches, folder=tmp_path)
    assert read_checkpoint(tmp_path)["run"]["step"] == 2


def test_a_folder_that_cannot_be_is_told(gan: Any, batches: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FacsimError, match="cannot write to"):
        train(gan(), batches, folder=tmp_path / "file")


def test_fit_runs_in_another_thread(gan: Any, batches: Any, same: Any) -> None:
    model = gan()
    thread = threading.Thread(target=train, args=(model, batches))
    thread.start()
    thread.join()
    assert same(model, train(gan(), batches))


def test_a_finished_fit_is_resumed_to_its_result(gan: Any, batches: Any, same: Any, tmp_path: Path) -> None:
    whole = train(gan(), batches, folder=tmp_path)
    assert same(train(gan(seed=5), batches, folder=tmp_path, resume=True), whole)


@pytest.mark.parametrize("step", [17, 40])
def test_more_epochs_are_as_if_they_had_been_asked_for(step: int, gan: Any, batches: Any, same: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, step, tmp_path, CONSTANT)
    longer = replace(CONSTANT, epochs=6)
    assert same(train(gan(), batches, longer, folder=tmp_path, resume=True), train(gan(), batches, longer))


def test_rows_behind_the_checkpoint_leave_the_log(gan: Any, batches: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, 25, tmp_path)
    log = tmp_path / LOG
    log.write_text(log.read_text() + "3,30,9.9,0,0,0,0,0,0\n")  # from an epoch whose checkpoint was never written
    assert len(read_history(tmp_path)["epoch"]) == 3
    interrupt(gan(), batches, 27, tmp_path, resume=True)
    assert read_history(tmp_path)["epoch"] == [1, 2]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("seed", {"seed": 4}),
        ("learning_rate", {"learning_rate": 0.02}),
        ("optimiser", {"optimiser": "adamw"}),
        ("betas", {"betas": (0.5, 0.99)}),
        ("weight_decay", {"weight_decay": 0.1}),
        ("schedule", {"schedule": "constant"}),
        ("clip", {"clip": None}),
        ("ema", {"ema": None}),
        ("precision", {"precision": "bf16"}),
        ("epochs: schedule 'cosine' depends on their number", {"epochs": 5}),
    ],
)
def test_other_settings_are_refused(name: str, other: dict[str, Any], gan: Any, batches: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, 5, tmp_path)
    with pytest.raises(FacsimError, match=f"cannot resume with (an)?other {name}"):
        train(gan(), batches, replace(FULL, **other), folder=tmp_path, resume=True)


def test_fewer_epochs_are_refused(gan: Any, batches: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, 5, tmp_path, CONSTANT)
    with pytest.raises(FacsimError, match="less epochs: expected 4 or more, got 3"):
        train(gan(), batches, replace(CONSTANT, epochs=3), folder=tmp_path, resume=True)


def test_other_ways_to_keep_checkpoints_are_welcome(gan: Any, batches: Any, same: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, 5, tmp_path)
    resumed = train(
        gan(), batches, replace(FULL, checkpoint_seconds=5.0, device="auto" if not torch.cuda.is_available() else "cpu"), folder=tmp_path, resume=True
    )
    assert same(resumed, train(gan(), batches))


def test_other_data_are_refused(gan: Any, batches: Any, make_batches: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, 5, tmp_path)
    for name, other in (("data", make_batches(seed=1)), ("steps", make_batches(n=44))):
        with pytest.raises(FacsimError, match=f"another {name}"):
            train(gan(), other, folder=tmp_path, resume=True)


def test_another_model_is_refused_in_one_line(gan: Any, batches: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, 5, tmp_path)
    other = gan()
    other.critic[0] = nn.Linear(3, 8, bias=False)
    with pytest.raises(FacsimError, match="another objectives"):
        fit(other, other.objectives(), batches, FULL, folder=tmp_path, resume=True)
    wide = gan()
    wide.critic = nn.Sequential(nn.Linear(3, 9), nn.ReLU(), nn.Dropout(0.2), nn.Linear(9, 1))
    with pytest.raises(FacsimError, match="checkpoint is of another model") as caught:
        fit(wide, wide.objectives(), batches, FULL, folder=tmp_path, resume=True)
    assert "\n" not in str(caught.value)


def test_a_run_is_not_overwritten(gan: Any, batches: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, 5, tmp_path)
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(FacsimError, match="already has a checkpoint"):
        train(gan(), batches, folder=tmp_path)
    assert (tmp_path / NAME).read_bytes() == before


def test_resume_needs_a_folder(gan: Any, batches: Any) -> None:
    with pytest.raises(FacsimError, match="cannot resume without a folder"):
        train(gan(), batches, resume=True)


def test_a_damaged_checkpoint_is_told(gan: Any, batches: Any, tmp_path: Path) -> None:
    interrupt(gan(), batches, 5, tmp_path)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FacsimError, match="cannot read"):
        train(gan(), batches, folder=tmp_path, resume=True)


def test_a_model_with_shared_and_non_contiguous_weights_resumes(batches: Any, tmp_path: Path) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 3, bias=False)
            self.first.weight = nn.Parameter(torch.eye(3).T.flip(0).T + 0.1)
            self.last = self.first

        def objectives(self) -> list[Objective]:
            return [Objective("o", lambda b, r: {"l": (self.last(self.first(b.response)) - b.response).square().mean()}, tuple(self.parameters()))]

    models = [Tied(), Tied(), Tied()]
    with pytest.raises(KeyboardInterrupt):
        fit(models[0], models[0].objectives(), batches, FULL, folder=tmp_path, on_progress=stop_at(13))
    fit(models[1], models[1].objectives(), batches, FULL, folder=tmp_path, resume=True)
    fit(models[2], models[2].objectives(), batches, FULL)
    assert torch.equal(models[1].first.weight, models[2].first.weight)
