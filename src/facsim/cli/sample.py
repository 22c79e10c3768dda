"""`facsim sample`: generate events with a trained surrogate."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter

from facsim.cli.options import Seed, pairs, positive
from facsim.cli.refine import sample_refined
from facsim.cli.show import counting_bar, say
from facsim.cli.surrogates import open_surrogate
from facsim.core import FacsimError, Variable
from facsim.core.events import Array
from facsim.core.table import unknown
from facsim.core.units import parse_quantity

if TYPE_CHECKING:
    from facsim.surrogate import Surrogate


def sample(
    surrogate: str,
    /,
    *,
    out: Path,
    n: int | None = None,
    like: Path | None = None,
    condition: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    format: str | None = None,
    tree: str | None = None,
    seed: Seed = 0,
    extrapolate: Annotated[bool, Parameter(negative="")] = False,
    engine: str = "eager",
) -> None:
    """Generate events with a trained surrogate.

    Parameters
    ----------
    surrogate
        Run folder, bundle folder, or zoo:NAME; or the run folder of a refiner.
    out
        File to write; a flat table by its ending .root, .csv or .parquet, unless `--format` says otherwise.
    n
        Number of events; their conditions are drawn as in the training data unless `--condition` fixes them.
    like
        File of events, or a flat table, whose conditions are taken, one event for each; columns of a table are found by the names of the
        surrogate's conditions, with or without a unit (p_GeV). For a refiner the simulated events to refine.
    condition
        Fixed conditions, such as energy=50GeV; conditions that training kept constant may be left out.
    format
        Format to write: native unless the ending is that of a table.
    tree
        Tree of a ROOT file whose conditions are taken, where it has several.
    seed
        Seed of all random numbers.
    extrapolate
        Allow conditions outside the training range; such events are flagged in the file.
    engine
        What computes: eager (the same bits each time), compile, onnxruntime, bfloat16 or int8; `facsim bench` tells their speed and fidelity.
    """
    from facsim.surrogate import blocks
    from facsim.surrogate.refinement import is_refinement

    if is_refinement(Path(surrogate)):
        sample_refined(Path(surrogate), None if n is not None or condition else like, out, seed)
        return
    chosen = _with_engine(open_surrogate(surrogate), engine)
    given = _conditions(chosen, n, like, condition, tree=tree)
    total = positive(n if n is not None else 1000, "--n") if given is None else len(given)
    about = {"surrogate": surrogate, "seed": seed, **({} if engine == "eager" else {"engine": engine}), **chosen.about}
    with (
        _writer(out, chosen, format, about) as writer,
        counting_bar("events", total) as advance,
    ):
        for events in blocks(chosen, total, seed, given, extrapolate=extrapolate):
            writer.append(events)
            advance(len(events))
    say(f"{out}: {total} events")


def _writer(out: Path, surrogate: Surrogate, format: str | None, about: dict[str, Any]) -> AbstractContextManager[Any]:
    """What writes the events: a table by the file's ending, else the format."""
    from facsim.data import open_writer
    from facsim.data.tables import TableWriter, is_table

    if format is None and is_table(out):
        return TableWriter(out, surrogate.detector, surrogate.variables)
    return open_writer(out, surrogate.detector, surrogate.variables, format or "native", about=about)


def _with_engine(surrogate: Surrogate, name: str) -> Surrogate:
    if name == "eager":
        return surrogate
    from facsim.export import with_engine

    return with_engine(surrogate, name)


def _conditions(surrogate: Surrogate, n: int | None, like: Path | None, fixed: tuple[str, ...], *, tree: str | None = None) -> Array | None:
    """The conditions [n, c] that the options ask for; None where they are to be drawn."""
    if tree is not None and (like is None or like.suffix != ".root"):
        raise FacsimError("--tree names a tree of a ROOT file", expected="--like FILE.root", got=f"--like {like}" if like else "no --like")
    if like is not None:
        if n is not None or fixed:
            raise FacsimError("--like takes conditions and their number from a file", remedy="leave out --n and --condition")
        from facsim.cli.tables import has_hits
        from facsim.data.tables import is_table

        flat = is_table(like) and not has_hits(like)
        return _of_table(like, surrogate.variables, tree) if flat else _of_file(like, surrogate.variables)
    if fixed:
        return np.tile(_row(pairs(fixed, "--condition"), surrogate.variables), (positive(1000 if n is None else n, "--n"), 1))
    if n is None:
        raise FacsimError("nothing says how many events to sample", expected="--n N, --like DATA.h5 or --condition name=value")
    return None


def _of_file(path: Path, variables: tuple[Variable, ...]) -> Array:
    """The conditions of a file, in the order of the surrogate's variables."""
    from facsim.data import open_reader

    reader = open_reader(path)
    names = {v.name for v in reader.variables}
    for variable in variables:
        if variable.name not in names:
            raise unknown(variable.name, names, f"condition variable of {path}")
    parts = [reader.read(start, start + 10_000) for start in range(0, reader.n, 10_000)]
    return np.hstack([np.concatenate([p.column(v.name).reshape(len(p), v.columns) for p in parts]) for v in variables])


def _of_table(path: Path, variables: tuple[Variable, ...], tree: str | None) -> Array:
    """The conditions of a table, in the order and units of the surrogate's variables."""
    from facsim.data.columns import named_unit
    from facsim.data.tables import read_columns

    arrays = [v.name for v in variables if v.shape]
    if arrays:
        raise FacsimError(f"condition {arrays[0]!r} is an array", remedy="take it from a native file")
    columns = read_columns(path, [v.name for v in variables], tree)
    for variable, name in zip(variables, columns, strict=True):
        unit = named_unit(name)[1]
        if name != variable.name and unit != variable.unit:
            raise FacsimError(f"column {name!r} of {path} has the wrong unit", expected=variable.unit, got=unit)
    return np.column_stack(list(columns.values())).astype(np.float32)


def _row(texts: dict[str, str], variables: tuple[Variable, ...]) -> Array:
    """One condition [c] from `name: quantity` texts."""
    for name in texts:
        if name not in {v.name for v in variables}:
            raise unknown(name, [v.name for v in variables], "condition variable")
    return np.array([_value(variable, texts) for variable in variables], dtype=np.float32)


def _value(variable: Variable, texts: dict[str, str]) -> float:
    if variable.name in texts:
        return parse_quantity(texts[variable.name], variable.unit)
    if variable.shape:
        raise FacsimError(
            f"condition {variable.name!r} is an array", got=f"{variable.columns} numbers an event", remedy="take it from a file: --like"
        )
    if variable.low == variable.high:
        return variable.low
    raise FacsimError(
        f"condition {variable.name!r} is not given", expected=f"{variable.low:g} to {variable.high:g} {variable.unit}", remedy="add it to --condition"
    )
