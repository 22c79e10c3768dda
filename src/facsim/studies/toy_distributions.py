"""Study `toy-distributions`: a Gaussian and a Beta density learned by three adversarial games, and by a normalising flow.

The source does not print the parameters of the densities, nor which point of its grid was chosen: the constants below are ours.

In one dimension a two-sided gradient penalty is a double well in the critic's slope, +1 or -1: a slope of the wrong sign turns only where the
means are about two penalties apart (in deviations of the truth), so that the generator's mean swings by that much before it settles; this
training is shorter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facsim.core import stream
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row
from facsim.simulators import Beta, Gaussian
from facsim.studies.study import Expected, Outcome, Request, Study, Trial

if TYPE_CHECKING:
    from facsim.studies.tabular import Trained
    from facsim.studies.workflow import Plan
    from facsim.surrogate import Surrogate

DENSITIES: dict[str, Gaussian | Beta] = {"gaussian": Gaussian(), "beta": Beta()}
EVENTS, SAMPLE = 25_600, 10_000  # of training; of one estimate of a distance
REPEATS = {"full": 20, "quick": 5}  # the source averages 100 estimates
EPOCHS = {"full": 12, "quick": 5}  # the source trains 1000
BAR = 0.01  # of KL, on both densities

PRINTED: dict[str, Any] = {"latent": 1, "hidden": (256, 256), "activation": "relu", "last": "identity"}
GAMES: dict[str, dict[str, Any]] = {
    "gan": {"loss": "non-saturating"},
    "wgan-gp": {"penalty": 5.0, "critic_steps": 5},
    "gan-dp": {"penalty": 0.5, "critic_steps": 1},
}
GAME_TRAINING: dict[str, dict[str, Any]] = {
    "gan": {"learning_rate": 1e-3, "betas": (0.5, 0.999)},
    "wgan-gp": {"learning_rate": 1e-4, "betas": (0.0, 0.9)},
    "gan-dp": {"learning_rate": 1e-3, "betas": (0.5, 0.999)},
}
GAME_BATCH = 256
FLOW: dict[str, Any] = {"transforms": 1, "hidden": (64, 64), "likelihood": "normal"}
FLOW_RATE, FLOW_BATCH = 3e-3, 512

PUBLISHED = {"gan": (0.82, 0.28), "wgan-gp": (1.09, 0.73), "gan-dp": (0.52, 0.11)}
WATCHED = ("kl", "mean_shift", "fwhm_difference")


def run(request: Request) -> Outcome:
    """Train every model on both densities."""
    mode = "full" if request.full else "quick"
    trials = tuple(_trial(model, seed, mode, request) for model in request.models for seed in request.seeds)
    note = f"{EPOCHS[mode]} of the 1000 published epochs (of {EVENTS} events); {REPEATS[mode]} of the 100 published estimates averaged"
    return Outcome(trials, {k: repr(v) for k, v in DENSITIES.items()}, {model: note for model in request.models if model in GAMES})


def _trial(model: str, seed: int, mode: str, request: Request) -> Trial:
    request.say(f"toy-distributions: {model}, seed {seed}")
    learned = {name: _learn(name, model, seed, mode) for name in DENSITIES}
    rows = tuple(row for found, _ in learned.values() for row in found)
    curves = {name: trained.curves for name, (_, trained) in learned.items()}
    return Trial(model, seed, rows, curves, {name: trained.about for name, (_, trained) in learned.items()})


def _learn(name: str, model: str, seed: int, mode: str) -> tuple[list[Row], Trained]:
    """Scores and curves of one model on one density."""
    from facsim.studies.tabular import compare, quantities, train_watched

    density = DENSITIES[name]
    condition = density.prior(SAMPLE, stream(seed, "unused"))  # the same for all events

    def truth(i: int) -> Array:
        return density.simulate(condition, stream(seed, "truth", i)).response[:, 0]

    def watch(surrogate: Surrogate) -> dict[str, float]:
        return quantities(surrogate.simulate(condition, stream(seed, "watched")).response[:, 0], truth(0))

    rng = stream(seed, "train")
    trained = train_watched(density.simulate(density.prior(EVENTS, rng), rng), _plan(model, mode, seed), watch)

    def candidate(i: int) -> Array:
        return trained.surrogate.simulate(condition, stream(seed, "candidate", i)).response[:, 0]

    return compare("x", WATCHED, name, candidate, truth, repeats=REPEATS[mode]), trained


def _plan(model: str, mode: str, seed: int) -> Plan:
    from facsim.studies.workflow import TABULAR, Plan
    from facsim.training import Settings

    if model in GAMES:
        training = Settings(epochs=EPOCHS[mode], seed=seed, device="cpu", **GAME_TRAINING[model])
        return Plan(model=model, settings={**PRINTED, **GAMES[model]}, response=TABULAR, batch_size=GAME_BATCH, training=training)
    training = Settings(epochs=EPOCHS[mode], learning_rate=FLOW_RATE, schedule="cosine", seed=seed, device="cpu")
    return Plan(model="flow", settings=FLOW, response=TABULAR, batch_size=FLOW_BATCH, training=training)


STUDY = Study(
    "toy-distributions",
    "Albergo (2018), chapter 2.1",
    "a Gaussian and a Beta density",
    {
        "gan": "the non-saturating game, noise of 1 number, two hidden layers of 256, ReLU",
        "wgan-gp": "Wasserstein critic with a penalty on its gradient, the same networks",
        "gan-dp": "the non-saturating game with a zero-centred penalty on real data, the same networks",
        "flow": "ours: one rational-quadratic spline",
    },
    (
        *(Expected(m, "kl", "x", d, p) for m, values in PUBLISHED.items() for d, p in zip(DENSITIES, values, strict=True)),
        *(Expected("flow", "kl", "x", d, None, BAR) for d in DENSITIES),
    ),
    f"the flow's KL at most {BAR} on both densities, in every seed",
    run,
)
