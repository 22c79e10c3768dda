"""Study `rich-pid`: log-likelihood differences of two RICH detectors, given species, momentum, pseudorapidity and number of tracks.

The truth is the photon simulator `rich` in place of the source's calibration data: so the same tracks can be had pure and contaminated. One model
learns all species, the source trains one model each. Contaminated data are `rich-calibration`, with sWeights from a fit of the mass, as they are,
negative ones included; of contaminated models the study tells also how the weighted tracks themselves separate.

Errors of areas are those of the test samples of truth and of generated tracks; the training's own scatter is not in them. Speed is told for one core
from the time that it has computed, not from the clock.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from facsim.core import Events, stream
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.simulators import Rich, RichCalibration
from facsim.studies.rich_pid_models import ENTRIES, blurred, encoding_for, plan_for
from facsim.studies.rich_pid_scores import (
    ETA_EDGES,
    P_EDGES,
    PION,
    SEPARATIONS,
    SIGMAS,
    Area,
    areas,
    bins,
    distribution_rows,
    efficiency,
    efficiency_rows,
    microseconds,
    number,
    pulls,
    separation_rows,
)
from facsim.studies.study import Expected, Outcome, Request, Study, Trial

if TYPE_CHECKING:
    from facsim.surrogate import Surrogate

TRUTH = Rich()
CONTAMINATION = 0.3
QUICK = 15_000  # pure tracks to train on; in a full run each model has its own number
TEST = {True: 300_000, False: 12_000}  # pions, kaons and protons to test on
TESTS = {True: 3, False: 1}  # samples of so many, over which the share of bins that depart is averaged: of 20 bins one departs by chance
TIMED = {True: 20_000, False: 5000}
BINS_BAR, TIME_BAR, PUBLISHED_RATIO = 0.10, 2.0, 0.01  # share of bins; microseconds of a core: 1e6 tracks/s on two; at least 100 times faster
AGAINST_PURE = "against training on pure signal"
THEMSELVES = "the weighted tracks themselves"
SHOWN = 6  # bins of a figure
OURS = ("mixture", "mixture-splot", "energy-distance", "energy-distance-splot", "flow", "flow-splot")


def run(request: Request) -> Outcome:
    """Train every model, those on contaminated data after their counterparts, and score each against the same tracks."""
    from facsim.studies.keep import finished, kept

    key = {"full": request.full, "truth": repr(TRUTH), "test": TEST[request.full], "tests": TESTS[request.full]}

    @cache
    def made(name: str, seed: int) -> Trial:
        pure = partial(made, ENTRIES[name].pure, seed) if ENTRIES[name].pure else None
        own = {**key, "entry": repr(ENTRIES[name]), "train": tracks_for(name, request.full)}
        return kept(request, name, seed, own, lambda: _trial(name, seed, request, pure() if pure else None))

    trials = [made(name, seed) for name in request.models for seed in request.seeds]
    others = [t for t in finished(request, set(ENTRIES) - set(request.models), key) if t.seed in request.seeds]
    ordered = sorted([*trials, *others], key=lambda trial: list(ENTRIES).index(trial.model))
    note = f"{{}} tracks, tested on {TESTS[request.full]} x {TEST[request.full] // 3} of each of pi, K, p; epochs: {{}}"
    notes = {t.model: note.format(tracks_for(t.model, request.full), t.about["epochs"]) for t in ordered}
    return Outcome(tuple(ordered), {"simulator": repr(TRUTH), "contamination": CONTAMINATION, "simulator_us": t_simulator(request.full)}, notes)


@cache
def tracks(n: int, name: str) -> Events:
    """Pure tracks of all species."""
    rng = stream(0, "rich-pid", name)
    return TRUTH.simulate(TRUTH.prior(n, rng), rng)


@cache
def tested(n: int, name: str) -> Events:
    """Pions, kaons and protons, a third each, at the same conditions for every name."""
    condition = TRUTH.prior(n, stream(0, "rich-pid", "test"))
    condition[:, 0] = np.resize([PION, *(species for species, _ in SEPARATIONS.values())], n)
    return TRUTH.simulate(condition, stream(0, "rich-pid", "test", name))


@cache
def weighted(n: int) -> Events:
    """Contaminated tracks, of which about n are signal, with sWeights."""
    from facsim.data.splot import subtract_background

    calibration, rng = RichCalibration(TRUTH, CONTAMINATION), stream(0, "rich-pid", "calibration")
    total = round(n / (1 - CONTAMINATION))
    return subtract_background(calibration.simulate(calibration.prior(total, rng), rng))[0]


@cache
def t_simulator(full: bool) -> float:
    """Microseconds of one core for one simulated track."""
    n = TIMED[full] // 5
    condition = TRUTH.prior(n, stream(0, "rich-pid", "time"))
    return round(microseconds(lambda: TRUTH.simulate(condition, stream(0, "rich-pid", "timed"))), 3)


def tracks_for(name: str, full: bool) -> int:
    """How many tracks a model is trained on."""
    return ENTRIES[name].tracks if full else QUICK


def training_events(name: str, full: bool) -> Events:
    """What a model is trained on."""
    entry, n = ENTRIES[name], tracks_for(name, full)
    events = weighted(n) if entry.pure else tracks(n, "train")
    if entry.blurred:
        events = blurred(events, stream(0, "rich-pid", "blur"))
    return replace(events, weight=events.weights / events.weights.mean())


def _trial(name: str, seed: int, request: Request, pure: Trial | None) -> Trial:
    request.say(f"rich-pid: {name}, seed {seed}")
    import torch

    from facsim.studies.tabular import train_watched

    events, plan, threads = training_events(name, request.full), plan_for(name, full=request.full, seed=seed), torch.get_num_threads()
    surrogate, _, about = train_watched(events, plan, lambda trained: {}, encoding_for(TRUTH))
    truths = [tested(TEST[request.full], f"truth {i}") for i in range(TESTS[request.full] + 1)]
    owns = [surrogate.simulate(t.condition, stream(seed, "rich-pid", "own", i), extrapolate=True) for i, t in enumerate(truths[1:])]
    (truth, other), own = truths[:2], owns[0]
    torch.set_num_threads(1)
    try:
        rows = [*averaged_shares(owns, truths), *efficiency_rows(own, truth, other), *distribution_rows(own, truth, other)]
        rows += _times(surrogate, request.full)
    finally:
        torch.set_num_threads(threads)
    if pure is not None:
        rows += [_away(separation, areas(own, separation), _kept(pure, separation, truth), AGAINST_PURE) for separation in SEPARATIONS]
        rows += [_away(separation, areas(events, separation), areas(truth, separation), THEMSELVES) for separation in SEPARATIONS]
    return Trial(name, seed, tuple(rows), {}, {**about, "smallest_weight": float(events.weights.min())}, _figures(name, own, truth))


def averaged_shares(owns: list[Events], truths: list[Events]) -> list[Row]:
    """Separation in the first samples, with the share of bins that depart averaged over all; the floor of each is the next sample of the truth."""
    from facsim.studies.summary import average

    cards = [separation_rows(own, truth, other) for own, truth, other in zip(owns, truths, truths[1:], strict=False)]
    return [average(rows) if rows[0].distance == "beyond_2_sigma" else rows[0] for rows in zip(*cards, strict=True)]


def _times(surrogate: Surrogate, full: bool) -> list[Row]:
    """Microseconds of one core for one track, and over those of the simulator."""
    condition = surrogate.draw_condition(TIMED[full], stream(0, "rich-pid", "time"))
    own, truth = microseconds(lambda: surrogate.simulate(condition, stream(0, "rich-pid", "timed"))), t_simulator(full)
    return [
        Row("time", "us_per_track", own, 0.0, truth, 0.0, "us", "one core"),
        Row("time", "over_simulator", own / truth, 0.0, 1.0, 0.0, bin="one core"),
    ]


def _kept(trial: Trial, separation: str, truth: Events) -> list[Area]:
    """Areas of another trial in all bins."""
    card = Scorecard(trial.rows)
    rows = [card.find(f"ROC area {separation}", "area", b.name) for b in bins(truth)]
    return [Area(row.value, row.error) for row in rows]


def _away(separation: str, one: list[Area], other: list[Area], bin: str) -> Row:
    """The share of bins in which two separations differ by more than their errors bear."""
    away = float(np.mean(np.abs(pulls(one, other)) > SIGMAS))
    return Row(f"ROC area {separation}", "beyond_2_sigma", away, float(np.sqrt(max(away * (1 - away), 0.01) / len(one))), 0.0455, 0.0, bin=bin)


def _figures(name: str, own: Events, truth: Events) -> dict[str, bytes]:
    from facsim.report.study_curves import png
    from facsim.report.study_pid import differences, efficiencies, pull_maps

    pdg = truth.column("pdg")
    kinds = {"pi": PION, **{separation.split("/")[0]: species for separation, (species, _) in SEPARATIONS.items()}}

    def both(inside: Array, species: int) -> tuple[Array, Array]:
        chosen = inside & (pdg == species)
        return number(truth, "dllK")[chosen], number(own, "dllK")[chosen]

    shown = list(bins(truth))[1 :: max(1, len(list(bins(truth))) // SHOWN)][:SHOWN]
    panels = {b.name: {kind: both(b.inside, species) for kind, species in kinds.items()} for b in shown}
    curves: dict[str, Any] = {}
    for separation, (species, column) in SEPARATIONS.items():
        for kind, code in ((separation.split("/")[0], species), ("pi", PION)):
            curves[f"{kind}, {column} > 0"] = efficiency(truth, separation, code), efficiency(own, separation, code)
    maps = {separation: pulls(areas(own, separation), areas(truth, separation)) for separation in SEPARATIONS}
    figures = {
        "differences": differences(panels, name, "dllK"),
        "efficiency": efficiencies(P_EDGES, curves, name),
        "pulls": pull_maps((P_EDGES, ETA_EDGES), maps),
    }
    return {key: png(figure) for key, figure in figures.items()}


def _expected() -> tuple[Expected, ...]:
    observables = [f"ROC area {separation}" for separation in SEPARATIONS]
    shares = [Expected(m, "beyond_2_sigma", o, "all", None, BINS_BAR if m in OURS else None) for m in ENTRIES for o in observables]
    pure = [Expected(m, "beyond_2_sigma", o, AGAINST_PURE, None, BINS_BAR) for m, e in ENTRIES.items() if e.pure for o in observables]
    weighted = [Expected(m, "beyond_2_sigma", o, THEMSELVES) for m, e in ENTRIES.items() if e.pure for o in observables]
    differences = [Expected(m, "mean_difference", o, "all") for m in ENTRIES for o in observables]
    fast = [Expected(m, "us_per_track", "time", "one core", None, TIME_BAR) for m in ("mixture", "energy-distance")]
    ratios = [Expected(m, "over_simulator", "time", "one core", PUBLISHED_RATIO) for m in ENTRIES if not ENTRIES[m].pure]
    distributions = [Expected(m, "wasserstein", name, "all") for m in ENTRIES for name in ("dllK", "dllP")]
    return (*shares, *pure, *weighted, *fast, *ratios, *differences, *distributions)


STUDY = Study(
    "rich-pid",
    "Maevskiy (2020), with arXiv:1905.11825",
    "particle identification by two RICH detectors, from pure and from contaminated tracks",
    {name: entry.what for name, entry in ENTRIES.items()},
    _expected(),
    f"ours: ROC areas of K/pi and p/pi within {SIGMAS:g} sigma in 90% of the bins, also from contaminated data, equal to those from pure data; "
    f"mixture at most {TIME_BAR:g} us a track on one core (1e6 tracks/s on two)",
    run,
    seeds=1,
)
