"""Which score sees which planted defect, and at what sample size.

    python benchmarks/defects.py ../shared/data --out results/evaluation

Defects are planted in Geant4 events; truth, training events and candidate are disjoint parts of one sample, each of the given size.
A score detects a defect if its largest excess over its columns and condition bins is more than 5 errors above the floor. The column `none`
plants nothing: what stands there is a false alarm.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import torch
from provenance import Clock, about, save, table

from facsim.core import Events, coarsen, stream
from facsim.data import read
from facsim.evaluation import sections_classifier, sections_multivariate
from facsim.evaluation.classifier import RECIPES, Recipe
from facsim.evaluation.classifier.fast import fit_fast
from facsim.evaluation.evaluate import FAST, evaluate
from facsim.evaluation.scorecard import Row

ERRORS = 5.0
SIZES = (500, 2000, 7000)
SPLITS = 2, 5  # that the classifiers score on cells and on observables (by default more for small samples, which takes longer and lowers the errors)
TAIL, COLLAPSED, TEMPLATES, COPIED, FAINT = 0.05, 0.1, 5, 0.5, 0.2

Defect = Callable[[Events, Events, np.random.Generator], Events]  # of a good candidate and the training events


# --- defects ----------------------------------------------------------------------------------------------------------


def none(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """Nothing."""
    return events


def energy_scale(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """All energies 5% higher."""
    return replace(events, response=1.05 * events.response)


def wider(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """Cells moved outwards so that transverse distances grow by 10%: each cell as a whole, to one of the two nearest places by chance."""
    response = np.zeros_like(events.response)
    place = list(np.nonzero(events.response))
    value = events.response[tuple(place)]
    polar = type(events.detector).__name__ == "PolarLayers"
    for axis in [events.response.ndim - 1] if polar else [events.response.ndim - 2, events.response.ndim - 1]:
        last = events.response.shape[axis] - 1
        middle = -0.5 if polar else last / 2
        moved = np.floor(middle + 1.1 * (place[axis] - middle) + rng.random(len(value)))
        place[axis] = np.clip(moved, 0, last).astype(np.int64)
    np.add.at(response, tuple(place), value)
    return replace(events, response=response)


def swapped_layers(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """The layers at one and at two fifths of the depth exchanged."""
    order = np.arange(events.response.shape[1])
    one, other = len(order) // 5, 2 * len(order) // 5
    order[[one, other]] = other, one
    return replace(events, response=events.response[:, order])


def dropped_tail(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """The twentieth with the largest response for their energy is missing."""
    ratio = events.cells.sum(1) / events.column("energy")
    return events[ratio <= np.quantile(ratio, 1 - TAIL)]


def collapsed_mode(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """A tenth of the responses are copies of five of them."""
    response, chosen = events.response.copy(), rng.permutation(len(events))[: round(COLLAPSED * len(events))]
    response[chosen] = response[chosen[rng.integers(TEMPLATES, size=len(chosen))]]
    return replace(events, response=response)


def shuffled_conditions(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """Conditions dealt out anew."""
    return replace(events, condition=events.condition[rng.permutation(len(events))])


def louder_noise(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """The faintest fifth of the lit cells twice as high."""
    threshold = np.quantile(events.response[events.response > 0], FAINT)
    return replace(events, response=np.where(events.response < threshold, 2 * events.response, events.response))


def dead_cell(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """The cell with the twentieth largest mean is silent."""
    response = events.cells.copy()
    response[:, np.argsort(-response.mean(0))[19]] = 0
    return replace(events, response=response.reshape(events.response.shape))


def copied_events(events: Events, train: Events, rng: np.random.Generator) -> Events:
    """Half of the events are training events."""
    condition, response = events.condition.copy(), events.response.copy()
    chosen = rng.permutation(len(events))[: round(COPIED * len(events))]
    condition[chosen], response[chosen] = train.condition[chosen], train.response[chosen]
    return replace(events, condition=condition, response=response)


DEFECTS: dict[str, Defect] = {
    f.__name__.replace("_", " "): f
    for f in (
        none, energy_scale, wider, swapped_layers, dropped_tail, collapsed_mode, shuffled_conditions, louder_noise, dead_cell, copied_events,
    )
}  # fmt: skip
SAMPLES: dict[str, Callable[[Path], Events]] = {
    "electron_gun": lambda data: coarsen(read(data / "electron_gun" / "e100_800_1800.h5"), 2),
    "sampling_calo": lambda data: joined(data),
}
MOST: dict[str, dict[str, int]] = {  # events up to which a costly section is run, by sample
    "classifier_cells": {"sampling_calo": 500, "": 2000},
    "classifier_observables": {"": 2000},
    "distances": {"": 2000},
    "diversity": {"": 2000},
}
LEFT_OUT = {("electron_gun", "swapped layers")}  # its cells lie in one layer


def joined(data: Path) -> Events:
    """Both files of the sampling calorimeter."""
    one, other = (read(data / "sampling_calo" / f"{part}.h5") for part in ("train", "test"))
    return replace(one, condition=np.concatenate([one.condition, other.condition]), response=np.concatenate([one.response, other.response]))


# --- scores -----------------------------------------------------------------------------------------------------------


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, computed once for equal arrays: the floor is the same for every defect."""
    known: dict[bytes, Any] = {}

    def key(thing: Any) -> bytes:
        return (
            np.ascontiguousarray(thing).tobytes()
            if isinstance(thing, np.ndarray)
            else repr(thing).encode()
            if not isinstance(thing, tuple)
            else b"".join(map(key, thing))
        )

    @wraps(function)
    def once(*args: Any, **kwargs: Any) -> Any:
        told = hashlib.blake2b(b"|".join(key(a) for a in (*args, *kwargs.values()))).digest()
        if told not in known:
            known[told] = function(*args, **kwargs)
        return known[told]

    return once


def score_of(row: Row) -> str:
    """The row of the table: the kind of observable and the distance, all its columns and bins together."""
    family = row.observable.split("(")[0] if "identification" not in row.observable and "reconstruction" not in row.observable else row.observable
    family = family if family.startswith(("trigger", "reconstruction", "identification")) else family.split("[")[0]
    return f"{family}{'' if row.bin == 'all' else ' in bins'}: {row.distance}"


def sections(name: str, size: int) -> tuple[str, ...]:
    """The fast recipe without what would take too long."""
    most = {section: sizes.get(name, sizes[""]) for section, sizes in MOST.items()}
    return tuple(section for section in FAST if size <= most.get(section, size))


def excesses(sample: Events, defect: str, size: int, *, chosen: tuple[str, ...], seed: int) -> dict[str, float]:
    """Largest excess of every score."""
    rng = stream(seed, "defects", defect)
    truth, train, candidate = (sample[i * size : (i + 1) * size] for i in range(3))
    card = evaluate(DEFECTS[defect](candidate, train, rng), truth, train=train, recipe=chosen, seed=seed)
    found: dict[str, float] = {}
    for row in card.rows:
        found[score_of(row)] = max(row.excess, found.get(score_of(row), -np.inf))
    return found


# --- the table --------------------------------------------------------------------------------------------------------


def smallest(found: dict[str, dict[str, dict[str, float]]], defect: str, score: str) -> str:
    """The smallest size from which on the score detects the defect; a dash if none does, nothing where it was not computed."""
    known = {int(size): f[defect][score] > ERRORS for size, f in found.items() if defect in f and score in f[defect]}
    if not known:
        return ""
    late = [size for size in sorted(known) if all(known[s] for s in known if s >= size)]
    return str(late[0]) if late else ("unsteady" if any(known.values()) else "—")


def lines(document: dict[str, Any]) -> Iterator[str]:
    """The report in Markdown."""
    made = document["about"]
    yield "# Which score sees which planted defect"
    yield ""
    yield f"Seed {made['seed']}, revision {made['revision']}, {made['date']}, one thread."
    yield f"CPU {made['cpu_seconds']:.0f} s, wall {made['wall_seconds']:.0f} s at a load of {made['load_1min']}."
    yield ""
    yield (
        f"Number: events in each of truth, training and candidate sample from which on the score lies more than {ERRORS:g} errors above its "
        "floor (the largest over its columns and bins). Dash: at no size. Unsteady: at a smaller size, but not at the largest. "
        "Empty: not computed. Under `none` nothing was planted: a number there is a false alarm."
    )
    yield f"Sizes: {made['sizes']} (a third of the sample at most). Costly sections were run up to {_most()} events."
    yield f"The classifiers scored {SPLITS[0]} fifths of the events on cells and {SPLITS[1]} on observables."
    yield ""
    yield from (f"* {name}: {(DEFECTS[name].__doc__ or '').strip()}" for name in DEFECTS)
    for sample, found in document["results"].items():
        names = [d for d in DEFECTS if any(d in f for f in found.values())]
        scores = list(dict.fromkeys(s for f in found.values() for d in f.values() for s in d))
        yield ""
        yield f"## {sample}"
        yield ""
        yield f"Detected by at least one score: {', '.join(f'{d} ({_first(found, d, scores)})' for d in names if d != 'none')}."
        yield ""
        yield from table(["score", *names], [[s, *(smallest(found, d, s) for d in names)] for s in scores])


def _most() -> str:
    return ", ".join(f"{section} {size}{f' ({name})' if name else ''}" for section, sizes in MOST.items() for name, size in sizes.items())


def _first(found: dict[str, dict[str, dict[str, float]]], defect: str, scores: list[str]) -> str:
    sizes = [int(s) for score in scores if (s := smallest(found, defect, score)).isdigit()]
    return f"from {min(sizes)} on" if sizes else "never"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/evaluation"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="samples whose name holds this")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sections_classifier.two_sample_test = remembered(sections_classifier.two_sample_test)
    RECIPES["fast"] = Recipe(fit_fast, *SPLITS)
    sections_multivariate.feature_distances = remembered(sections_multivariate.feature_distances)
    clock = Clock()
    results: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    samples = {name: get(given.data) for name, get in SAMPLES.items() if given.only in name}
    for size in given.sizes:
        for name, sample in samples.items():
            used = min(size, len(sample) // 3)
            results.setdefault(name, {})[str(used)] = found = {}
            for defect in (d for d in DEFECTS if (name, d) not in LEFT_OUT):
                found[defect] = {k: round(v, 2) for k, v in excesses(sample, defect, used, chosen=sections(name, used), seed=given.seed).items()}
                print(name, used, defect, clock.told(), flush=True)
                sizes = {n: [int(s) for s in f] for n, f in results.items()}
                document = {"about": about(given.seed, clock, errors=ERRORS, sizes=sizes, largest_sizes=MOST), "results": results}
                save(given.out, "defects", document, lines(document))


if __name__ == "__main__":
    main()
