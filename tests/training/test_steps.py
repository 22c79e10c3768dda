"""Steps that can be computed by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from facsim.core import FacsimError
from facsim.core.contracts import Objective
from facsim.training import SCHEDULES, Settings, fit

RATE = 0.01
STEPS = 20  # two epochs of ten batches


def settings(**kwargs: Any) -> Settings:
    return Settings(**{"epochs": 2, "learning_rate": RATE, "device": "cpu", **kwargs})


def moved(weight: Any, batches: Any, **kwargs: Any) -> float:
    """How far a weight goes under a constant slope of 3."""
    model = weight(w=1.0)
    fit(model, [model.slope("w", 3.0)], batches, settings(**kwargs))
    return 1.0 - model.w.item()


def test_sgd_goes_down_the_slope(weight: Any, batches: Any) -> None:
    assert moved(weight, batches, optimiser="sgd") == pytest.approx(STEPS * RATE * 3)


def test_momentum_sums_the_past(weight: Any, batches: Any) -> None:
    velocities = [3 * (1 - 0.5**k) / (1 - 0.5) for k in range(1, STEPS + 1)]
    assert moved(weight, batches, optimiser="sgd", momentum=0.5) == pytest.approx(RATE * sum(velocities))


def test_adam_steps_by_the_rate_whatever_the_slope(weight: Any, batches: Any) -> None:
    assert moved(weight, batches, optimiser="adam", betas=(0.3, 0.7)) == pytest.approx(STEPS * RATE, rel=1e-6)


def test_adamw_shrinks_then_steps(weight: Any, batches: Any) -> None:
    w = 1.0
    for _ in range(STEPS):
        w = w * (1 - RATE * 0.5) - RATE
    assert moved(weight, batches, optimiser="adamw", weight_decay=0.5) == pytest.approx(1 - w, rel=1e-6)


def test_rmsprop_divides_by_the_running_square(weight: Any, batches: Any) -> None:
    steps = [RATE / math.sqrt(1 - 0.99**k) for k in range(1, STEPS + 1)]
    assert moved(weight, batches, optimiser="rmsprop") == pytest.approx(sum(steps), rel=1e-6)


def test_a_parabola_shrinks_by_the_same_factor_in_each_step(weight: Any, batches: Any) -> None:
    model = weight(w=5.0)
    parabola = Objective("w", lambda batch, rng: {"half": (model.w - 2) ** 2 / 2, "other": (model.w - 2) ** 2 / 2}, (model.w,))
    fit(model, [parabola], batches, settings(optimiser="sgd"))
    assert model.w.item() == pytest.approx(2 + 3 * (1 - 2 * RATE) ** STEPS)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_schedule_runs_over_all_steps(name: str, weight: Any, batches: Any) -> None:
    factors = [SCHEDULES[name](k / STEPS) for k in range(STEPS)]
    assert moved(weight, batches, optimiser="sgd", schedule=name) == pytest.approx(RATE * 3 * sum(factors))


def test_clip_keeps_the_direction(weight: Any, batches: Any) -> None:
    model = weight(w=[0.0, 0.0])
    pull = Objective("w", lambda batch, rng: {"loss": 3 * model.w[0] + 4 * model.w[1]}, (model.w,))
    fit(model, [pull], batches, settings(optimiser="sgd", clip=1.0))
    assert model.w.tolist() == pytest.approx([-STEPS * RATE * 0.6, -STEPS * RATE * 0.8], rel=1e-5)


def test_each_objective_has_its_rate_and_its_turns(weight: Any, batches: Any) -> None:
    model = weight(a=0.0, b=0.0)
    objectives = [model.slope("a", repeats=3), model.slope("b")]
    fit(model, objectives, batches, settings(optimiser="sgd", learning_rate={"a": 0.1, "b": 0.01}))
    assert (model.a.item(), model.b.item()) == pytest.approx((-0.1 * 15, -0.01 * 5))


def test_turns_go_on_across_epochs_and_each_takes_a_new_batch(weight: Any, make_batches: Any) -> None:
    model, seen = weight(a=0.0, b=0.0), []
    source = make_batches(n=12)  # three batches an epoch, turns of four

    def loss(name: str) -> Any:
        def record(batch: Any, rng: Any) -> dict[str, torch.Tensor]:
            seen.append((name, batch.response))
            return {"loss": model.get_parameter(name)}

        return record

    objectives = [Objective("a", loss("a"), (model.a,), repeats=3), Objective("b", loss("b"), (model.b,))]
    fit(model, objectives, source, settings(epochs=4))
    assert "".join(name for name, _ in seen) == "aaab" * 3
    expected = [batch.response for epoch in range(4) for batch in source.epoch(epoch)]
    assert torch.equal(torch.stack([response for _, response in seen]), torch.stack(expected))


def test_resting_parameters_neither_move_nor_get_gradients(gan: Any, batches: Any) -> None:
    model = gan()
    critic, generator = model.objectives()
    before: dict[str, list[torch.Tensor]] = {}

    def watch(objective: Objective, resting: nn.Module) -> Objective:
        def loss(batch: Any, rng: Any) -> dict[str, torch.Tensor]:
            assert not any(p.requires_grad for p in resting.parameters())
            assert all(p.requires_grad for p in objective.parameters)
            before["now"] = [p.clone() for p in resting.parameters()]
            return objective.loss(batch, rng)

        def after() -> None:
            assert all(torch.equal(a, b) for a, b in zip(before["now"], resting.parameters(), strict=True))
            before["steps"] = [*before.get("steps", []), torch.tensor(0)]

        return Objective(objective.name, loss, objective.parameters, objective.repeats, after)

    fit(model, [watch(critic, model.generator), watch(generator, model.critic)], batches, settings())
    assert len(before["steps"]) == STEPS
    assert all(p.requires_grad for p in model.parameters())


def test_what_the_user_froze_stays_frozen(gan: Any, batches: Any) -> None:
    model = gan()
    model.generator[0].weight.requires_grad_(False)
    before = model.generator[0].weight.clone()
    fit(model, model.objectives(), batches, settings())
    assert not model.generator[0].weight.requires_grad
    assert torch.equal(model.generator[0].weight, before)


def test_after_step_projects(gan: Any, batches: Any) -> None:
    model = gan()
    fit(model, model.objectives(), batches, settings(learning_rate=1.0))
    assert max(float(p.detach().abs().max()) for p in model.critic.parameters()) == 0.5


def test_bf16_computes_in_bf16_and_keeps_float32_weights(batches: Any) -> None:
    model, kinds = nn.Linear(3, 1), set()

    def loss(batch: Any, rng: Any) -> dict[str, torch.Tensor]:
        out = model(batch.response)
        kinds.add(out.dtype)
        return {"loss": out.float().square().mean()}

    fit(model, [Objective("o", loss, tuple(model.parameters()))], batches, settings(precision="bf16"))
    assert kinds == {torch.bfloat16}
    assert model.weight.dtype == torch.float32


def test_fit_is_silent_and_leaves_the_global_generator_alone(gan: Any, batches: Any, same: Any, capfd: Any) -> None:
    models = [gan(), gan()]
    for seed, model in enumerate(models):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        fit(model, model.objectives(), batches, settings())
        assert torch.equal(torch.get_rng_state(), before)
    assert same(*models)
    assert capfd.readouterr() == ("", "")


def test_another_seed_is_another_training(gan: Any, batches: Any, same: Any) -> None:
    models = [gan(), gan()]
    for seed, model in enumerate(models):
        fit(model, model.objectives(), batches, settings(seed=seed))
    assert not same(*models)


def bad_fits(weight: Any, batches: Any) -> dict[str, tuple[Any, list[Objective], Any, Any]]:
    model, other = weight(w=1.0), weight(w=1.0)
    good = [model.slope("w")]
    short = type(batches)(n=40)
    short.epoch = lambda number, start=0: list(type(batches).epoch(short, number, start))[:-1]
    return {
        "wrong number of batches": (model, good, short, {}),
        "not the model's": (model, [other.slope("w")], batches, {}),
        "repeats 0": (model, [model.slope("w", repeats=0)], batches, {}),
        "nothing to fit": (model, good * 2, batches, {}),
        "objectives []": (model, [], batches, {}),
        "no dict of scalars": (model, [Objective("w", lambda b, r: {"loss": model.w * b.weight}, (model.w,))], batches, {}),
        "does not depend": (model, [Objective("w", lambda b, r: {"loss": b.weight.sum()}, (model.w,))], batches, {}),
        "objective in learning_rate 'w'": (model, good, batches, {"learning_rate": {"v": 0.1}}),
        "no betas": (model, good, batches, {"optimiser": "sgd", "betas": (0.5, 0.9)}),
    }


@pytest.mark.parametrize(
    "message",
    [
        "wrong number of batches",
        "not the model's",
        "repeats 0",
        "nothing to fit",
        "objectives []",
        "no dict of scalars",
        "does not depend",
        "objective in learning_rate 'w'",
        "no betas",
    ],
)
def test_what_cannot_be_fitted_is_told(message: str, weight: Any, batches: Any) -> None:
    model, objectives, source, chosen = bad_fits(weight, batches)[message]
    with pytest.raises(FacsimError) as caught:
        fit(model, objectives, source, settings(**chosen))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "chosen",
    [
        {"epochs": 0},
        {"optimiser": "lion"},
        {"schedule": "steps"},
        {"device": "abacus"},
        {"precision": "8"},
        {"learning_rate": 0.0},
        {"learning_rate": {"w": -1.0}},
        {"weight_decay": -0.1},
        {"clip": 0.0},
        {"ema": 1.0},
        {"patience": 0},
        {"checkpoint_seconds": -1.0},
    ],
    ids=str,
)
def test_bad_settings_are_told(chosen: dict[str, Any]) -> None:
    with pytest.raises(FacsimError):
        settings(**chosen)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_missing_device_is_told(weight: Any, batches: Any) -> None:
    model = weight(w=1.0)
    with pytest.raises(FacsimError, match="no device 'cuda'"):
        fit(model, [model.slope("w")], batches, settings(device="cuda"))
