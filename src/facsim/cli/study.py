"""`facsim study list|show|run`: the published studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from facsim.cli.lists import _show
from facsim.cli.options import Json, Seed, Set, pairs, settings
from facsim.cli.show import say, show_json, show_table
from facsim.core import FacsimError, look_up

if TYPE_CHECKING:
    from facsim.studies.study import Expected, Study

Flag = Annotated[bool, Parameter(negative="")]
Bundles = Annotated[tuple[str, ...], Parameter(name="--bundle", consume_multiple=True)]


def list_(*, json: Json = False) -> None:
    """The published studies that can be run again."""
    from facsim.studies.table import STUDIES

    _show("Studies", [{"name": s.name, "what": s.description, "models": ", ".join(s.models), "bars": s.bars} for s in STUDIES.values()], json)


def show(name: str, /, *, json: Json = False) -> None:
    """One study: its source, its models, and what was published."""
    study = _study(name)
    if json:
        show_json(_document(study))
        return
    show_table(f"{study.name}: {study.description}", ("model", "what"), list(study.models.items()))
    if study.searched:
        show_table("what the source searched", ("setting", "values"), [(k, ", ".join(map(_number, v))) for k, v in study.searched.items()])
    cells = [(e.model, e.label, _number(e.published), _number(e.bar)) for e in study.expected]
    show_table(f"{study.source}. {study.bars}", ("model", "observable", "published", "bar"), cells, right=("published", "bar"))
    if study.settings:
        show_table("Settings", ("setting", "what"), list(study.settings.items()))


def run(
    name: str,
    /,
    *,
    out: Path,
    model: str | None = None,
    quick: Flag = False,
    full: Flag = False,
    seed: Seed = 0,
    set_: Set = (),
    bundle: Bundles = (),
    fresh: Flag = False,
    json: Json = False,
) -> None:
    """Train and score the models of a study, print published against ours, and write summary.json, about.json, scorecards and curves.

    Parameters
    ----------
    name
        A study of `facsim study list`.
    out
        Folder for the results.
    model
        Only this model.
    quick
        One seed and short trainings (the default).
    full
        The seeds and the trainings of the committed results.
    seed
        First seed.
    set_
        Settings of the study itself, such as data=FOLDER; `facsim study show NAME` lists them.
    bundle
        Score trained surrogates in place of training, MODEL=RUN or MODEL=zoo:NAME.
    fresh
        Run models again that are finished in --out (of studies that keep them).
    json
        Print the summary as one JSON document.
    """
    from facsim.studies.run import request_for, run_study

    if quick and full:
        raise FacsimError("a study is run in one way", expected="--quick or --full", got="both")
    study, chosen = _study(name), {"settings": settings(set_), "bundles": _bundles(bundle), "fresh": fresh}
    rows = run_study(study, request_for(study, model=model, full=full, seed=seed, say=say, **chosen), out)
    if json:
        show_json(rows)
        return
    _show_summary(study, rows)
    say(str(out / "summary.json"))


def _bundles(texts: tuple[str, ...]) -> dict[str, Path]:
    from facsim.cli.surrogates import surrogate_folder

    return {model: surrogate_folder(reference) for model, reference in pairs(texts, "--bundle").items()}


def _study(name: str) -> Study:
    from facsim.studies.table import STUDIES

    return look_up(STUDIES, name, "study")


def _show_summary(study: Study, rows: list[dict[str, Any]]) -> None:
    columns = ("model", "observable", "published", "ours", "error", "floor", "bar", "met")
    cells = [(*(_number(row[c]) for c in columns), "  ".join(map(_number, row["values"]))) for row in rows]
    show_table(f"{study.name} ({study.source})", (*columns, "each seed"), cells, right=columns[2:7])
    for model, note in {row["model"]: row["note"] for row in rows if row["note"]}.items():
        say(f"{model}: {note}")


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _document(study: Study) -> dict[str, Any]:
    expected = [_expected(e) for e in study.expected]
    searched = {key: list(values) for key, values in study.searched.items()}
    about = {"name": study.name, "source": study.source, "description": study.description, "models": dict(study.models)}
    return {**about, "searched": searched, "expected": expected}


def _expected(e: Expected) -> dict[str, Any]:
    return {"model": e.model, "observable": e.label, "published": e.published, "bar": e.bar}
