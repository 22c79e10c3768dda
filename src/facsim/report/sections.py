"""The sections of the page: which figures and tables each holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from facsim.core import RegularGrid, Vector
from facsim.evaluation.observables import OBSERVABLES, Column
from facsim.evaluation.scorecard import Row
from facsim.report import correlations, curves, histograms, images, pareto, profiles
from facsim.report.comparison import Comparison, axis_label, describe
from facsim.report.encode import data_address
from facsim.report.style import with_unit
from facsim.report.tables import Cell, Table, at_floor, auc_rows, bin_table, overall, ranked, ranking_table, row_table, share_above

WORST = 5
MOST_HISTOGRAMS = 48


@dataclass(frozen=True)
class Picture:
    """A figure inside the page: its `data:` address, caption, text for those who cannot see it, width in pixels."""

    address: str
    caption: str
    alt: str
    width: int
    wide: bool


@dataclass(frozen=True)
class Section:
    """One part of the page; `folded` tables open on a click."""

    anchor: str
    title: str
    text: str = ""
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    folded: Sequence[Table] = ()


def picture(figure: Figure, caption: str, alt: str = "") -> Picture:
    """The figure with its caption; figures wider than 9 inches take the whole width."""
    inches = figure.get_figwidth()
    return Picture(data_address(figure), caption, alt or caption, round(inches * 85), inches > 9)


def ranking(c: Comparison) -> Section | None:
    """All candidates in order, and speed against fidelity where times are known."""
    if len(c.candidates) < 2 and not c.timings:
        return None
    timed = {name: c.timings[name] for name in c.candidates if name in c.timings}
    pictures = [_pareto(c, timed)] if timed else []
    return Section("ranking", "Ranking", pictures=pictures, tables=[ranking_table(c.scorecards, c.timings)])


def _pareto(c: Comparison, timed: dict[str, float]) -> Picture:
    aucs = {name: max((r.value for r in auc_rows(c.scorecards[name])), default=None) for name in timed}
    known = {name: value for name, value in aucs.items() if value is not None}
    complete = len(known) == len(timed)
    score = known if complete else {name: share_above(c.scorecards[name]) for name in timed}
    label = "classifier AUC (0.5 is best)" if complete else "fraction of scores above the floor"
    figure = pareto.pareto(timed, score, label=label, truth_seconds=c.timings.get("truth"))
    return picture(figure, "Speed against fidelity: best is low and to the right; the dotted line joins candidates that none beats in both.")


def failures(c: Comparison) -> Section:
    """The scores furthest above their floor, with the observables behind them."""
    tables = [
        row_table(overall(c.scorecards[n])[:WORST], f"{n}: the {WORST} largest scores in errors above the floor.") for n in ranked(c.scorecards)
    ]
    drawn = [_observable(c, name) for name in worst_observables(c)]
    text = "The scores furthest above their floor, and the observables behind them, worst first."
    return Section("failures", "Where it fails", text, drawn, tables)


def worst_observables(c: Comparison) -> list[str]:
    """Up to five observables with the largest excess of any candidate, worst first; only those that can be drawn."""
    rows: list[Row] = sorted((r for card in c.scorecards.values() for r in card.rows), key=lambda r: -r.excess)
    names = dict.fromkeys(r.observable for r in rows if r.observable in c.columns or r.observable in c.layered)
    return list(names)[:WORST]


def _observable(c: Comparison, name: str) -> Picture:
    return _histogram(c, c.columns[name]) if name in c.columns else _layer_profile(c, name)


def _histogram(c: Comparison, column: Column) -> Picture:
    truth, candidates = c.values(column.name)
    figure = histograms.histogram(truth, candidates, label=axis_label(column), unit=column.unit)
    return picture(figure, describe(column), f"Histogram of {column.name} for truth and {', '.join(candidates)}, with ratio to the truth")


def _layer_profile(c: Comparison, name: str) -> Picture:
    truth, candidates = c.parts(name)
    o = OBSERVABLES[name]
    figure = profiles.layer_profile(truth, candidates, label=with_unit(f"mean {o.label}", o.unit))
    return picture(figure, f"{name}: mean over events of the {o.description}", f"Mean {name} of each layer with ratio to the truth")


def pictures_section(c: Comparison) -> Section | None:
    """Average images, their difference, single events."""
    if not images.drawable(c.truth):
        return None
    average = picture(images.average_images(c.truth, c.candidates), "Average images, and truth minus candidate on a scale symmetric about 0.")
    shown = [average]
    if all(len(e) for e in (c.truth, *c.candidates.values())):
        shown.append(
            picture(images.gallery(c.truth, c.candidates), "Single events: each column at (nearly) equal condition, one colour scale for all.")
        )
    return Section("images", "Images", pictures=shown)


def profile_section(c: Comparison) -> Section | None:
    """Cross-sections of images, profiles in depth and radius."""
    if isinstance(c.truth.detector, Vector):
        return None
    return Section("profiles", "Cross-sections and profiles", pictures=list(_profiles(c)))


def _profiles(c: Comparison) -> Iterator[Picture]:
    if isinstance(c.truth.detector, RegularGrid) and len(c.truth.detector.shape) == 2:
        for statistic in profiles.STATISTICS:
            figure = profiles.cross_sections(c.truth, c.candidates, statistic)
            yield picture(figure, f"The {statistic} of each cell in the {profiles.CENTRAL_ROWS} central rows.")
    yield picture(profiles.radial(c.truth, c.candidates), "Radial profile: mean energy per area.")
    for name in c.layered:
        yield _layer_profile(c, name)


def histogram_section(c: Comparison) -> Section:
    """All observables of an event that do not belong to one layer, and the spectrum of cells."""
    single = [column for column in c.columns.values() if column.observable not in c.layered]
    drawn = [_histogram(c, column) for column in single[:MOST_HISTOGRAMS]]
    if images.drawable(c.truth):
        drawn.append(picture(histograms.cell_spectrum(c.truth, c.candidates), "Cell spectrum: number of cells of an event at each energy."))
    text = "Bins are chosen from the truth alone; hatched: its statistical error."
    return Section("observables", "Observables", text, drawn)


def conditioning(c: Comparison) -> Section | None:
    """Response and resolution against each condition that varies; scores in bins of the condition."""
    varying = [i for i, v in enumerate(c.truth.variables) if curves.varies(c.truth.condition[:, i])]
    signals = range(min(4, c.truth.detector.n_cells)) if isinstance(c.truth.detector, Vector) else range(1)
    drawn = [
        picture(
            curves.response_and_resolution(c.truth, c.candidates, condition=i, column=s),
            f"Mean and width of {curves.signal(c.truth, s)[0]} against {c.truth.variables[i].name}; below, the ratio to the truth.",
        )
        for i in varying
        for s in signals
    ]
    binned = [bin_table(card, f"{name}: scores in bins of the condition") for name, card in c.scorecards.items()]
    tables = [t for t in binned if t.rows]
    return Section("conditioning", "Conditioning", pictures=drawn, folded=tables) if drawn or tables else None


def correlation_section(c: Comparison) -> Section | None:
    """Linear correlations of the observables, and of the layers' energies."""
    single = [name for name, column in c.columns.items() if column.observable not in c.layered]
    drawn = []
    if len(single) > 1:
        index = [list(c.columns).index(name) for name in single]
        sets = {name: matrix[:, index] for name, (matrix, _) in c.samples.items()}
        drawn.append(picture(correlations.correlation_matrices(sets.pop("truth"), sets, single), "Correlation of observables (Pearson)."))
    if "layer_energy" in c.layered:
        truth, candidates = c.parts("layer_energy")
        figure = correlations.correlation_matrices(truth[0], {n: v for n, (v, _) in candidates.items()}, c.truth.detector.n_layers * [""], "layer")
        drawn.append(picture(figure, "Correlation of the layers' energies (Pearson)."))
    return Section("correlations", "Correlations", pictures=drawn) if drawn else None


def scorecard_section(c: Comparison) -> Section:
    """Every row of every scorecard."""
    tables = [row_table(overall(card), f"{name}: all {len(overall(card))} scores over all conditions") for name, card in c.scorecards.items()]
    text = f"Each score beside its floor, furthest above first; {sum(at_floor(r) for s in c.scorecards.values() for r in s.rows)} are at the floor."
    return Section("scorecard", "Scorecard", text, folded=tables)


def training(c: Comparison) -> Section | None:
    """The numbers recorded during training."""
    if not c.history:
        return None
    return Section("training", "Training", pictures=[picture(curves.training_curves(c.history), "Recorded numbers against the epoch.")])


def provenance(c: Comparison) -> Section:
    """What each scorecard says of its making."""
    tables = [
        Table(f"{name}: what was compared", ("key", "value"), [[Cell(str(k)), Cell(_plain(v))] for k, v in card.about.items()])
        for name, card in c.scorecards.items()
    ]
    return Section("provenance", "Provenance", tables=[t for t in tables if t.rows])


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


SECTIONS: tuple[Callable[[Comparison], Section | None], ...] = (
    ranking,
    failures,
    pictures_section,
    profile_section,
    histogram_section,
    conditioning,
    correlation_section,
    scorecard_section,
    training,
    provenance,
)
