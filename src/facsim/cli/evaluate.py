"""`facsim evaluate`: judge candidates against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facsim.cli.evaluate_production import is_production, judge_production
from facsim.cli.options import Json, Seed, positive
from facsim.cli.show import say, show_json, show_scorecard
from facsim.cli.tables import open_events
from facsim.core import FacsimError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facsim.core import Events
    from facsim.evaluation.scorecard import Scorecard


def evaluate(
    candidates: list[Path],
    /,
    *,
    truth: Path,
    out: Path,
    train: Path | None = None,
    recipe: str = "fast",
    data_set: str | None = None,
    condition: str | None = None,
    response: str | None = None,
    weight: str | None = None,
    tree: str | None = None,
    workers: int = 1,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Judge candidates against the truth: scorecard.json and report.html, every score beside its floor.

    Parameters
    ----------
    candidates
        Files of generated events; several are judged side by side. Any of the files may be a flat table: ROOT, CSV or Parquet. Or the folder of
        one production: all its events, by histograms that are added shard by shard.
    truth
        File of true events that no candidate was trained on.
    train
        File of true events, by preference those the candidates were trained on: gives the floor at full size.
    recipe
        fast; official (the Fast Calorimeter Simulation Challenge's; hours), or official-perceptron (the same without the residual network);
        observables (seconds: one observable at a time, no classifier). Or the names of sections, separated by commas.
    data_set
        The challenge's data set, where the detector does not tell it: 1-photons, 1-pions, 2 or 3.
    out
        Folder for scorecard.json and report.html.
    condition
        Columns of all tables that are conditions, separated by commas; a name may end in the unit of its numbers (p_GeV).
    response
        Columns of all tables that are the response.
    weight
        Column of weights of the tables of truth and training events; a candidate's is used where it has one of that name.
    tree
        Tree of ROOT files that have several.
    workers
        Processes that judge the shards of a production.
    seed
        Seed of splits and bootstrap.
    json
        Print the scorecards as one JSON document.
    """
    columns = {"condition": condition, "response": response, "weight": weight, "tree": tree}
    _require_tables([*candidates, truth, *([] if train is None else [train])], columns)
    true, trained = _read(truth, columns), None if train is None else _read(train, columns)
    if any(map(is_production, candidates)):
        _require_alone(candidates, train, recipe)
        cards = {candidates[0].name: judge_production(candidates[0], true, out, workers=positive(workers, "--workers"), seed=seed)}
    else:
        samples = {name: _read(path, columns, weighted=False) for name, path in zip(_names(candidates), candidates, strict=True)}
        cards = judge(samples, true, trained, out, recipe=_sections(recipe), seed=seed, data_set=data_set)
    if json:
        show_json({name: _document(card) for name, card in cards.items()})
        return
    for name, card in cards.items():
        show_scorecard(card, f"{name} against {truth.name}")
    say(f"{out / 'report.html'}")


def judge(
    samples: dict[str, Events],
    truth: Events,
    train: Events | None,
    out: Path,
    *,
    recipe: str | Sequence[str] = "fast",
    seed: int = 0,
    data_set: str | None = None,
    history: dict[str, list[float]] | None = None,
) -> dict[str, Scorecard]:
    """Scorecards of all samples, written with the report into the folder: scorecard.json, or NAME.json for each of several."""
    from facsim.core import coarsen
    from facsim.core.coarsen import coarsening_factor
    from facsim.evaluation.evaluate import evaluate as score
    from facsim.report import write_report

    cards = {name: score(events, truth, train=train, recipe=recipe, seed=seed, data_set=data_set) for name, events in samples.items()}
    factor = coarsening_factor(truth.detector, next(iter(samples.values())).detector)
    out.mkdir(parents=True, exist_ok=True)
    for name, card in cards.items():
        card.save(out / ("scorecard.json" if len(cards) == 1 else f"{name}.json"))
    seen = None if train is None else coarsen(train, coarsening_factor(train.detector, next(iter(samples.values())).detector) or 1)
    write_report(out / "report.html", coarsen(truth, factor or 1), samples, cards, history=history, train=seen)
    return cards


def _require_alone(candidates: list[Path], train: Path | None, recipe: str) -> None:
    """A production is judged alone, by its histograms."""
    given = [*(["other candidates"] if len(candidates) > 1 else []), *(["--train"] if train else []), *(["--recipe"] if recipe != "fast" else [])]
    if given:
        raise FacsimError("a production is judged alone, by histograms of its observables", expected="its folder and --truth", got=", ".join(given))


def _require_tables(paths: Sequence[Path], columns: dict[str, str | None]) -> None:
    """Refuse names of columns where there is no table."""
    from facsim.data.tables import is_table

    given = [key for key, value in columns.items() if value is not None]
    if given and not any(map(is_table, paths)):
        raise FacsimError("columns are named for tables alone", expected="a file .root, .csv or .parquet", got=f"--{', --'.join(given)}")


def _read(path: Path, columns: dict[str, str | None], *, weighted: bool = True) -> Events:
    """The events of a file; of a table the columns that are named, and unless `weighted` its weights only if there are any."""
    from facsim.data.tables import has_column, is_table

    if not is_table(path):
        return open_events(path, None, dict.fromkeys(columns)).read()
    weight = columns["weight"]
    if weight is not None and not weighted and not has_column(path, weight, columns["tree"]):
        weight = None
    return open_events(path, None, {**columns, "weight": weight}).read()


def _sections(recipe: str) -> str | list[str]:
    """The name of a recipe, or those of sections."""
    from facsim.evaluation.evaluate import SECTIONS

    names = recipe.split(",")
    return names if len(names) > 1 or recipe in SECTIONS else recipe


def _names(paths: list[Path]) -> list[str]:
    """A short name for each file, its path where two share one."""
    stems = [path.stem for path in paths]
    if len(set(paths)) < len(paths):
        raise FacsimError("a candidate is given twice", expected="different files")
    return stems if len(set(stems)) == len(stems) else [str(path.with_suffix("")).replace("/", "-") for path in paths]


def _document(card: Scorecard) -> object:
    import json

    return json.loads(card.to_json())
