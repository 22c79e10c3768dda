"""Pages that are made from the project: results of the studies, tables of what there is, the reference of each package."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
PACKAGES = {
    "facsim.core": "Events, detectors, variables, units, errors, random streams",
    "facsim.core.contracts": "Simulator, Generator, Objective, Transform",
    "facsim.data": "Files, samples, splits, batches",
    "facsim.simulators": "Truth",
    "facsim.transforms": "Between events and networks",
    "facsim.models": "Families of generators",
    "facsim.training": "fit()",
    "facsim.surrogate": "Surrogates, bundles, timing",
    "facsim.evaluation": "Scorecards",
    "facsim.export": "ONNX, Geant4, engines",
    "facsim.production": "Many machines",
}
SHOWN = ("model", "observable", "published", "ours", "error", "floor", "bar", "met", "seeds")


def write_all(docs: Path) -> None:
    """Write every generated page; a page that has not changed keeps its time."""
    studies = study_pages()
    made = {f"studies/{name}.md": text for name, text in studies.items()}
    made["studies/index.md"] = index("Published studies, run again", "Each page is made from the committed results.", studies)
    made |= {f"api/{name}.rst": api_page(name, what) for name, what in PACKAGES.items()}
    made["api/index.md"] = index("Reference", "What each package offers to others.", PACKAGES)
    made["tables.md"] = tables_page()
    for name, text in made.items():
        path = docs / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def study_pages() -> dict[str, str]:
    """A page for each study: its results, or what was published where none are committed yet."""
    from facsim.studies.table import STUDIES

    done = {path.parent.name: study_page(path) for path in sorted(RESULTS.glob("*/summary.json"))}
    return {**done, **{name: waiting_page(name, study) for name, study in STUDIES.items() if name not in done}}


def waiting_page(name: str, study: Any) -> str:
    """What a study is held to, while there are no results of it."""
    lines = [f"# {name}", "", _source(name), "", "No run that counts is committed yet.", ""]
    rows = [[e.model, e.label, cell(e.published), cell(e.bar)] for e in study.expected]
    lines += [*markdown_table(("model", "observable", "published", "bar"), rows), ""] if rows else []
    return "\n".join(lines) + f"\nTo run it: `facsim study run {name} --full --out {name}`\n"


def study_page(path: Path) -> str:
    """A study's published numbers beside ours, from its summary.json, with its figures."""
    name, rows = path.parent.name, json.loads(path.read_text())
    judged = [row for row in rows if row["bar"] is not None]
    lines = [f"# {name}", "", _source(name), ""]
    lines += [f"{sum(bool(row['met']) for row in judged)} of {len(judged)} bars are met.", ""] if judged else []
    lines += [*markdown_table(SHOWN, [[cell(row.get(column)) for column in SHOWN] for row in rows]), ""]
    for note in sorted({f"{row['model']}: {row['note']}" for row in rows if row.get("note")}):
        lines.append(f"- {note}")
    lines += [f"\n![{figure.stem}](../../results/{name}/{figure.name})" for figure in sorted(path.parent.glob("*.png"))]
    return "\n".join(lines) + f"\n\nTo run it again: `facsim study run {name} --full --out {name}`\n"


def tables_page() -> str:
    """What there is: families, simulators, distances."""
    from facsim.evaluation.distances import DISTANCES
    from facsim.models import MODELS
    from facsim.simulators import SIMULATORS

    models = [[k, f.idea, f.when, f.cost, "no: " + f.onnx if f.onnx else "yes", f.source] for k, f in MODELS.items()]
    simulators = [[k, s.description, s.source] for k, s in SIMULATORS.items()]
    distances = [[k, d.description] for k, d in DISTANCES.items()]
    parts = ["# What there is", "", "## Families of models", ""]
    parts += markdown_table(("family", "idea", "when", "cost", "ONNX", "source"), models)
    parts += ["", "## Simulators of truth", "", *markdown_table(("simulator", "what", "source"), simulators)]
    parts += ["", "## Distances", "", *markdown_table(("distance", "what"), distances)]
    return "\n".join(parts) + "\n"


def api_page(name: str, what: str) -> str:
    """The public names of a package."""
    public = getattr(importlib.import_module(name), "__all__", None)
    title = f"{name}: {what}"
    extra = "\n   :imported-members:" if public else ""
    return f"{title}\n{'=' * len(title)}\n\n.. automodule:: {name}\n   :members:{extra}\n"


def index(title: str, text: str, names: Iterable[str]) -> str:
    """A page that leads to others."""
    return "\n".join([f"# {title}", "", text, "", "```{toctree}", ":maxdepth: 1", "", *names, "```", ""])


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A table in Markdown.

    Examples:
        >>> markdown_table(["a"], [["x|y"]])
        ['| a |', '| --- |', '| x\\\\|y |']
    """
    head = list(header)
    return [_line(head), _line(["---"] * len(head)), *(_line([cell.replace("|", "\\|") for cell in row]) for row in rows)]


def cell(value: Any) -> str:
    """A value as a table shows it.

    Examples:
        >>> [cell(v) for v in (None, True, 0.123456, [0, 1])]
        ['', 'yes', '0.1235', '2']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return str(len(value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _source(name: str) -> str:
    from facsim.studies.table import STUDIES

    study = STUDIES.get(name)
    return f"{study.description}. Source: {study.source}." if study else ""
