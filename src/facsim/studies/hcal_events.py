"""What the studies of full events in the LHCb hadronic calorimeter share: events, observables, trigger rates, one event made many times.

* Truth: a file of the simulator `lhcb-events` (`--set events=FILE`), or without it the packaged sample of 600 events. Transverse energies of tracks
  are those of the place where they hit the face, as the cells tell theirs.
* Models see an image of 64x64 pixels; in the light of the tracks alone neutral hadrons, and charged ones that leave no track, are chance.
* The resolution is the tracks' transverse energy less that of all cells.
* Cells below 1 MeV are not read out: what models learn, and what classifiers see. All other observables are of all cells.
* Trigger rates: in bins of the total energy, in units of their statistical error; the floor is that of the training events.
* Variety of one event: models make it 1,000 times from its tracks. The truth simulates the same tracks as often, and draws again what models are not
  told: each time the unseen particles, and unless models know them the kinds of those that left the tracks (a muon leaves next to nothing), are
  of one of the 400 events whose tracks, as far as models are told of them, are most like: in number, and in the logarithm of their energy.
  Spread: all events together, see `spread_row`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facsim.core import Events, FacsimError, Variable, only, stream
from facsim.core.events import Array
from facsim.evaluation.hadron_trigger import decisions, rate_rows
from facsim.evaluation.scorecard import NO_ERROR, Row, Scorecard
from facsim.studies.calorimeter import SECTIONS, Calorimeter, Model, Sample
from facsim.studies.calorimeter import SETTINGS as COMMON
from facsim.studies.hcal import VARIED, beside, read_out, separation_rows, showers, showers_of_one, total
from facsim.studies.study import Expected, Request, Study
from facsim.studies.variety import Repeated, spread_row, variety_rows

if TYPE_CHECKING:
    from facsim.simulators import FullEvents
    from facsim.simulators.full_events import Incident
    from facsim.surrogate import Surrogate

TEST_SHARE, TEST_MOST = 0.3, 2500  # events to score on
QUICK_TRAIN, QUICK_TEST = 200, 80
READ_OUT = 1.0  # MeV
EDGES = (0.0, 2e4, 3e4, 4e4, 5.5e4, 2e5)  # MeV of total energy
BINS = [f"{low / 1e3:g}-{high / 1e3:g} GeV" for low, high in pairwise(EDGES)]
BATCHES = (10, 100, 1000)
LIKE = 400  # events to train on from which unseen particles are taken
REPEATED = {"few tracks": 0.25, "middle": 0.5, "many tracks": 0.75}  # quantiles of the tracks' energy
PULL_BAR = 2.0
GEANT4_MS = 2.5 * 520.0  # of one core: 2.5 ms per GeV, 520 GeV of hadrons on the cells of an event
HADRONS = Variable("hadrons", "MeV", 0.0, 6.5e6, shape=(64, 64))
SEEN = tuple(name for name in SECTIONS if name != "classifier_cells")  # 1488 cells cost half a minute
SETTINGS = {
    "events": "file of facsim simulate lhcb-events; without it the packaged sample",
    "library": "folder of Geant4 showers to simulate events again; without it they are parameterised",
    "epochs": COMMON["epochs"],
}


def track_energy(events: Events) -> Array:
    """Transverse energy of all tracks, MeV, [n]."""
    return np.asarray(events.column("tracks").sum((1, 2), dtype=np.float64))


OBSERVABLES: dict[str, Callable[[Events], Array]] = {**VARIED, "resolution": lambda events: track_energy(events) - total(events)}


def judged(events: Events) -> Events:
    """The cells that are read out, and the tracks' energy as the only condition."""
    seen = (Variable("track_energy", "MeV", 0.0),)
    return replace(read_out(events, READ_OUT), condition=track_energy(events)[:, None], variables=seen)


def sample_of(request: Request) -> Sample:
    """Events to train on and events to score on, whole."""
    from facsim.data import load_sample, open_reader

    path = request.settings.get("events")
    events = load_sample("lhcb-events") if path is None else open_reader(Path(str(path))).read()
    source = "packaged sample" if path is None else f"{Path(str(path)).name} ({open_reader(Path(str(path))).fingerprint[:16]})"
    if "particle_energy" not in [v.name for v in events.variables]:
        raise FacsimError(f"{path} holds no full events", expected="a file of facsim simulate lhcb-events", got=[v.name for v in events.variables])
    size = min(TEST_MOST, round(TEST_SHARE * len(events)))
    train, test = events[size:], events[:size]
    if not request.full:
        train, test = train[:QUICK_TRAIN], test[:QUICK_TEST]
    return Sample(train, test, f"{source}, {len(train)} and {len(test)} events", sees=lambda e: only(e, "tracks"), judged=judged)


Given = Callable[[Events, int, np.random.Generator], Array]


def again(sample: Sample, simulator: FullEvents, given: Given, *, blur: float = 0.0, known: bool = False) -> list[Repeated]:
    """Some of the events to score on, to make many times; `given` is what models see of one event, n times. Both parts need lists of particles.

    With `known` models are told the tracks of hadrons alone, so that the truth keeps the kinds of the particles that left tracks.
    """
    order = np.argsort(track_energy(sample.test))
    chosen = {name: int(order[round(quantile * (len(order) - 1))]) for name, quantile in REPEATED.items()}
    return [_repeated(name, sample.test[event : event + 1], sample.train, simulator, given, blur=blur, known=known) for name, event in chosen.items()]


def _repeated(name: str, event: Events, others: Events, simulator: FullEvents, given: Given, *, blur: float, known: bool) -> Repeated:
    like = others.condition[alike(event, others, known)]

    def truth(n: int, number: int) -> Events:
        rng = stream(0, "truth", name, number)
        return simulator.simulate(drawn_again(event.condition[0], rng.choice(like, n), rng, blur, known), rng)

    return Repeated(name, lambda n, rng: given(event, n, rng), cache(truth))


def alike(event: Events, others: Events, known: bool = False) -> Array:
    """Of other events those whose tracks are most like those of one, of hadrons alone where kinds are `known`; see `_tracks`."""
    told, own = (_tracks(events, known) for events in (others, event))
    distance = np.square((told - own) / np.maximum(told.std(0), 1e-9)).sum(1)
    return np.argsort(distance)[:LIKE]


def _tracks(events: Events, hadrons: bool) -> Array:
    """Logarithm of the energy of all tracks, or of those of hadrons alone, and their number, [n, 2]."""
    from facsim.simulators.full_events import MUONS, particles_of

    particles = particles_of(events.condition)
    seen = (particles.track > 0) & ((particles.kind < MUONS) | (not hadrons))
    energy, number = (np.bincount(particles.event[seen], weights, len(events)) for weights in (particles.track[seen], None))
    return np.column_stack([np.log(np.maximum(energy, 1.0)), number])


def images_alone(events: Events) -> Events:
    """The events without their lists of particles, but with the image of the tracks that hadrons left."""
    from facsim.simulators.full_events import MUONS, particles_of, tracker_images

    particles = particles_of(events.condition)
    hadrons = type(particles)(*(values[particles.kind < MUONS] for values in particles))
    return beside(without_lists(events), HADRONS, tracker_images(hadrons, len(events)).reshape(len(events), -1))


def without_lists(events: Events) -> Events:
    """The events without their lists of particles, which no model sees."""
    return only(events, *(v.name for v in events.variables if not v.name.startswith("particle")))


def drawn_again(condition: Array, others: Array, rng: np.random.Generator, blur: float = 0.0, known: bool = False) -> Array:
    """Conditions [n, c]: the tracks of one event [c], but whatever they do not tell is drawn again.

    The particles without tracks are those of other events [n, c], and so, unless `known`, are the kinds of those that left tracks, by their rank in
    energy. Tracks are anywhere within squares of `blur` mm, the pixels of an image of them.
    """
    from facsim.simulators.full_events import Incident, as_condition, particles_of

    n = len(others)
    own, rest = (
        _part(particles, of) for particles, of in ((particles_of(condition[None].repeat(n, axis=0)), np.greater), (particles_of(others), np.equal))
    )
    if not known:
        own = own._replace(kind=_kinds(own, _part(particles_of(others), np.greater), n))
    if blur:
        own = own._replace(**{axis: (np.floor(getattr(own, axis) / blur) + rng.random(len(own.event))) * blur for axis in ("x", "y")})
    together = Incident(*(np.concatenate(values) for values in zip(own, rest, strict=True)))
    return as_condition(together, condition[None, :6].repeat(n, axis=0).reshape(n, 3, 2))


def _part(particles: Incident, of: Callable[[Array, float], Array]) -> Incident:
    """Those with a track (`of` np.greater) or without (np.equal)."""
    return type(particles)(*(values[of(particles.track, 0)] for values in particles))


def _kinds(own: Incident, others: Incident, events: int) -> Array:
    """Kinds of particles on cells, from those of others on cells in the same event, of the same rank in energy; beside the cells, their own."""
    from facsim.simulators.hcal import WALL, on_cells

    mine, theirs = (on_cells(WALL, particles.x, particles.y) for particles in (own, others))
    found, event = others.kind[theirs], own.event[mine]
    counts = np.bincount(others.event[theirs], minlength=events)
    rank = np.arange(len(event)) - np.searchsorted(event, event)
    place = (counts.cumsum() - counts)[event] + rank % np.maximum(counts[event], 1)
    kind = own.kind.copy()
    kind[mine] = np.where(counts[event] > 0, np.append(found, 0)[place], kind[mine])
    return kind


def simulator_of(request: Request) -> FullEvents:
    """The truth, to simulate events again."""
    from facsim.simulators import FullEvents

    return FullEvents(showers_of_one(showers(str(request.settings.get("library", "")))))


def scores(candidate: Events, sample: Sample, card: Scorecard) -> list[Row]:
    """Separation powers, trigger rates, and the spread of all events together."""
    rows = [*separation_rows(candidate, sample, OBSERVABLES), *trigger_rows(candidate, sample)]
    for name, observable in VARIED.items():
        pairs = observable(candidate).reshape(-1, len(sample.test)).astype(np.float64)
        rows.append(spread_row(name, pairs, observable(sample.test)))
    return rows


def trigger_rows(candidate: Events, sample: Sample) -> list[Row]:
    """HTOS and HTIS rates in bins of the total energy; 1000 errors where the candidate or the truth has no event."""
    from facsim.simulators.full_events import signal_places

    parts = (candidate, sample.test, sample.train)
    (ours, truth, other), energies = [decisions(e, signal_places(e)) for e in parts], [total(e) for e in parts]
    found, floor = (
        {(row.observable, row.bin): row.value for row in rate_rows(made, truth, (energy, energies[1]), EDGES)}
        for made, energy in ((ours, energies[0]), (other, energies[2]))
    )
    return [
        Row(name, "rate_pull", found.get((name, bin), NO_ERROR), 1.0, floor.get((name, bin), NO_ERROR), 0.0, bin=bin)
        for bin in BINS
        for name in ("htos", "htis")
    ]


def own_scores(surrogate: Surrogate, sample: Sample, full: bool) -> list[Row]:
    """The variety of single events, and the time for an image in batches of several sizes."""
    from facsim.studies.electron_gun_scores import speed_row

    rows = variety_rows(surrogate, sample.repeats, VARIED, full)
    if sample.before_ms:
        rows.append(Row("first_step", "ms_per_image", sample.before_ms, 0.0, 0.0, 0.0, "ms"))
    for batch in BATCHES if full else BATCHES[:1]:
        rows.append(Row(**{**vars(speed_row(surrogate, batch, 1.0 if full else 0.05)), "bin": f"batch {batch}"}))
    return rows


def expected(models: Sequence[str], ours: Sequence[str], milliseconds: float | None) -> tuple[Expected, ...]:
    """The bars of our models; the same numbers of the source's, which published pictures."""
    rows: list[Expected] = []
    for model in models:
        bars: dict[str, Any] = {"separation": 0.02, "pull": PULL_BAR, "variance": 0.2, "time": milliseconds} if model in ours else {}
        rows += [Expected(model, "separation", f"source[{name}]", "all", None, bars.get("separation")) for name in OBSERVABLES]
        rows += [Expected(model, "rate_pull", name, bin, None, bars.get("pull")) for name in ("htos", "htis") for bin in BINS]
        rows += [Expected(model, "variance_ratio", f"variety[{name}]", event, None, bars.get("variance")) for event in REPEATED for name in VARIED]
        rows += [Expected(model, "variance_ratio", f"spread[{name}]", "all") for name in VARIED]
        rows += [Expected(model, "auc", "observables", "all"), Expected(model, "ms_per_image", "time", "all", None, bars.get("time"))]
    return tuple(rows)


def event_parts(name: str, models: Mapping[str, Model], sample: Callable[[Request], Sample]) -> Calorimeter:
    """How the models of full events are trained and scored."""
    return Calorimeter(
        name=name,
        models=models,
        scores=scores,
        own=own_scores,
        geant4_ms=GEANT4_MS,
        sample=sample,
        quick=SEEN,
        full=SEEN,
        speed=(1000, 3.0),
    )


def event_study(
    parts: Calorimeter, how: str, *, appendix: str, milliseconds: float | None = None, settings: Mapping[str, str] | None = None
) -> Study:
    """A study of full events, made `how`; one image of our model may cost so many milliseconds of one core."""
    bars = "separation power at most 0.02, HTOS and HTIS within 2 errors in all energy bins, variance of an event within 20%"
    fast = "" if milliseconds is None else f", {2e3 / milliseconds:g} images/s on 2 cores"
    return Study(
        parts.name,
        f"LHCb HCAL study (2019), sections 2.2 and 5.3 to 5.4, appendix {appendix}",
        f"full events of B -> D mu nu on the LHCb HCAL: {how}",
        {name: model.what for name, model in parts.models.items()},
        expected(list(parts.models), [name for name in parts.models if name.startswith("tree")], milliseconds),
        f"tree: {bars}{fast}",
        parts.run,
        settings={**SETTINGS, **(settings or {})},
        seeds=3,
        bundles=True,
    )
