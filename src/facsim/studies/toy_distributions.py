"""Study `toy-distributions`: a Gaussian and a Beta density learned by three adversarial games, and by a normalising flow.

The source does not print the parameters of the densities, which point of its grid was chosen, nor how many events an epoch has: the constants below
are ours. An epoch is of few events, so that the games can play the 1000 epochs that were published.

In one dimension a two-sided gradient penalty is a double well in the critic's slope, +1 or -1: a slope of the wrong sign turns only where the
means are two penalties apart. In standardised numbers that is ten deviations, by which the generator's mean swings; the Wasserstein games
therefore see numbers of SPREAD deviations.
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
SAMPLE = 10_000  # of one estimate of a distance
REPEATS = {"full": 20, "quick": 5}  # the source averages 100 estimates
BAR = 0.01  # of KL, on both densities

PRINTED: dict[str, Any] = {"latent": 1, "hidden": (256, 256), "activation": "relu", "last": "identity"}
GAMES: dict[str, dict[str, Any]] = {
    "gan": {"loss": "non-saturating"},
    "wgan-gp": {"penalty": 5.0, "critic_steps": 5},
    "wgan-gp-slow": {"penalty": 5.0, "critic_steps": 5},
    "gan-dp": {"penalty": 0.5, "critic_steps": 1},
}
GAME_TRAINING: dict[str, dict[str, Any]] = {
    "gan": {"learning_rate": 1e-3, "betas": (0.5, 0.999)},
    "wgan-gp": {"learning_rate": 1e-3, "betas": (0.0, 0.9)},
    "wgan-gp-slow": {"learning_rate": 1e-5, "betas": (0.0, 0.9)},
    "gan-dp": {"learning_rate": 1e-3, "betas": (0.5, 0.999)},
}
GAME_EPOCHS = {"full": 1000, "quick": 40}  # the source trains 1000
GAME_BATCH, GAME_EVENTS = 256, 6 * 256  # an epoch is one round of the Wasserstein games
SPREAD = 10.0
SCALED = [("Standardise", {}), ("Scale", {"by": 1 / SPREAD})]
SEARCHED = {
    "learning_rate": (1e-4, 1e-3, 1e-2, 1e-1),
    "batch_size": (32, 64, 256, 512),
    "hidden": (32, 64, 128, 256),
    "penalty of wgan-gp": (5.0, 10.0, 20.0),
    "penalty of gan-dp": (0.1, 0.5, 1.0),
    "critic_steps": (1, 5, 10),
}
FLOW: dict[str, Any] = {"transforms": 1, "hidden": (64, 64), "likelihood": "normal"}
FLOW_RATE, FLOW_BATCH, FLOW_EVENTS = 3e-3, 512, 25_600
FLOW_EPOCHS = {"full": 12, "quick": 5}

PUBLISHED: dict[str, dict[str, float | None]] = {
    "gan": {"gaussian": 0.82, "beta": 0.28},
    "wgan-gp": {"gaussian": 1.09, "beta": 0.73},
    "wgan-gp-slow": {"beta": 0.024},
    "gan-dp": {"gaussian": 0.52, "beta": 0.11},
}
WATCHED = ("kl", "kl_kde", "mean_shift", "fwhm_difference")


def run(request: Request) -> Outcome:
    """Train every model on both densities."""
    mode = "full" if request.full else "quick"
    trials = tuple(_trial(model, seed, mode, request) for model in request.models for seed in request.seeds)
    return Outcome(trials, {k: repr(v) for k, v in DENSITIES.items()}, {m: _note(mode) for m in request.models if m in GAMES})


def densities_of(model: str) -> tuple[str, ...]:
    """The densities that a model learns: those with a published number, else all."""
    return tuple(PUBLISHED.get(model, DENSITIES))


def _note(mode: str) -> str:
    epochs = f"{GAME_EPOCHS[mode]} of the 1000 published epochs (of {GAME_EVENTS} events)"
    return f"{epochs}; {REPEATS[mode]} of the 100 published estimates averaged"


def _trial(model: str, seed: int, mode: str, request: Request) -> Trial:
    request.say(f"toy-distributions: {model}, seed {seed}")
    learned = {name: _learn(name, model, seed, mode) for name in densities_of(model)}
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
    events = GAME_EVENTS if model in GAMES else FLOW_EVENTS
    trained = train_watched(density.simulate(density.prior(events, rng), rng), _plan(model, mode, seed), watch)

    def candidate(i: int) -> Array:
        return trained.surrogate.simulate(condition, stream(seed, "candidate", i)).response[:, 0]

    return compare("x", WATCHED, name, candidate, truth, repeats=REPEATS[mode]), trained


def _plan(model: str, mode: str, seed: int) -> Plan:
    from facsim.studies.workflow import TABULAR, Plan
    from facsim.training import Settings

    if model in GAMES:
        training = Settings(epochs=GAME_EPOCHS[mode], seed=seed, device="cpu", **GAME_TRAINING[model])
        family, recipe = ("wgan-gp", SCALED) if model.startswith("wgan") else (model, TABULAR)
        return Plan(model=family, settings={**PRINTED, **GAMES[model]}, response=recipe, batch_size=GAME_BATCH, training=training)
    training = Settings(epochs=FLOW_EPOCHS[mode], learning_rate=FLOW_RATE, schedule="cosine", seed=seed, device="cpu")
    return Plan(model="flow", settings=FLOW, response=TABULAR, batch_size=FLOW_BATCH, training=training)


STUDY = Study(
    "toy-distributions",
    "Albergo (2018), chapter 2.1",
    "a Gaussian and a Beta density",
    {
        "gan": "the non-saturating game, noise of 1 number, two hidden layers of 256, ReLU",
        "wgan-gp": "Wasserstein critic with a penalty on its gradient, the same networks",
        "wgan-gp-slow": "the same at a learning rate of 1e-5",
        "gan-dp": "the non-saturating game with a zero-centred penalty on real data, the same networks",
        "flow": "ours: one rational-quadratic spline",
    },
    (
        *(Expected(m, "kl", "x", d, p) for m, values in PUBLISHED.items() for d, p in values.items()),
        *(Expected("flow", estimate, "x", d, None, BAR) for estimate in ("kl", "kl_kde") for d in DENSITIES),
    ),
    f"the flow's KL at most {BAR} on both densities, from histograms and from kernels, in every seed",
    run,
    SEARCHED,
)
