"""`facsim fit`: train a surrogate on a file of events."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from cyclopts import Parameter

from facsim.cli.options import Seed, Set, card, checked, settings
from facsim.cli.show import say, training_bar
from facsim.cli.surrogates import open_surrogate
from facsim.cli.tables import open_events
from facsim.core import FacsimError, look_up
from facsim.core.table import unknown


def fit(
    data: Path,
    /,
    *,
    out: Path,
    model: str = "vae",
    card_file: Annotated[Path | None, Parameter(name="--card")] = None,
    set_: Set = (),
    epochs: int | None = None,
    seed: Seed = 0,
    coarsen: int = 1,
    devices: int = 1,
    format: str | None = None,
    condition: str | None = None,
    response: str | None = None,
    weight: str | None = None,
    tree: str | None = None,
    start: str | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Train a surrogate on the events of a file.

    Parameters
    ----------
    data
        File of events, native or CaloChallenge HDF5; or a flat table: ROOT, CSV or Parquet.
    out
        Run folder: checkpoint and log while training, the bundle at the end.
    model
        Family of models, see `facsim models list`.
    card_file
        YAML card with the settings of `--set`; `--set` wins.
    set_
        Settings of the model or the training, such as latent=8 learning_rate=1e-3 batch_size=64.
    epochs
        Passes through the data (the family's own number unless given).
    seed
        Seed of the first weights, the order of events and all random numbers.
    coarsen
        Sum squares of this many cells before training, so that 2 makes 32x32 of 64x64.
    devices
        Processes that train together, each on batches of `batch_size`.
    format
        Format of the file, instead of what its content says.
    condition
        Columns of a table that are given, separated by commas; a name may end in the unit of its numbers (p_GeV).
    response
        Columns of a table that are to be learned.
    weight
        Column of a table that weighs its events; negative weights subtract background.
    tree
        Tree of a ROOT file that has several.
    start
        Run folder, bundle folder, or zoo:NAME of a trained surrogate whose training goes on with these events and settings.
    resume
        Go on from the checkpoint in the run folder.
    """
    from facsim.models import MODELS
    from facsim.studies.sources import Coarsened
    from facsim.studies.workflow import train
    from facsim.surrogate import save_bundle
    from facsim.training import first_process

    begun = None if start is None else open_surrogate(start)
    chosen = {
        "model": model if begun is None else begun.about["model"]["name"],
        **card(card_file),
        **settings(set_),
        **({} if epochs is None else {"epochs": epochs}),
        **({"devices": devices} if devices > 1 else {}),
    }
    family = look_up(MODELS, str(chosen.pop("model")), "model")
    name = next(key for key, entry in MODELS.items() if entry is family)
    coarsen = int(chosen.pop("coarsen", coarsen))
    plan = make_plan(name, chosen, seed)
    source = open_events(data, format, {"condition": condition, "response": response, "weight": weight, "tree": tree})
    _require_new(out, resume)
    with training_bar() if first_process() else nullcontext() as update:
        surrogate, history = train(
            Coarsened(source, coarsen) if coarsen > 1 else source, plan, folder=out / "training", resume=resume, on_progress=update, start=begun
        )
    if not first_process():
        return
    save_bundle(surrogate, out / "bundle")
    wanted = "--n 1000" if condition else f"--like {data}"
    say(f"{out}: a {name} trained on {source.n} events for {len(history.rows)} epochs; next: facsim sample {out} {wanted} --out sample.h5")


def make_plan(name: str, chosen: Mapping[str, Any], seed: int) -> Any:
    """The plan of a training from settings of model and training in one dictionary, over the family's own.

    Raises:
        FacsimError: for a setting that neither has, naming the closest, or a value of the wrong type.
    """
    from facsim.models import MODELS
    from facsim.studies.workflow import Plan
    from facsim.training import Settings

    family = MODELS[name]
    of_model, of_training = _types(family.build, family.settings), _types(Settings, inspect.signature(Settings).parameters)
    of_plan: dict[str, tuple[Any, Any]] = {"batch_size": (int, 128), "response": (list[tuple[str, dict[str, Any]]], None)}
    given = {**family.training, **chosen, "seed": seed}
    known = {**of_model, **of_training, **of_plan}
    for key in given:
        if key not in known:
            raise unknown(key, known, f"setting of model {name!r} or its training")
    parts = [checked({k: v for k, v in given.items() if k in types}, types, "setting") for types in (of_model, of_training, of_plan)]
    return Plan(model=name, settings=parts[0], training=Settings(**parts[1]), **parts[2])


def _types(build: Any, parameters: Mapping[str, inspect.Parameter]) -> dict[str, tuple[Any, Any]]:
    """Type and default of each named parameter of a callable."""
    build = getattr(build, "func", build)  # of a partial
    hints = get_type_hints(build.__init__ if inspect.isclass(build) else build)
    return {key: (hints[key], None) for key in parameters}


def _require_new(out: Path, resume: bool) -> None:
    if (out / "bundle").exists() and not resume:
        raise FacsimError(f"{out} holds a trained surrogate already", remedy="choose another --out, or pass --resume to train on")
