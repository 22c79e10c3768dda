"""Study `airshower-refinement`: traces of a wrong simulation refined until they fit data, judged by the energies that AixNet then finds in data.

"Data" are the vertical showers of `airshower-patterns` with traces; the "simulation" has the split of muons and electromagnetic particles inverted
(70/30), half the noise and half the fluctuations. Four settings: AixNet trained on (a) simulation and tested on simulation, (b) simulation and data,
(c) refined simulation and data, (d) data and data, which is the best that (c) can come to. The source has (a) to (c).

What is halved: the mean and the spread of the noise in a bin (and the trigger, which is a multiple of it), the fluctuation of the number of particles
and the 5 % of each bin. The source's benchmark of the resolution is (a), which it does not reach either. As (a) sees showers that fluctuate half as
much as data, (d) itself is worse by far more than the bar. What a refiner can reach is (d): both comparisons are made.

The energy scale of data is only known from their distribution of energies, which is that of the simulation: n events fix it to about
50 % / sqrt(n) of the range, so that a refiner needs many more events than AixNet.
"""

from __future__ import annotations

import time
from functools import lru_cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from facsim.core import Events, stream
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row
from facsim.simulators import VerticalShowers
from facsim.simulators.airshower import BIN_WIDTH, EEV
from facsim.simulators.observatories import airshower_vertical
from facsim.studies.study import Expected, Outcome, Request, Study, Trial

if TYPE_CHECKING:
    from facsim.studies.reconstruction import Performance, Reconstruction
    from facsim.studies.refining import RefinePlan
    from facsim.surrogate.refinement import Refinement
    from facsim.training import History

WRONG: dict[str, Any] = {"muon_fraction": 0.7, "noise": 0.5, "fluctuations": 0.5}
EVENTS = {  # `refine` of each sample for the refiner, the first `train` of them for AixNet; published: 100,000 of each
    "full": {"refine": 40_000, "train": 4000, "test": 3000},
    "quick": {"refine": 800, "train": 400, "test": 400},
}
EPOCHS = {"full": {"traces": 5, "aixnet": 10}, "quick": {"traces": 1, "aixnet": 8}}
PUBLISHED_STEPS = 10_000  # of the refiner
EDGES = (1, *range(10, 101, 10))  # EeV
BINS = tuple(f"{low}-{high} EeV" for low, high in pairwise(EDGES))
SHOWN = 69.0  # EeV
LEFT_BAR, RESOLUTION_BAR = 0.20, 0.15

MAPS = 8  # instead of 64
PRINTED: dict[str, Any] = {"maps": MAPS, "blocks": 4, "penalty": 5.0, "critic_steps": 10}
PRINTED_RATE, PRINTED_BATCH = 1e-4, 100


class Sample(NamedTuple):
    """Events to refine with and to train on, and others to test with."""

    refine: Events
    test: Events


class Settings(NamedTuple):
    """What does not depend on the refiner: both samples, and AixNet trained on each."""

    simulation: Sample
    data: Sample
    of_simulation: Reconstruction
    of_data: Reconstruction


def run(request: Request) -> Outcome:
    """Refine with the refiners and seeds of the request; what is finished of others is shown beside it."""
    from facsim.studies.keep import finished, kept

    mode = "full" if request.full else "quick"
    made = [kept(request, m, s, key_of(m, mode), partial(trial, m, s, mode, request)) for s in request.seeds for m in request.models]
    trials = (*made, *(t for m in STUDY.models if m not in request.models for t in finished(request, [m], key_of(m, mode))))
    sizes = f"refined with {EVENTS[mode]['refine']}, AixNet trained on {EVENTS[mode]['train']} of 100,000 events"
    steps = EPOCHS[mode]["traces"] * (EVENTS[mode]["refine"] // PRINTED_BATCH) // (PRINTED["critic_steps"] + 1)
    notes = {"traces": f"{steps} of {PUBLISHED_STEPS} refiner steps, {MAPS} of 64 maps; {sizes}", "ranks": sizes}
    about = {"data": repr(airshower_vertical()), "simulation": repr(airshower_vertical(**WRONG))}
    return Outcome(trials, about, {m: notes[m] for m in dict.fromkeys(t.model for t in trials)})


def key_of(model: str, mode: str) -> dict[str, Any]:
    """What a trial depends on."""
    return {"events": EVENTS[mode], "epochs": {k: EPOCHS[mode][k] for k in (model, "aixnet") if k in EPOCHS[mode]}}


def trial(model: str, seed: int, mode: str, request: Request) -> Trial:
    """One refiner with one seed: the simulation refined, AixNet trained on it, its energies of data."""
    request.say(f"airshower-refinement: {model}, seed {seed}")
    from facsim.studies.reconstruction import train_reconstruction
    from facsim.studies.refining import make_refinement

    started, common = time.process_time(), settings(seed, mode)
    refinement, history = make_refinement(common.simulation.refine, common.data.refine, plan_of(model, seed, mode))
    refined = refinement.refine(common.simulation.refine[: EVENTS[mode]["train"]], stream(seed, "refine"))
    aixnet = train_reconstruction(refined, ["energy"], epochs=EPOCHS[mode]["aixnet"], seed=seed)
    found = {
        "a simulation on simulation": found_energies(common.of_simulation, common.simulation.test),
        "b simulation on data": found_energies(common.of_simulation, common.data.test),
        "c refined on data": found_energies(aixnet, common.data.test),
        "d data on data": found_energies(common.of_data, common.data.test),
    }
    reached = {name: judged(*energies) for name, energies in found.items()}
    losses = losses_of(history)
    about = {**key_of(model, mode), "cpu_seconds": round(time.process_time() - started, 1)}
    about |= {name: {"bias": p.bias.round(4).tolist(), "resolution": p.resolution.round(4).tolist()} for name, p in reached.items()}
    drawn = figures(seed, found, reached, refinement, {**losses, "AixNet on refined": list(aixnet.curve)})
    return Trial(model, seed, tuple(score(reached)), {model: losses} if losses else {}, about, drawn)


@lru_cache(maxsize=1)
def settings(seed: int, mode: str) -> Settings:
    """Both samples, and AixNet trained on each."""
    from facsim.studies.reconstruction import train_reconstruction

    simulation, data = (Sample(*(draw(of, EVENTS[mode][part], seed, name, part) for part in Sample._fields)) for name, of in simulators().items())
    nets = [train_reconstruction(s.refine[: EVENTS[mode]["train"]], ["energy"], epochs=EPOCHS[mode]["aixnet"], seed=seed) for s in (simulation, data)]
    return Settings(simulation, data, *nets)


def simulators() -> dict[str, VerticalShowers]:
    """The simulation, and what data come from."""
    return {"simulation": airshower_vertical(**WRONG), "data": airshower_vertical()}


def draw(simulator: VerticalShowers, n: int, seed: int, name: str, part: str) -> Events:
    """Events with energies of the prior."""
    rng = stream(seed, name, part)
    return simulator.simulate(simulator.prior(n, rng), rng)


def plan_of(model: str, seed: int, mode: str) -> RefinePlan:
    """How each refiner is trained."""
    from facsim import training
    from facsim.studies.refining import RefinePlan

    if model == "ranks":
        return RefinePlan(model="ranks", training=training.Settings(epochs=1, seed=seed, device="cpu"))
    how = training.Settings(epochs=EPOCHS[mode]["traces"], learning_rate=PRINTED_RATE, betas=(0.5, 0.999), seed=seed, device="cpu")
    return RefinePlan(model="traces", settings=PRINTED, batch_size=PRINTED_BATCH, training=how)


def found_energies(aixnet: Reconstruction, events: Events) -> tuple[Array, Array]:
    """True and reconstructed energies in MeV, [n] each."""
    return events.condition[:, 0].astype(np.float64), aixnet.find(events)[:, 0]


def judged(true: Array, found: Array) -> Performance:
    """Bias and resolution in bins of the true energy."""
    from facsim.studies.reconstruction import performance

    return performance(found, true, EDGES, EEV, " EeV")


def score(reached: dict[str, Performance]) -> list[Row]:
    """The share of the bias that is left, the excess of the resolution over (a), and bias and resolution of (c) in every bin.

    Floors are those of setting (d).
    """
    a, b, c, d = reached.values()
    rows = [
        Row("energy of data", "bias_left", *left(c, b), *left(d, b)),
        Row("energy of data", "resolution_worse_than_simulation", *excess(c, a), *excess(d, a)),
        Row("energy of data", "resolution_worse_than_data", *excess(c, d), 0.0, 0.0),
    ]
    for i, name in enumerate(BINS):
        rows.append(Row("energy of data", "bias", *_at(c.bias, c.bias_error, i), *_at(d.bias, d.bias_error, i), bin=name, signed=True))
        rows.append(
            Row("energy of data", "resolution", *_at(c.resolution, c.resolution_error, i), *_at(d.resolution, d.resolution_error, i), bin=name)
        )
    return rows


def _at(value: Array, error: Array, i: int) -> tuple[float, float]:
    return float(value[i]), float(error[i])


def left(after: Performance, before: Performance) -> tuple[float, float]:
    """Sum of the magnitudes of the bias in all bins over that without refinement, and its error."""
    whole = np.abs(before.bias).sum()
    return float(np.abs(after.bias).sum() / whole), float(np.sqrt(np.square(after.bias_error).sum()) / whole)


def excess(resolution: Performance, reference: Performance) -> tuple[float, float]:
    """Mean over the bins of the ratio of two resolutions, less 1, and its error; 0 where it is better."""
    ratio = resolution.resolution / reference.resolution
    error = ratio * np.hypot(resolution.resolution_error / resolution.resolution, reference.resolution_error / reference.resolution)
    return max(float(ratio.mean() - 1), 0.0), float(np.sqrt(np.square(error).sum()) / len(ratio))


def losses_of(history: History) -> dict[str, list[float]]:
    """The critic's loss -C1 + C2 and its parts per epoch; nothing for a refiner without training."""
    columns = history.terms()
    if "-C1" not in columns:
        return {}
    return {"-C1 + C2": [a + b for a, b in zip(columns["-C1"], columns["C2"], strict=True)], **columns}


def same_shower(refinement: Refinement, seed: int) -> dict[str, Events]:
    """One shower with the same random numbers as data, simulation and refined simulation."""
    condition = np.array([[SHOWN * EEV]])
    events = {name: simulator.simulate(condition, stream(seed, "same shower")) for name, simulator in simulators().items()}
    return {
        "data": events["data"],
        "simulation": events["simulation"],
        "refined": refinement.refine(events["simulation"], stream(seed, "refine one")),
    }


def figures(
    seed: int, found: dict[str, tuple[Array, Array]], reached: dict[str, Performance], refinement: Refinement, losses: dict[str, list[float]]
) -> dict[str, bytes]:
    """Reconstructed against true energies, bias and resolution, traces of two stations, losses."""
    from facsim.report import stations
    from facsim.report.study_curves import png

    shown = same_shower(refinement, seed)
    places = {f"hottest station, {SHOWN:g} EeV": (4, 4), "its neighbour": (4, 5)}
    panels = {title: {name: e.response[0][place] for name, e in shown.items()} for title, place in places.items()}
    lines = {name: stations.Line(*p[:4]) for name, p in reached.items()}
    return {
        f"energy-{seed}": png(stations.reconstructed(found)),
        f"resolution-{seed}": png(stations.bias_and_resolution(lines, np.array(EDGES, dtype=float), "true energy [EeV]")),
        f"traces-{seed}": png(stations.trace_panels(panels, BIN_WIDTH)),
        f"losses-{seed}": png(stations.loss_curves({name: {name: values} for name, values in losses.items()}, "epoch")),
    }


STUDY = Study(
    "airshower-refinement",
    "Erdmann, Geiger, Glombitza and Schmidt (2018), arXiv:1802.03325, section 5",
    "traces of an array refined from a wrong simulation to data, judged by the energies found in data",
    {
        "traces": f"as printed with {MAPS} of 64 maps: residual convolutions along each trace against a Wasserstein critic",
        "ranks": "ours: every sum and share keeps its rank among events of its energy, which for data is inferred from the sums of all stations",
    },
    tuple(
        Expected(model, distance, "energy of data", "all", None, bar)
        for model in ("traces", "ranks")
        for distance, bar in (
            ("bias_left", LEFT_BAR),
            ("resolution_worse_than_simulation", RESOLUTION_BAR),
            ("resolution_worse_than_data", RESOLUTION_BAR),
        )
    ),
    f"at most {LEFT_BAR:.0%} of the bias left, resolution within {RESOLUTION_BAR:.0%} of that of simulation on simulation, and of data on data",
    run,
)
