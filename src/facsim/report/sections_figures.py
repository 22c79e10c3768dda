"""Sections made of figures: images, profiles, observables, conditioning, correlations, classifiers, training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from facsim.core import Events, RegularGrid, Vector
from facsim.core.events import Array
from facsim.evaluation.observables import OBSERVABLES, Column
from facsim.report import correlations, curves, distinguish, histograms, images, profiles
from facsim.report.comparison import Comparison, axis_label, describe
from facsim.report.layout import Picture, Section, picture
from facsim.report.style import with_unit
from facsim.report.tables import auc_rows, bin_table
from facsim.report.words import measured

MOST_HISTOGRAMS = 48
MOST_COLUMNS = 4  # of a table whose response is drawn


def observable_picture(c: Comparison, name: str) -> Picture:
    """The histogram of one number, or the profile of one that each layer has."""
    return _histogram(c, c.columns[name]) if name in c.columns else _layer_profile(c, name)


def _histogram(c: Comparison, column: Column) -> Picture:
    truth, candidates = c.values(column.name)
    figure = histograms.histogram(truth, candidates, label=axis_label(column), unit=column.unit)
    return picture(figure, describe(column), f"Histogram of {column.name} for truth and {', '.join(candidates)}, with ratio to the truth")


def _layer_profile(c: Comparison, name: str) -> Picture:
    truth, candidates = c.parts(name)
    o = OBSERVABLES[name]
    figure = profiles.layer_profile(truth, candidates, label=with_unit(f"mean {o.label}", o.unit))
    return picture(figure, f"{name}: mean over events; {o.description}", f"Mean {name} of each layer with ratio to the truth")


def image_section(c: Comparison) -> Section | None:
    """Average images, their difference, single events."""
    if not images.drawable(c.truth):
        return None
    sizes = ", ".join(f"{name} {len(events):,}" for name, events in {"truth": c.truth, **c.candidates}.items())
    error = "; right, the difference in statistical errors" if images.has_errors(c.truth) else ""
    caption = f"Average images over all events ({sizes}), and truth minus candidate on a scale symmetric about 0{error}."
    shown = [picture(images.average_images(c.truth, c.candidates), caption)]
    if all(len(e) for e in (c.truth, *c.candidates.values())):
        caption = "Single events, x to the right and y upwards: each column at (nearly) equal condition, one colour scale for all."
        shown.append(picture(images.gallery(c.truth, c.candidates), caption))
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
            yield picture(figure, f"Cross-sections: the {statistic} of each cell in the {profiles.CENTRAL_ROWS} central rows.")
    yield picture(profiles.radial(c.truth, c.candidates), "Radial profile: mean energy per area.")
    for name in c.layered:
        yield _layer_profile(c, name)


def histogram_section(c: Comparison) -> Section:
    """All observables of an event that do not belong to one layer, and the spectrum of cells."""
    drawn = [_histogram(c, c.columns[name]) for name in c.single[:MOST_HISTOGRAMS]]
    if images.drawable(c.truth):
        drawn.append(picture(histograms.cell_spectrum(c.truth, c.candidates), "Cell spectrum: number of cells of an event at each energy."))
    text = "Bins are chosen from the truth alone; hatched: its statistical error."
    return Section("observables", "Observables", text, drawn)


def conditioning(c: Comparison) -> Section | None:
    """Response and resolution against each condition that varies; scores in bins of the condition."""
    varying = [i for i in range(len(c.truth.numbers)) if curves.varies(c.truth.condition[:, i])]
    drawn = [_response(c, i, name) for i in varying for name in signals(c)]
    binned = [bin_table(card, f"{name}: scores in bins of the condition") for name, card in c.scorecards.items()]
    tables = [t for t in binned if t.rows]
    text = "Mean and width in bins of the condition; below, the ratio to the truth, with its statistical error as a band."
    return Section("conditioning", "Conditioning", text, drawn, folded=tables) if drawn or tables else None


def signals(c: Comparison) -> list[str]:
    """What is drawn against the conditions: energy over incident energy if that is known, else total energy; the first columns of a table."""
    if isinstance(c.truth.detector, Vector):
        return list(c.columns)[:MOST_COLUMNS]
    return [next(name for name in ("energy_ratio", "total_energy", "outer_signal") if name in c.columns)]


def _response(c: Comparison, condition: int, name: str) -> Picture:
    truth, candidates = c.values(name)
    column, variable = c.columns[name], c.truth.variables[condition]

    def signal(sample: tuple[Array, Array], events: Events) -> curves.Signal:
        return curves.Signal(sample[0], events.condition[:, condition], sample[1])

    figure = curves.response_and_resolution(
        signal(truth, c.truth),
        {who: signal(sample, c.candidates[who]) for who, sample in candidates.items()},
        variable=variable,
        label=axis_label(column),
        unit=column.unit,
        relative=not isinstance(c.truth.detector, Vector),
    )
    return picture(figure, f"Response and resolution: mean and width of {name} against {variable.name}.")


def correlation_section(c: Comparison) -> Section | None:
    """Linear correlations of the observables, and of the layers' energies."""
    drawn = []
    if len(c.single) > 1:
        truth, candidates = c.matrices(c.single)
        drawn.append(picture(correlations.correlation_matrices(truth, candidates, c.single), "Correlation of observables (Pearson)."))
    if "layer_energy" in c.layered:
        layers = [name for name, column in c.columns.items() if column.observable == "layer_energy"]
        truth, candidates = c.matrices(layers)
        figure = correlations.correlation_matrices(truth, candidates, len(layers) * [""], "layer")
        drawn.append(picture(figure, "Correlation of the layers' energies (Pearson)."))
    return Section("correlations", "Correlations", pictures=drawn) if drawn else None


def distinguish_section(c: Comparison) -> Section | None:
    """Output of the scorecards' classifiers, precision against recall, and distances to the training events if those are given."""
    drawn = [*_outputs(c), *_clouds(c)]
    return Section("distinguish", "Telling them apart", pictures=drawn) if drawn else None


def _outputs(c: Comparison) -> Iterator[Picture]:
    """What the classifiers said, where a scorecard keeps it."""
    outputs = {name: card.outputs for name, card in c.scorecards.items() if card.outputs}
    areas = {name: {r.observable: f"AUC {measured(r.value, r.error)}" for r in auc_rows(card)} for name, card in c.scorecards.items()}
    if outputs:
        figure = distinguish.classifier_output(outputs, areas)
        yield picture(figure, "Classifiers of truth against candidate: output for held-out events.")


def _clouds(c: Comparison) -> Iterator[Picture]:
    """Precision against recall, distances to training events: for events that all count the same."""
    truth, candidates = c.matrices(list(c.columns))
    weighted = any(events.weight is not None for events in (c.truth, *c.candidates.values()))
    if weighted or not distinguish.enough(truth, *candidates.values()):
        return
    prd = {name: distinguish.precision_and_recall(truth, values) for name, values in candidates.items()}
    figure = distinguish.prd_figure(distinguish.floor_of(truth), prd)
    yield picture(figure, "Precision and recall of distributions; best is the upper right corner.")
    if c.train is not None:
        yield _memory(c, c.train, truth, candidates)


def _memory(c: Comparison, train: Events, truth: Array, candidates: dict[str, Array]) -> Picture:
    near_truth, *near = distinguish.distances(c.observables(train), truth, *candidates.values())
    ones = {name: (d, np.ones_like(d)) for name, d in zip(candidates, near, strict=True)}
    label = "distance to the nearest training event [truth's σ]"
    edges = np.linspace(0, histograms.edges_from(near_truth)[-1], histograms.BINS + 1)  # from 0, where copies lie
    figure = histograms.histogram((near_truth, np.ones_like(near_truth)), ones, label=label, edges=edges)
    return picture(figure, "Memorisation check: a candidate that copies training events lies nearer to them than the truth does.")


def training(c: Comparison) -> Section | None:
    """The numbers recorded during training."""
    if not c.history:
        return None
    return Section("training", "Training", pictures=[picture(curves.training_curves(c.history), "Recorded numbers against the epoch.")])
