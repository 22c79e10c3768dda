"""The figures of the electron-gun study, as PNGs by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from facsim.core.events import Array
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.studies.electron_gun_data import GEANT4_MS, Sample
from facsim.studies.electron_gun_scores import rebuilds, rebuilt
from facsim.studies.study import Trial

if TYPE_CHECKING:
    from facsim.core import Events
    from facsim.surrogate import Surrogate


def average_figure(name: str, candidate: Events, sample: Sample) -> dict[str, bytes]:
    """The average images of truth and model alone: what a quick run draws."""
    from facsim.report.images import average_images
    from facsim.report.study_curves import png

    return {"average": png(average_images(sample.test, {name: candidate}))}


def model_figures(
    name: str,
    surrogate: Surrogate,
    candidate: Events,
    sample: Sample,
    images: Mapping[int, Array],
    losses: Mapping[str, list[float]],
) -> dict[str, bytes]:
    """The figures of one model: average images, cross-sections, a gallery; of a training its losses and its last epochs; of a VAE reconstructions."""
    from facsim.report import study_images
    from facsim.report.curves import training_curves
    from facsim.report.images import gallery
    from facsim.report.study_curves import png

    truth, own = sample.test, {name: candidate}
    figures = {
        "gallery": gallery(truth, own),
        "cross-sections": study_images.cross_section_moments(truth, own),
        "slices": study_images.cross_section_slices(truth, own),
    }
    if losses:
        figures["training"] = training_curves(losses)
    if images:
        figures["epochs"] = study_images.epoch_images(truth, images)
    if rebuilds(surrogate):
        shown = truth[:6]
        figures["reconstructions"] = study_images.reconstructions(shown, rebuilt(surrogate, shown, seed=0))
    return average_figure(name, candidate, sample) | {key: png(figure) for key, figure in figures.items()}


def study_figures(trials: Iterable[Trial], samples: Mapping[str, str]) -> dict[str, bytes]:
    """The figures of all models: AUC against speed at both resolutions, mean deposits at each energy; `samples` of each model."""
    from facsim.report.pareto import pareto
    from facsim.report.study_curves import png
    from facsim.report.study_images import deposits

    found, figures = list(trials), {}
    for sample in ("32", "64", "conditional"):
        cards = {t.model: Scorecard(t.rows) for t in found if samples[t.model] == sample}
        if cards:
            seconds = {name: 1e-3 * card.find("time", "ms_per_image").value for name, card in cards.items()}
            auc = {name: card.find("cells", "auc").value for name, card in cards.items()}
            geant4 = 1e-3 * GEANT4_MS
            shown = {"seconds": {**seconds, "Geant4": geant4}, "score": {**auc, "Geant4": 0.5}}
            figures[f"pareto-{sample}"] = png(pareto(**shown, label=f"AUC, cells ({sample})", best=0.5, truth_seconds=geant4))
    conditional = {t.model: t for t in found if len(deposit_rows(t.rows)) > 1}
    if conditional:
        truth = next(iter(conditional.values())).about["true deposit"]
        own = {name: _means(trial) for name, trial in conditional.items()}
        figures["deposits"] = png(deposits({float(e): mean for e, mean in truth.items()}, own))
    return figures


def deposit_rows(rows: Iterable[Row]) -> list[Row]:
    """The rows of the mean deposit at each energy."""
    return [row for row in rows if row.observable == "deposit"]


def _means(trial: Trial) -> dict[float, float]:
    """Mean deposit in MeV at each energy."""
    true = trial.about["true deposit"]
    return {float(energy): true[energy] * (1 + row.value) for row in deposit_rows(trial.rows) for energy in [row.bin.removesuffix(" MeV")]}
