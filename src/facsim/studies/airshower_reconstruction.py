"""Study `airshower-reconstruction`: energy and depth of the shower maximum of cosmic rays, found by AixNet from traces and arrival times.

Protons, helium, nitrogen and iron up to 60 degrees over 9 x 9 stations. The source trains with far more events than the thousands here.
What AixNet must beat is the answer "always the mean" (`mean`): its resolution is the spread of the truth.

Energies are judged by found / true - 1, depths by found - true, both in bins of lg(E/eV). The source prints its resolutions in figures alone.
"""

from __future__ import annotations

import time
from functools import lru_cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from facsim.core import Events, stream
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row
from facsim.simulators.observatories import airshower
from facsim.simulators.primaries import lg_ev
from facsim.studies.study import Expected, Outcome, Request, Study, Trial

if TYPE_CHECKING:
    from facsim.studies.reconstruction import Performance

EVENTS = {"full": {"train": 12_000, "test": 6000}, "quick": {"train": 600, "test": 400}}
EPOCHS = {"full": 20, "quick": 3}
EDGES = (18.5, 18.75, 19.0, 19.25, 19.5, 19.75, 20.001)  # of lg(E/eV)
BINS = tuple(f"lg E {low:.4g}-{high:.4g}" for low, high in pairwise(EDGES))
FOUND = ("energy", "xmax")
UNITS = {"energy": "1", "xmax": "g/cm2"}
BIAS_BARS = {"energy": 0.05, "xmax": 10.0}  # ours: what is small beside the resolutions


def run(request: Request) -> Outcome:
    """Train AixNet with every seed."""
    from facsim.studies.keep import kept

    mode = "full" if request.full else "quick"
    key = {"events": EVENTS[mode], "epochs": EPOCHS[mode]}
    trials = tuple(kept(request, m, s, key, partial(trial, m, s, mode, request)) for s in request.seeds for m in request.models)
    note = f"trained on {EVENTS[mode]['train']} events, {EPOCHS[mode]} epochs"
    return Outcome(trials, {"simulator": repr(airshower())}, {m: note for m in request.models if m == "aixnet"})


def trial(model: str, seed: int, mode: str, request: Request) -> Trial:
    """AixNet, or the mean of the training events, judged on others."""
    request.say(f"airshower-reconstruction: {model}, seed {seed}")
    started, test = time.process_time(), events_of(mode, seed, "test")
    true = columns(test)
    found, curve = answers(model, mode, seed, test)
    reached = judged(found, true)
    about = {"events": EVENTS[mode], "cpu_seconds": round(time.process_time() - started, 1)}
    curves = {model: {"C4": list(curve)}} if curve else {}
    return Trial(model, seed, tuple(rows(reached)), curves, about, figures(seed, found, true, reached) if curve else {})


@lru_cache(maxsize=2)
def events_of(mode: str, seed: int, name: str) -> Events:
    """Showers of the prior."""
    simulator, rng = airshower(), stream(seed, "airshower-reconstruction", name)
    return simulator.simulate(simulator.prior(EVENTS[mode][name], rng), rng)


def columns(events: Events) -> Array:
    """True energies in MeV and depths in g/cm2, float64 [n, 2]."""
    return np.column_stack([events.column(name) for name in FOUND]).astype(np.float64)


def answers(model: str, mode: str, seed: int, test: Events) -> tuple[Array, tuple[float, ...]]:
    """What the model finds in the test events [n, 2], and its losses of training."""
    training = events_of(mode, seed, "train")
    if model == "mean":
        known = columns(training)
        return np.broadcast_to([np.exp(np.log(known[:, 0]).mean()), known[:, 1].mean()], (len(test), 2)), ()
    from facsim.studies.reconstruction import train_reconstruction

    aixnet = train_reconstruction(training, FOUND, epochs=EPOCHS[mode], seed=seed)
    return aixnet.find(test), aixnet.curve


def judged(found: Array, true: Array) -> dict[str, Performance]:
    """Bias and resolution of energy and depth in bins of lg(E/eV)."""
    from facsim.studies.reconstruction import departures

    lg = lg_ev(true[:, 0])
    return {
        "energy": departures(found[:, 0] / true[:, 0] - 1, lg, EDGES),
        "xmax": departures(found[:, 1] - true[:, 1], lg, EDGES),
    }


def rows(reached: dict[str, Performance]) -> list[Row]:
    """Bias and resolution in every bin; the truth itself has neither."""
    return [
        Row(f"reconstructed {name}", what, float(value), float(error), 0.0, 0.0, UNITS[name], bin, what == "bias")
        for name, p in reached.items()
        for what, values, errors in (("bias", p.bias, p.bias_error), ("resolution", p.resolution, p.resolution_error))
        for bin, value, error in zip(BINS, values, errors, strict=True)
    ]


def figures(seed: int, found: Array, true: Array, reached: dict[str, Performance]) -> dict[str, bytes]:
    """Found against true values, bias and resolution against energy."""
    from facsim.report import stations
    from facsim.report.study_curves import png

    edges = np.array(EDGES)
    drawn = {f"energy-{seed}": png(stations.reconstructed({"AixNet": (true[:, 0], found[:, 0])}))}
    for name, p in reached.items():
        drawn[f"{name}-resolution-{seed}"] = png(stations.bias_and_resolution({name: stations.Line(*p[:4])}, edges, "lg(E/eV)"))
    return drawn


STUDY = Study(
    "airshower-reconstruction",
    "Erdmann, Glombitza and Walz (2018), arXiv:1708.00647",
    "energy and depth of the maximum of air showers, found from the traces and arrival times of 9 x 9 stations",
    {"aixnet": "AixNet: convolutions along the traces, then densely connected separable ones over the array", "mean": "the mean of the training"},
    tuple(
        Expected(model, distance, f"reconstructed {name}", bin, None, BIAS_BARS[name] if (model, distance) == ("aixnet", "bias") else None)
        for model in ("aixnet", "mean")
        for name in FOUND
        for distance in ("bias", "resolution")
        for bin in BINS
    ),
    f"ours: bias of the energy at most {BIAS_BARS['energy']:.0%}, of the depth {BIAS_BARS['xmax']:g} g/cm2 in every bin; resolutions are shown",
    run,
)
