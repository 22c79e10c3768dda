"""`facsim refine`: learn to make simulated events look like data, and apply it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from facsim.cli.options import Seed, Set, checked, settings
from facsim.cli.show import counting_bar, say, training_bar
from facsim.core import FacsimError, look_up
from facsim.core.table import unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from facsim.core import Events
    from facsim.data import Reader
    from facsim.surrogate.refinement import Refinement

REFINED = "refined.h5"


def refine(
    simulation: Path,
    /,
    *,
    data: Path,
    out: Path,
    model: str = "transport",
    set_: Set = (),
    epochs: int | None = None,
    seed: Seed = 0,
    resume: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Learn to turn simulated events into events that fit the data, and refine the simulation's own.

    The two files need neither as many events nor partners, but one detector, and the same condition variables in the same units (data may have
    none). Data's conditions are not used. The run folder holds the refiner, and refined.h5 with the originals beside the refined events.

    Parameters
    ----------
    simulation
        File of simulated events.
    data
        File of measured events.
    out
        Run folder.
    model
        transport or ranks (no training; ranks for one condition and cells that fluctuate on their own), residual (a correction learned against a
        critic) or traces (the published network of an array).
    set_
        Settings of the refiner or its training, such as faithful=0.5 learning_rate=1e-4 batch_size=64.
    epochs
        Passes through the larger sample (the refiner's own number unless given).
    seed
        Seed of all random numbers.
    resume
        Go on from the checkpoint in the run folder.
    """
    from facsim.data import open_reader
    from facsim.studies.refining import make_refinement
    from facsim.surrogate.refinement import save_refinement

    if (out / "bundle").exists() and not resume:
        raise FacsimError(f"{out} holds a refiner already", remedy="choose another --out, or pass --resume to train on")
    chosen = {**settings(set_), **({} if epochs is None else {"epochs": epochs})}
    plan = make_refine_plan(model, chosen, seed)
    simulated, measured = open_reader(simulation), open_reader(data)
    about = {"simulation": simulated.fingerprint, "data": measured.fingerprint, "events": [simulated.n, measured.n]}
    with training_bar() as update:
        refinement, _ = make_refinement(
            simulated.read(), measured.read(), plan, about=about, folder=out / "training", resume=resume, on_progress=update
        )
    save_refinement(refinement, out / "bundle")
    write_refined(refinement, simulated, out / REFINED, seed)
    say(f"{out}: a refiner ({model}) from {simulated.n} simulated events and {measured.n} of data; apply it with facsim sample {out} --like SIM.h5")


def make_refine_plan(model: str, chosen: dict[str, Any], seed: int) -> Any:
    """The plan of a refinement from settings of refiner and training in one dictionary, over the family's own.

    Raises:
        FacsimError: for an unknown refiner or setting, naming the closest, or a value of the wrong type.
    """
    import inspect

    from facsim.cli.fit import _types
    from facsim.models import REFINERS
    from facsim.studies.refining import RefinePlan
    from facsim.training import Settings

    family = look_up(REFINERS, model, "refiner")
    of_model, of_training = _types(family.build, family.settings), _types(Settings, inspect.signature(Settings).parameters)
    of_plan: dict[str, tuple[Any, Any]] = {"batch_size": (int, 100), "recipe": (list[tuple[str, dict[str, Any]]], None)}
    given = {**family.training, **chosen, "seed": seed}
    for key in given:
        if key not in {**of_model, **of_training, **of_plan}:
            raise unknown(key, {**of_model, **of_training, **of_plan}, f"setting of refiner {model!r} or its training")
    parts = [checked({k: v for k, v in given.items() if k in types}, types, "setting") for types in (of_model, of_training, of_plan)]
    return RefinePlan(model=model, settings=parts[0], training=Settings(**parts[1]), **parts[2])


def write_refined(refinement: Refinement, source: Reader, out: Path, seed: int) -> None:
    """Refine the events of a file, and write them with the originals beside them."""
    from facsim.data.refined import beside, refined_writer
    from facsim.surrogate.refinement import refine_blocks, require_alike

    require_alike(source.detector, source.variables, refinement.detector, refinement.variables, str(source.path), "the refiner's training")
    about = {"refiner": refinement.about["model"], "of": source.fingerprint, "seed": seed}
    with refined_writer(out, source.detector, source.variables, about=about) as writer, counting_bar("events", source.n) as advance:
        for refined, original in refine_blocks(refinement, _blocks(source), seed):
            writer.append(beside(refined, original))
            advance(len(refined))


def _blocks(source: Reader) -> Iterator[Events]:
    from facsim.surrogate.refinement import BLOCK

    for start in range(0, source.n, BLOCK):
        yield source.read(start, start + BLOCK)


def sample_refined(run: Path, like: Path | None, out: Path, seed: int) -> None:
    """`facsim sample` of a refiner: the events of a file, refined."""
    from facsim.data import open_reader
    from facsim.surrogate.refinement import load_refinement

    if like is None:
        raise FacsimError(f"{run} is a refiner", expected="--like SIM.h5 alone: simulated events to refine")
    source = open_reader(like)
    write_refined(load_refinement(run), source, out, seed)
    say(f"{out}: {source.n} refined events, their originals beside them")
