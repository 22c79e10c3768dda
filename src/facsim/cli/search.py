"""`facsim search`: look for good settings of a model and its training."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from facsim.cli.options import Seed, card, positive
from facsim.cli.show import say, show_table
from facsim.core import Events, FacsimError

if TYPE_CHECKING:
    from facsim.training.search import Trial

CARD = {"data", "search", "sampler", "held_out", "events", "format", "coarsen", "model"}  # lines of the card that are no settings of fit
DEFAULTS: dict[str, Any] = {"model": "vae", "sampler": "tpe", "held_out": 0.2, "coarsen": 1}
SHOWN = 10
LEAST_SPREAD = 1e-9


def search(
    card_file: Path, /, *, trials: int, storage: str | None = None, workers: int = 1, out: Path | None = None, seed: Seed = 0, worker: int = 0
) -> None:
    """Train many surrogates with different settings and keep the settings of the best.

    The score is the mean Wasserstein distance of the observables, in standard deviations, on events held out of the training.

    Parameters
    ----------
    card_file
        YAML card: `data: FILE`, settings as for `facsim fit --card`, and `search:` with a list of choices, or {low, high, log}, for each setting
        (or part of one: `learning_rate.critic`).
        Optional: `sampler: tpe|random`, `held_out: 0.2`, `events: N` to train on fewer, `coarsen`, `format`.
    trials
        Finished trials that there shall be in the storage: the same command again goes on where it was.
    storage
        URL of the storage that all workers share (an SQLite file in --out unless given).
    workers
        Processes that search at the same time.
    out
        Folder for the storage and best.yaml, a card for `facsim fit` (the card's name without its ending unless given).
    seed
        Seed of the sampler, the split and the trainings.
    worker
        Number of this process among the workers, set by the first.
    """
    from facsim.training.search import checked_space, finished
    from facsim.training.search import search as run_search

    told = {**DEFAULTS, **card(card_file)}
    if "data" not in told:
        raise FacsimError(f"the card {card_file} names no data", expected="a line such as data: events.h5")
    space = checked_space(told.get("search") or {})
    folder = out if out is not None else card_file.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    url, name = storage or f"sqlite:///{folder / 'search.db'}", card_file.stem
    _check_settings(told, space, seed)
    others = [_worker(number, card_file, trials, url, folder, seed) for number in range(1, positive(workers, "--workers"))]
    try:
        train, held = _events(told, seed)
        run_search(
            space,
            lambda chosen, number: _score(told, chosen, train, held, seed + number),
            trials=positive(trials, "--trials"),
            storage=url,
            name=name,
            sampler=str(told["sampler"]),
            seed=seed,
            worker=worker,
        )
    finally:
        for other in others:
            other.wait()
    if worker == 0:
        _tell(finished(url, name, space), folder, told)


def _worker(number: int, card_file: Path, trials: int, url: str, folder: Path, seed: int) -> subprocess.Popen[bytes]:
    options = ["--trials", str(trials), "--storage", url, "--out", str(folder), "--seed", str(seed), "--worker", str(number)]
    return subprocess.Popen([sys.executable, "-m", "facsim", "search", str(card_file), *options])


def _events(told: dict[str, Any], seed: int) -> tuple[Events, Events]:
    from facsim.core import coarsen
    from facsim.data import read

    events = read(told["data"], told.get("format"), 0, told.get("events"))
    return coarsen(events, int(told["coarsen"])).split(1 - float(told["held_out"]), seed)


def _plan(told: dict[str, Any], chosen: dict[str, Any], seed: int) -> Any:
    from facsim.cli.fit import make_plan
    from facsim.training.search import with_parts

    return make_plan(str(told["model"]), with_parts({k: v for k, v in told.items() if k not in CARD}, chosen), seed)


def _check_settings(told: dict[str, Any], space: dict[str, Any], seed: int) -> None:
    """Refuse settings that no family has before anything is trained."""
    _plan(told, {name: entry[0] if isinstance(entry, list) else entry["low"] for name, entry in space.items()}, seed)


def _score(told: dict[str, Any], chosen: dict[str, Any], train: Events, held: Events, seed: int) -> float:
    """Mean over the observables of the Wasserstein distance between held-out events and as many generated ones."""
    from facsim.core import stream
    from facsim.data.memory import InMemory
    from facsim.evaluation.distances import distance
    from facsim.evaluation.observables import features
    from facsim.studies.workflow import train as train_surrogate

    surrogate, _ = train_surrogate(InMemory(train, str(told["data"])), _plan(told, chosen, seed))
    made, _ = features(surrogate.simulate(held.condition, stream(seed, "candidate"), extrapolate=True))
    true, _ = features(held)
    varying = [i for i in range(true.shape[1]) if true[:, i].std() > LEAST_SPREAD]
    score = sum(distance("wasserstein", made[:, i], true[:, i]) for i in varying) / len(varying)
    say(f"{score:.4g}: " + ", ".join(f"{key}={value}" for key, value in chosen.items()))
    return score


def _tell(trials: list[Trial], folder: Path, told: dict[str, Any]) -> None:
    cells = [
        (str(t.number), "failed" if t.score is None else f"{t.score:.4g}", ", ".join(f"{k}={v}" for k, v in t.settings.items()), t.failure)
        for t in trials[:SHOWN]
    ]
    show_table(f"The best of {len(trials)} trials", ("trial", "score", "settings", "failure"), cells, right=("trial", "score"))
    if trials and trials[0].score is not None:
        from facsim.core.atomic import write_whole
        from facsim.training.search import with_parts

        best = with_parts({key: value for key, value in told.items() if key not in CARD - {"model", "coarsen"}}, trials[0].settings)
        write_whole(folder / "best.yaml", yaml.safe_dump(best, sort_keys=False).encode())
        say(f"{folder / 'best.yaml'}: facsim fit {told['data']} --card {folder / 'best.yaml'} --out RUN")
