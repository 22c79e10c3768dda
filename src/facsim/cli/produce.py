"""`facsim produce`: many events in shards, by many workers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from facsim.cli.options import Seed, Set, positive, settings
from facsim.cli.show import counting_bar, say
from facsim.core import FacsimError

if TYPE_CHECKING:
    from facsim.production import Maker
    from facsim.production.workers import Workers


def produce(
    surrogate: str | None = None,
    /,
    *,
    n: int,
    out: Path,
    simulator: str | None = None,
    set_: Set = (),
    refine: Path | None = None,
    shard_size: int = 100_000,
    workers: int = 1,
    scheduler: str | None = None,
    seed: Seed = 0,
    resume: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Produce any number of events in shards; the result depends on the seed alone, not on workers, shards or restarts.

    Parameters
    ----------
    surrogate
        Run folder, bundle folder, or zoo:NAME.
    n
        Number of events; their conditions are drawn as in the training data, or from the simulator's own range.
    out
        Folder for the shards and manifest.json.
    simulator
        A simulator of `facsim simulators list` instead of a surrogate.
    set_
        Settings of the simulator, such as energy_low=1e4; for geant4 card=NAME.
    refine
        Run folder of a refiner that makes the events look like data.
    shard_size
        Events in one file, a multiple of 1000.
    workers
        Processes on this machine.
    scheduler
        Address of a Dask scheduler whose workers do the work instead; they must see the same folders.
    seed
        Seed of all random numbers.
    resume
        Go on with the production in the folder; whole shards are kept.
    """
    from facsim.production import Plan
    from facsim.production import produce as run

    source, build = _source(surrogate, simulator, settings(set_))
    if refine is not None:
        source, build = _refined(source, build, refine)
    plan = Plan(source, seed, positive(n, "--n"), shard_size)
    with counting_bar("events", n) as advance:
        chosen = chosen_workers(positive(workers, "--workers"), scheduler)
        manifest = run(plan, build, out.resolve(), workers=chosen, resume=resume, on_shard=lambda record: advance(record["n"]))
    say(f"{out}: {manifest['events']} events in {len(manifest['shards'])} shards, content {manifest['content'][:16]}")


def of_surrogate(reference: str) -> Maker:
    """What makes events with a surrogate, conditions as in its training."""
    from facsim.cli.surrogates import open_surrogate
    from facsim.production import Maker

    opened = open_surrogate(reference)
    return Maker(opened, opened.draw_condition)


def of_simulator(chosen: dict[str, Any]) -> Maker:
    """What makes events with a built-in simulator, conditions from its own range."""
    from facsim.cli.simulate import build_simulator
    from facsim.production import Maker

    gun = build_simulator(chosen)
    return Maker(gun, gun.prior)


def of_refined(build: Callable[[], Maker], run: str) -> Maker:
    """What makes events with another source, refined."""
    from facsim.production import Maker, Refining
    from facsim.surrogate.refinement import load_refinement

    made = build()
    return Maker(Refining(made.simulator, load_refinement(Path(run))), made.draw)


def _refined(source: dict[str, Any], build: Callable[[], Maker], run: Path) -> tuple[dict[str, Any], Any]:
    """The same with a refiner behind it, which is told at once if it does not fit."""
    from facsim.surrogate import bundle_folder, read_manifest
    from facsim.surrogate.refinement import FORMAT

    folder = run.resolve()
    refined = partial(of_refined, build, str(folder))
    refined()
    weights = read_manifest(bundle_folder(folder), FORMAT)["weights"]["sha256"]
    return {**source, "refiner": str(run), "refiner_weights": weights}, refined


def _source(surrogate: str | None, simulator: str | None, chosen: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """What the manifest says of the source, and what builds it."""
    if (surrogate is None) == (simulator is None):
        raise FacsimError("a production has one source", expected="RUN, zoo:NAME, or --simulator NAME", got="none" if surrogate is None else "two")
    if simulator is not None:
        told = {"simulator": simulator, **chosen}
        of_simulator(told)  # a wrong name or setting is told at once
        return told, partial(of_simulator, told)
    from facsim.cli.surrogates import surrogate_folder
    from facsim.surrogate import read_manifest

    folder = surrogate_folder(str(surrogate))
    told = {"surrogate": str(surrogate), "weights": read_manifest(folder)["weights"]["sha256"]}
    return told, partial(of_surrogate, str(folder))


def chosen_workers(n: int, scheduler: str | None) -> Workers:
    from facsim.production import in_process, local_workers, scheduled

    if scheduler is not None:
        return scheduled(scheduler)
    return in_process if n == 1 else local_workers(n)
