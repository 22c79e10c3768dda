"""Run a study and write what came of it: summary.json, about.json, a scorecard for each model, and the curves."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from facsim.core import FacsimError, look_up
from facsim.studies.study import Outcome, Request, Study
from facsim.studies.summary import scorecard, summarise


def request_for(study: Study, *, model: str | None = None, full: bool = False, seed: int = 0, **options: Any) -> Request:
    """The request for one model or all, with one seed (quick) or those of a full run, from `seed` on.

    Raises:
        FacsimError: if the study has no such model or setting, or takes no trained surrogates.
    """
    for name in (*([] if model is None else [model]), *options.get("bundles", ())):
        look_up(study.models, name, f"model of study {study.name}")
    for name in options.get("settings", ()):
        look_up(study.settings, name, f"setting of study {study.name}")
    if options.get("bundles") and not study.bundles:
        raise FacsimError(f"study {study.name} trains all its models itself", expected="no bundle", got=", ".join(options["bundles"]))
    models = tuple(study.models) if model is None else (model,)
    return Request(models, tuple(range(seed, seed + (study.seeds if full else 1))), full, **options)


def run_study(study: Study, request: Request, out: Path) -> list[dict[str, Any]]:
    """Train and score all models of the request, write the results into the folder, and return the rows of the summary."""
    import torch

    from facsim.surrogate.bundle import revision

    revised, wall, cpu = revision(), time.perf_counter(), time.process_time()
    outcome = study.run(replace(request, out=out))
    about = {
        "study": study.name,
        "source": study.source,
        "revision": revised,
        "mode": "full" if request.full else "quick",
        "seeds": list(request.seeds),
        "threads": torch.get_num_threads(),
        "wall_seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "truth": dict(outcome.truth),
        "notes": dict(outcome.notes),
        "trials": [{"model": t.model, "seed": t.seed, **t.about} for t in outcome.trials],
    }
    rows = summarise(study, outcome)
    _write_all(out, rows, about, outcome)
    return rows


def _write_all(out: Path, rows: list[dict[str, Any]], about: Mapping[str, Any], outcome: Outcome) -> None:
    for model in dict.fromkeys(trial.model for trial in outcome.trials):
        replace_file(out / model / "scorecard.json", (scorecard(model, outcome).to_json() + "\n").encode())
    for name, figure in {**_figures(outcome), **outcome.figures}.items():
        replace_file(out / f"{name}.png", figure)
    replace_file(out / "about.json", _json(about))
    replace_file(out / "summary.json", _json(rows))  # the last: where it is, all is


def _figures(outcome: Outcome) -> dict[str, bytes]:
    """The curves per epoch: a figure for each group, in it a line for each trial."""
    from facsim.report.study_curves import epoch_curves, png

    groups = dict.fromkeys(group for trial in outcome.trials for group in trial.curves)
    return {f"curves-{g}": png(epoch_curves([(t.model, t.curves[g]) for t in outcome.trials if g in t.curves])) for g in groups}


def _json(document: Any) -> bytes:
    return (json.dumps(document, indent=1, allow_nan=False) + "\n").encode()


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file or nothing: beside it first, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
