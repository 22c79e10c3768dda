"""Study `airshower-patterns`: signal patterns of vertical proton showers over 9 x 9 stations, at a given energy.

The printed network is a Wasserstein game whose critic sees patterns alone, with a constrainer that holds the generator to the energy. Ours rests on
physics: once energy and depth are given, the particles in different stations know nothing of each other, so each station is given a density of its
own that follows the energy (`independent`).

Energies are reconstructed with AixNet, trained on the truth. As it has a small bias of its own (shown as the floor), the bias of a
model is that of its events less that of the truth's; likewise the resolution is compared with the truth's. The source prints neither.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from facsim.core import Events, stream
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row
from facsim.simulators.airshower import EEV
from facsim.simulators.observatories import airshower_vertical
from facsim.studies.study import Expected, Outcome, Request, Study, Trial

if TYPE_CHECKING:
    from facsim.studies.reconstruction import Performance, Reconstruction
    from facsim.studies.workflow import Plan
    from facsim.surrogate import Surrogate
    from facsim.transforms import Recipe

# Published: 100,000 of training. The first bin, where energies are hard to find, has `first` events of the truth to judge, every other one `bin`; a
# model makes `times` as many.
EVENTS = {
    "full": {"train": 30_000, "judge": 3000, "first": 3000, "bin": 3000, "times": 2},
    "quick": {"train": 2000, "judge": 500, "first": 200, "bin": 100, "times": 1},
}
EPOCHS = {"full": {"airshower": 15, "independent": 18, "aixnet": 6}, "quick": {"airshower": 1, "independent": 15, "aixnet": 4}}
PUBLISHED_EPOCHS = 100
EDGES = (1, *range(10, 101, 10))  # EeV
BINS = tuple(f"{low}-{high} EeV" for low, high in pairwise(EDGES))
SHOWN = (10.0, 30.0, 70.0, 100.0)  # EeV
BIAS_BAR, RESOLUTION_BAR, AUC_BAR = 0.02, 0.10, 0.60

WIDTH = 0.125  # of the printed maps: the networks of tables 1 and 2 need hours on a CPU
HALF_RANGE = 49.5  # EeV: the condition runs from -1 to 1 over 1 to 100 EeV, kappa is meant for energies in EeV
PRINTED: dict[str, Any] = {"latent": 80, "kappa": 1e-3, "scale": HALF_RANGE, "penalty": 3.0, "critic_steps": 8, "width": WIDTH}
PRINTED_TRAINING: dict[str, Any] = {"learning_rate": 5e-4, "betas": (0.5, 0.9)}  # the rate falls by 1e-4 of itself a step: too little in few epochs
PRINTED_BATCH = 64
OURS: dict[str, Any] = {"hidden": (128, 128), "components": 2}
OURS_BATCH, OURS_RATE = 128, 3e-3
CONDITION: dict[str, Recipe] = {  # ours: signals are made normal numbers, which follow a normal number best where the spectrum ends
    "airshower": (("Encode", {"columns": [{"low": EDGES[0] * EEV, "high": EDGES[-1] * EEV, "log": False}]}),),
    "independent": (("Gaussianise", {}), ("Standardise", {})),
}


def run(request: Request) -> Outcome:
    """Train the models and AixNet with the seeds of the request; what is finished of others is shown beside it."""
    from facsim.studies.keep import finished, kept

    mode = "full" if request.full else "quick"
    made = [kept(request, m, s, key_of(m, mode), partial(trial, m, s, mode, request)) for s in request.seeds for m in request.models]
    trials = (*made, *(t for m in STUDY.models if m not in request.models for t in finished(request, [m], key_of(m, mode))))
    note = f"{EPOCHS[mode]['airshower']} of {PUBLISHED_EPOCHS} epochs of {EVENTS[mode]['train']} of 100,000 events, maps times {WIDTH}"
    notes = {"airshower": note, "independent": f"trained on {EVENTS[mode]['train']} events"}
    return Outcome(trials, {"simulator": repr(airshower_vertical(traces=False))}, {m: notes[m] for m in dict.fromkeys(t.model for t in trials)})


def key_of(model: str, mode: str) -> dict[str, Any]:
    """What a trial depends on."""
    return {"events": EVENTS[mode], "epochs": {k: EPOCHS[mode][k] for k in (model, "aixnet")}}


def trial(model: str, seed: int, mode: str, request: Request) -> Trial:
    """One model with one seed: trained, its energies reconstructed, its events judged by a classifier."""
    request.say(f"airshower-patterns: {model}, seed {seed}")
    from facsim.studies.reconstruction import performance

    sizes, epochs, started = EVENTS[mode], EPOCHS[mode], time.process_time()
    training, unseen = truth(sizes["train"], seed, "train"), truth(sizes["judge"], seed, "judge")
    test, other = in_bins(mode, seed, "test"), in_bins(mode, seed, "other")
    surrogate, losses, snapshots = train(model, training, seed, epochs[model])
    aixnet = regressor(sizes["train"], seed, epochs["aixnet"])
    made = generated(surrogate, np.tile(other.condition, (sizes["times"], 1)), seed, "candidate")
    found = {name: aixnet.find(events)[:, 0] for name, events in (("test", test), ("other", other), (model, made))}
    spread = {name: performance(found[name], e.condition[:, 0], EDGES, EEV, " EeV") for name, e in (("test", test), ("other", other), (model, made))}
    known = training[: len(unseen)]
    rows = [
        *energy_rows(spread[model], spread["other"], spread["test"]),
        *classifier_rows(unseen, generated(surrogate, known.condition, seed, "judged"), known),
    ]
    drawn = figures(model, seed, snapshots, surrogate, (made.condition[:, 0], found[model]), losses=losses, aixnet=aixnet.curve)
    about = {**key_of(model, mode), "cpu_seconds": round(time.process_time() - started, 1)}
    about |= {"aixnet": {"bias": spread["test"].bias.round(4).tolist(), "resolution": spread["test"].resolution.round(4).tolist()}}
    return Trial(model, seed, tuple(rows), {model: losses}, about, drawn)


@lru_cache(maxsize=3)
def truth(n: int, seed: int, name: str) -> Events:
    """Events of the source's data set, signals alone."""
    simulator, rng = airshower_vertical(traces=False), stream(seed, "truth", name)
    return simulator.simulate(simulator.prior(n, rng), rng)


@lru_cache(maxsize=2)
def in_bins(mode: str, seed: int, name: str) -> Events:
    """Events with energies uniform in each bin."""
    rng, sizes = stream(seed, "bins", name), EVENTS[mode]
    energies = [rng.uniform(low, high, sizes["bin"] if i else sizes["first"]) for i, (low, high) in enumerate(pairwise(EDGES))]
    return airshower_vertical(traces=False).simulate(EEV * np.concatenate(energies)[:, None], rng)


def generated(surrogate: Surrogate, condition: Array, seed: int, name: str) -> Events:
    """Events of the surrogate; the training sample does not quite reach the ends of the range of energies."""
    return surrogate.simulate(condition, stream(seed, name), extrapolate=True)


@lru_cache(maxsize=1)
def regressor(n: int, seed: int, epochs: int) -> Reconstruction:
    """AixNet, trained on the truth's training events."""
    from facsim.studies.reconstruction import train_reconstruction

    return train_reconstruction(truth(n, seed, "train"), ["energy"], epochs=epochs, seed=seed)


def train(model: str, events: Events, seed: int, epochs: int) -> tuple[Surrogate, dict[str, list[float]], dict[str, Events]]:
    """A trained surrogate, its losses per epoch, and events at the energies shown after the first and the last epoch."""
    import torch

    from facsim.data import ArrayBatches
    from facsim.studies.workflow import untrained
    from facsim.training import fit
    from facsim.transforms import Chain

    plan = plan_of(model, seed, epochs)
    torch.manual_seed(seed)
    surrogate = untrained(events, plan, {"events": len(events), "seed": seed})
    condition, encode = torch.tensor(events.condition), Chain((1,), CONDITION[model])
    encode.fit(condition, condition)
    surrogate = replace(surrogate, condition_transform=encode)
    snapshots: dict[str, Events] = {}

    def watch(_: Any) -> dict[str, float]:
        snapshots["last epoch" if snapshots else "epoch 1"] = shown(surrogate, seed)
        return {}

    batches = ArrayBatches.from_events(events, surrogate.prepare, batch_size=plan.batch_size, seed=seed)
    history = fit(surrogate.model, surrogate.model.objectives(), batches, plan.training, validate=watch)
    return surrogate, {LOSSES.get(name, name): values for name, values in history.terms().items()}, snapshots


LOSSES = {"wasserstein": "-C1", "penalty": "C2"}
PANELS = {"critic": ("-C1", "C2"), "generator": ("C3",), "constrainer": ("C4",), "likelihood": ("nll",)}


def shown(surrogate: Surrogate, seed: int) -> Events:
    """One event at each of the energies that are shown."""
    condition = np.clip(np.array([[e * EEV] for e in SHOWN]), surrogate.variables[0].low, surrogate.variables[0].high)
    return surrogate.simulate(condition, stream(seed, "shown"), extrapolate=True)


def plan_of(model: str, seed: int, epochs: int) -> Plan:
    """How each model is trained."""
    from facsim.studies.workflow import Plan
    from facsim.training import Settings

    if model == "airshower":
        training = Settings(epochs=epochs, seed=seed, device="cpu", **PRINTED_TRAINING)
        return Plan(model=model, settings=PRINTED, batch_size=PRINTED_BATCH, training=training)
    training = Settings(epochs=epochs, learning_rate=OURS_RATE, schedule="cosine", clip=5.0, seed=seed, device="cpu")
    return Plan(model=model, settings=OURS, batch_size=OURS_BATCH, training=training)


def energy_rows(made: Performance, other: Performance, test: Performance) -> list[Row]:
    """Bias less that of the truth at the same energies, and relative difference of the resolution, in each bin; the floor is another truth sample."""
    rows = []
    for i, name in enumerate(BINS):
        values, floors = ((mine.bias[i] - other.bias[i], mine.resolution[i] / other.resolution[i] - 1) for mine in (made, test))
        bias_error = float(np.hypot(made.bias_error[i], other.bias_error[i]))
        relative = float(np.hypot(made.resolution_error[i], other.resolution_error[i]) / other.resolution[i])
        for distance, value, floor, error in zip(("bias", "resolution_difference"), values, floors, (bias_error, relative), strict=True):
            rows.append(Row("reconstructed energy", distance, float(value), error, float(floor), error, "1", name, True))
    return rows


def classifier_rows(truth: Events, made: Events, other: Events) -> list[Row]:
    """A classifier of patterns with their energies, and its floor: other events of the truth, in the place of the candidate."""
    from facsim.evaluation.classifier import two_sample_test

    results = [two_sample_test(truth.response, e.response, condition=(truth.condition, e.condition), repeats=2) for e in (made, other)]
    return [Row("patterns", "auc", results[0].auc, results[0].auc_error, results[1].auc, results[1].auc_error)]


def figures(
    model: str,
    seed: int,
    snapshots: Mapping[str, Events],
    surrogate: Surrogate,
    energies: tuple[Array, Array],
    *,
    losses: Mapping[str, list[float]],
    aixnet: tuple[float, ...],
) -> dict[str, bytes]:
    """Patterns, reconstructed against true energies and losses of the first seed."""
    from facsim.report import stations
    from facsim.report.study_curves import png

    simulator = airshower_vertical(traces=False)
    condition = np.array([[e * EEV] for e in SHOWN])
    pictures = {**snapshots, "truth": simulator.simulate(condition, stream(seed, "shown truth"))}
    panels = {title: {name: losses[name] for name in names if name in losses} for title, names in PANELS.items()}
    shown_losses = {title: lines for title, lines in panels.items() if lines}
    return {
        f"patterns-{seed}": png(stations.patterns(pictures, [f"{e:g} EeV" for e in SHOWN])),
        f"energy-{seed}": png(stations.reconstructed({model: energies})),
        f"losses-{seed}": png(stations.loss_curves({**shown_losses, "AixNet": {"C4 of truth": list(aixnet)}}, "epoch")),
    }


STUDY = Study(
    "airshower-patterns",
    "Erdmann, Geiger, Glombitza and Schmidt (2018), arXiv:1802.03325, section 4",
    "signal patterns of vertical proton showers of 1-100 EeV over 9 x 9 water-Cherenkov stations",
    {
        "airshower": f"as printed, with maps times {WIDTH}: Wasserstein critic, constrainer AixNet",
        "independent": "ours: every station its own density, a mixture that follows the energy",
    },
    (
        *(Expected("airshower", "bias", "reconstructed energy", b, None, BIAS_BAR) for b in BINS),
        *(Expected("airshower", "resolution_difference", "reconstructed energy", b, None, RESOLUTION_BAR) for b in BINS),
        Expected("airshower", "auc", "patterns", "all", None, AUC_BAR),
        *(Expected("independent", "bias", "reconstructed energy", b, None, BIAS_BAR) for b in BINS),
        *(Expected("independent", "resolution_difference", "reconstructed energy", b, None, RESOLUTION_BAR) for b in BINS),
        Expected("independent", "auc", "patterns", "all", None, AUC_BAR),
    ),
    f"reconstructed energy within {BIAS_BAR:.0%} and its resolution within {RESOLUTION_BAR:.0%} of the truth's in every bin, AUC at most {AUC_BAR}",
    run,
)
