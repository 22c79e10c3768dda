"""The page: headline facts, sections, one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined

from facsim.core import Events
from facsim.core.atomic import write_whole
from facsim.evaluation.scorecard import Scorecard
from facsim.report import sections_figures as figures
from facsim.report import sections_scores as scores
from facsim.report.comparison import Comparison
from facsim.report.layout import Section
from facsim.report.tables import auc_rows, duration, ranked, tally
from facsim.report.words import detector_text, measured, ranges

SECTIONS: tuple[Callable[[Comparison], Section | None], ...] = (
    scores.ranking,
    scores.failures,
    figures.image_section,
    figures.profile_section,
    figures.histogram_section,
    figures.conditioning,
    figures.correlation_section,
    figures.distinguish_section,
    scores.scorecard_section,
    figures.training,
    scores.provenance,
)


class Fact(NamedTuple):
    """One headline number."""

    name: str
    value: str
    note: str = ""


def write_report(
    path: Path,
    truth: Events,
    candidates: Mapping[str, Events],
    scorecards: Mapping[str, Scorecard],
    *,
    history: Mapping[str, Sequence[float]] | None = None,
    timings: Mapping[str, float] | None = None,
    train: Events | None = None,
    title: str = "Fast simulation against the truth",
) -> None:
    """Write one self-contained HTML file that compares candidates with the truth, each with its scorecard.

    `history`: numbers recorded during training, by epoch; `timings`: seconds per event of candidates (and of `truth`);
    `train`: events of the truth that the candidates were trained on, for the memorisation check. The file is complete or absent: it is
    written beside `path` and renamed.

    Raises:
        FacsimError: if there is no candidate, or one has another detector than the truth or no scorecard.
    """
    comparison = Comparison(truth, candidates, scorecards, history or {}, timings or {}, train)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render(comparison, title).encode())


def render(comparison: Comparison, title: str) -> str:
    """The page's HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("facsim.report").joinpath("template.html").read_text(encoding="utf-8"))
    sections = [section for build in SECTIONS if (section := build(comparison)) is not None]
    return template.render(title=title, subtitle=subtitle(comparison), facts=facts(comparison), sections=sections)


def subtitle(c: Comparison) -> list[str]:
    """Detector and conditions."""
    return [detector_text(c.truth.detector), "Conditions: " + (", ".join(ranges(c.truth)) or "none")]


def facts(c: Comparison) -> list[Fact]:
    """The headline: sizes, and for each candidate its classifier AUC and the scores at the floor."""
    sizes = [Fact("Truth", f"{len(c.truth):,} events")]
    return sizes + [fact for name in ranked(c.scorecards) for fact in _headline(c, name)]


def _headline(c: Comparison, name: str) -> list[Fact]:
    card, seconds = c.scorecards[name], c.timings.get(name)
    auc = max(auc_rows(card), key=lambda r: r.value, default=None)
    found = [
        Fact(name, f"{len(c.candidates[name]):,} events", f"{duration(seconds)} per event" if seconds else ""),
        Fact(f"Scores at the floor, {name}", tally(card), "within 3 errors of truth against truth"),
    ]
    if auc is None:
        return found
    note = f"on {auc.observable}; floor {measured(auc.floor, auc.floor_error)}"
    return [*found, Fact(f"Classifier AUC, {name}", measured(auc.value, auc.error), note)]
