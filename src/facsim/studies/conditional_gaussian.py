"""Study `conditional-gaussian`: trained at three means, tested far beyond them.

Ours extrapolates because it is told what a location is: the response is learned relative to the condition (the transform Shift) by a flow that does
not see the mean, so that no network is asked for anything it was not trained on. The printed GAN gets the mean in its own units; the source does
not say how many events an epoch has: it is one round of the game, so that all 3000 epochs can be played.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from facsim.core import Events, stream
from facsim.evaluation.scorecard import Row
from facsim.simulators import Gaussian
from facsim.studies.study import Expected, Outcome, Request, Study, Trial

if TYPE_CHECKING:
    from facsim.studies.workflow import Plan

TRAINED = (0.0, 5.0, 10.0)
TESTED = (*TRAINED, 20.0, 40.0, 60.0, 80.0, 100.0, 200.0)
TRUTH = Gaussian(mean_low=TESTED[0], mean_high=TESTED[-1])
EVENTS, SAMPLE = {"gan-dp": 768, "flow": 25_600}, 10_000  # of training, of one estimate of a distance
REPEATS = {"full": 10, "quick": 4}
EPOCHS = {"full": {"gan-dp": 3000, "flow": 20}, "quick": {"gan-dp": 150, "flow": 5}}  # the source trains 3000
KL_BAR, WIDTH_BAR = 0.02, 0.03

PRINTED: dict[str, Any] = {"latent": 1, "hidden": (256, 256), "activation": "relu", "last": "identity", "penalty": 0.5, "critic_steps": 5}
PRINTED_RATE, PRINTED_BATCH = 8e-3, 128
FLOW: dict[str, Any] = {"transforms": 1, "hidden": (64, 64), "likelihood": "normal"}
FLOW_RATE, FLOW_BATCH = 3e-3, 512
SHIFTED = [("Shift", {"column": 0}), ("Standardise", {})]

PUBLISHED_KL = (0.108, 0.142, 0.072, 0.047, 0.045, 0.052, 0.053, 0.095, 0.206)
PUBLISHED_MEAN, PUBLISHED_WIDTH = 0.08, 0.18  # largest departures at the means of training
WORST = "largest at 0, 5, 10"


def run(request: Request) -> Outcome:
    """Train every model at three means and test it at nine."""
    mode = "full" if request.full else "quick"
    trials = tuple(_trial(model, seed, mode, request) for model in request.models for seed in request.seeds)
    note = f"{EPOCHS[mode]['gan-dp']} of the 3000 published epochs (of {EVENTS['gan-dp']} events)"
    return Outcome(trials, {"simulator": repr(TRUTH), "trained at": list(TRAINED)}, {"gan-dp": note} if "gan-dp" in request.models else {})


def _trial(model: str, seed: int, mode: str, request: Request) -> Trial:
    request.say(f"conditional-gaussian: {model}, seed {seed}")
    from facsim.studies.tabular import AS_IT_IS, UNSEEN, compare, encoded, quantities, train_watched

    events = _draw(np.resize(TRAINED, EVENTS[model]), seed, "train")
    held = _draw(np.resize(TRAINED, SAMPLE), seed, "watch")

    def watch(surrogate: Any) -> dict[str, float]:
        """Deviations from the mean of the condition, over the three means."""
        found = surrogate.simulate(held.condition, stream(seed, "watched"), extrapolate=True)
        return quantities(_deviations(found), _deviations(held))

    surrogate, curves, about = train_watched(events, _plan(model, mode, seed), watch, encoded(AS_IT_IS if model == "gan-dp" else UNSEEN))
    rows: list[Row] = []
    for mean in TESTED:
        condition = np.full((SAMPLE, 1), mean, dtype=np.float32)

        def candidate(i: int, condition: Any = condition) -> Any:
            return surrogate.simulate(condition, stream(seed, "candidate", i, f"{condition[0, 0]:g}"), extrapolate=True).response[:, 0]

        def truth(i: int, condition: Any = condition) -> Any:
            return TRUTH.simulate(condition, stream(seed, "truth", i, f"{condition[0, 0]:g}")).response[:, 0]

        rows += compare("x", ("kl", "width_difference", "mean_difference"), f"mean {mean:g}", candidate, truth, repeats=REPEATS[mode])
    rows += [_worst(rows, name) for name in ("width_difference", "mean_difference")]
    return Trial(model, seed, tuple(rows), {"deviation": curves}, about)


def _worst(rows: list[Row], name: str) -> Row:
    """The magnitude of the largest departure at the means of training; at mean 0 a mean has no relative difference."""
    means = [m for m in TRAINED if m or name != "mean_difference"]
    chosen = [r for r in rows if r.distance == name and r.bin in {f"mean {m:g}" for m in means}]
    worst = max(chosen, key=lambda r: abs(r.value))
    return Row("x", name, abs(worst.value), worst.error, max(abs(r.floor) for r in chosen), worst.floor_error, worst.unit, WORST)


def _draw(means: Any, seed: int, name: str) -> Events:
    return TRUTH.simulate(means[:, None], stream(seed, name))


def _deviations(events: Events) -> Any:
    return events.response[:, 0] - events.condition[:, 0]


def _plan(model: str, mode: str, seed: int) -> Plan:
    from facsim.studies.workflow import Plan
    from facsim.training import Settings

    epochs = EPOCHS[mode][model]
    if model == "gan-dp":
        training = Settings(epochs=epochs, learning_rate=PRINTED_RATE, seed=seed, device="cpu")
        return Plan(model="gan-dp", settings=PRINTED, response=[], batch_size=PRINTED_BATCH, training=training)
    training = Settings(epochs=epochs, learning_rate=FLOW_RATE, schedule="cosine", seed=seed, device="cpu")
    return Plan(model="flow", settings=FLOW, response=SHIFTED, batch_size=FLOW_BATCH, training=training)


STUDY = Study(
    "conditional-gaussian",
    "Albergo (2018), chapter 2.2",
    "a Gaussian whose mean is the condition, extrapolated from means of 0 to 10 up to 200",
    {"gan-dp": "as printed: the mean to generator and critic in its own units", "flow": "ours: a spline flow of the response less the mean"},
    (
        *(Expected("gan-dp", "kl", "x", f"mean {m:g}", p) for m, p in zip(TESTED, PUBLISHED_KL, strict=True)),
        Expected("gan-dp", "mean_difference", "x", WORST, PUBLISHED_MEAN),
        Expected("gan-dp", "width_difference", "x", WORST, PUBLISHED_WIDTH),
        *(Expected("flow", "kl", "x", f"mean {m:g}", None, KL_BAR) for m in TESTED),
        *(Expected("flow", "width_difference", "x", f"mean {m:g}", None, WIDTH_BAR) for m in TESTED),
    ),
    f"at all nine means the flow's KL at most {KL_BAR} and its width within {WIDTH_BAR:.0%}, in every seed",
    run,
)
