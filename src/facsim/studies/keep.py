"""Trials on disk: each is written when it is done, so that a run that was cut off goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facsim.evaluation.scorecard import rows_from
from facsim.studies.run import replace_file
from facsim.studies.study import Request, Trial

Key = Mapping[str, Any]  # what a trial depends on besides model and seed, as JSON has it


def kept(request: Request, model: str, seed: int, key: Key, make: Callable[[], Trial]) -> Trial:
    """The trial that is finished in the request's folder with all of the key, else the one that is made now and written at once with its figures."""
    if request.out is None:
        return make()
    path = _path(request.out, model, seed)
    found = None if request.fresh else _read(path, key)
    if found is not None:
        request.say(f"{model}, seed {seed}: done already, see {path}")
        return found
    trial = make()
    for name, figure in trial.figures.items():
        replace_file(path.parent / f"{name}.png", figure)
    document = {"key": dict(key), "rows": [asdict(row) for row in trial.rows], "curves": trial.curves, "about": trial.about}
    replace_file(path, (json.dumps({"model": model, "seed": seed, **document}, indent=1, allow_nan=False) + "\n").encode())
    return trial


def finished(request: Request, models: Iterable[str], key: Key) -> list[Trial]:
    """The trials of these models and the request's seeds that are finished in its folder with all of the key."""
    paths = [] if request.out is None else [_path(request.out, model, seed) for model in models for seed in request.seeds]
    return [trial for path in paths if (trial := _read(path, key)) is not None]


def _path(out: Path, model: str, seed: int) -> Path:
    return out / model / f"trial-{seed}.json"


def _read(path: Path, key: Key) -> Trial | None:
    """The trial of a file, if there is one that was made with all of the key."""
    try:
        kept = json.loads(path.read_text())
        if any(kept["key"].get(name) != value for name, value in key.items()):
            return None
        return Trial(kept["model"], kept["seed"], rows_from(kept["rows"]), kept["curves"], kept["about"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or of another version: it is made anew
