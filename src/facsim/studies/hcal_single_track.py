"""Study `hcal-single-track`: single charged pions on the hadronic calorimeter of LHCb, 1488 cells of two sizes, by place and transverse energy.

The source (LHCb HCAL study of 2019) trains a conditional Wasserstein GAN on images of 56x64 pixels: small cells, and quarters of large ones. Here:

* Truth: Geant4 showers of a library (`--set library=FOLDER`) placed on the cells, or without it parameterised ones; 2 to 30 GeV, uniform in
  the logarithm, in pseudorapidity and azimuth. The source's spectrum is not printed. To both the printed resolution is added as far as they lack it.
* Cells hold transverse energy; the saturation of 6.12 GeV is one number for all of them, as the source's images have it.
* Conditions go from their ranges to (-1, 1), the energy in logarithm; the source standardises places and divides the energy by 6.12 GeV.
* The number of cells above 6 MeV is one of pixels, as in the source: a large cell counts four times from 24 MeV on.
* Variety of one track: the source compares 1,000 images of a track with the true events that are like it. Here the truth simulates the very same
  track 1,000 times, twice: once to compare with, once as the floor; of a library it draws among ten times as many showers as else, see `hcal`.
* Cells below 0.1 MeV (half of those that are not empty, with 0.02 % of the energy) are crumbs: what classifiers see, and what the tree learns, is
  without them. All other observables are of all cells.

Ours is the tree on images mirrored and turned so that the hit is in the middle, a large cell being one pixel; it is told where an average shower at
the track's place leaves its energy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from facsim.core import Events, stream
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.studies.calorimeter import SECTIONS, SETTINGS, Calorimeter, Model, Sample
from facsim.studies.hcal import SATURATION, SEPARATION_BAR, VARIED, VARIETY_BAR, read_out, separation_rows, showers, showers_of_one, total
from facsim.studies.study import Expected, Request, Study
from facsim.studies.variety import Repeated, variety_rows

if TYPE_CHECKING:
    from facsim.simulators import SingleHadrons

GEANT4_MS = 2.5 * 10.3  # of one core: 2.5 ms per GeV, and 10.3 GeV the mean of energies log-uniform from 2 to 30 GeV
TRAINING, TESTING = 40_000, 3_000  # events
SHORT = 400  # events of a quick run, of both
QUICK_SECTIONS = tuple(name for name in SECTIONS if name != "classifier_cells")  # 1488 cells cost half a minute
TRACKS = {  # polar angle, and transverse energy in MeV: two in small cells, one in the corner of these, one in large cells
    "inner": (0.05, 500.0),
    "middle": (0.12, 1200.0),
    "border": (0.2, 2000.0),
    "outer": (0.25, 2500.0),
}
AZIMUTH = 0.7  # rad: of these tracks
CRUMB = 0.1  # MeV
BETAS = (0.0, 0.9)  # of Adam against a Wasserstein critic (Gulrajani et al., 2017): the source prints none; with (.9, .999) events go out for good


def resolution(events: Events) -> Array:
    """True transverse energy less that of all cells, MeV, [n]."""
    return np.asarray(events.column("energy") - total(events))


def centre(events: Events, axis: int) -> Array:
    """Energy-weighted mean place, mm, [n]; 0 if empty."""
    energy = total(events)
    return np.asarray(events.cells @ events.detector.centres[:, axis] / np.where(energy > 0, energy, 1))


OBSERVABLES: dict[str, Callable[[Events], Array]] = {
    **VARIED,
    "resolution": resolution,
    "centre_of_energy_x": lambda events: centre(events, 0),
    "centre_of_energy_y": lambda events: centre(events, 1),
}


def scores(candidate: Events, sample: Sample, card: Scorecard) -> list[Row]:
    """Separation power of the source's observables."""
    return separation_rows(candidate, sample, OBSERVABLES)


def one_track(theta: float, transverse: float, distance: float) -> Array:
    """The condition of a track of that polar angle, [1, 3].

    Examples:
        >>> one_track(0.0, 500.0, 13330.0).tolist()
        [[0.0, 0.0, 500.0]]
    """
    radius = distance * np.tan(theta)
    return np.array([[radius * np.cos(AZIMUTH), radius * np.sin(AZIMUTH), transverse]], dtype=np.float32)


def sample(request: Request) -> Sample:
    """Events to train on and to test on, made by the simulator `lhcb-hcal`."""
    from facsim.simulators import lhcb_hcal

    library = str(request.settings.get("library", ""))
    simulator, sizes = lhcb_hcal(showers(library)), (TRAINING, TESTING) if request.full else (SHORT, SHORT)
    train, test = (
        simulator.simulate(simulator.prior(size, stream(0, "hcal", part, "prior")), stream(0, "hcal", part, "showers"))
        for part, size in zip(("train", "test"), sizes, strict=True)
    )
    source = "Geant4 library" if library else "parameterised showers"
    tracks = {name: one_track(*track, simulator.wall.distance) for name, track in TRACKS.items()}
    again = lhcb_hcal(showers_of_one(simulator.source))
    repeats = [_repeated(name, track, again) for name, track in tracks.items()]
    return Sample(train, test, f"{source}, {sizes[0]} and {sizes[1]} events", judged=partial(read_out, least=CRUMB), repeats=repeats)


def _repeated(name: str, track: Array, simulator: SingleHadrons) -> Repeated:
    def truth(n: int, number: int) -> Events:
        return simulator.simulate(track.repeat(n, axis=0), stream(0, "truth", name, number))

    return Repeated(name, lambda n, rng: track.repeat(n, axis=0), cache(truth))


MODELS = {
    "stp": Model(
        what="the source's: dense layer and transposed convolutions, Wasserstein with gradient penalty, quarters of large cells",
        family="single-track",
        response=(("Pixels", {"size": [56, 64]}), ("Scale", {"by": SATURATION})),
        batch=32,
        # not in bf16: verdicts follow the track above all, and how real and made events differ is lost in rounding
        training={"learning_rate": 1e-4, "betas": BETAS},
        full=3,
    ),
    "tree": Model(
        what="ours: the energy cut in halves round the hit down to single cells",
        family="tree",
        settings={"images": 1, "width": 64, "reach": 1.5, "context": 3, "lines": 0},
        response=(
            ("Threshold", {"at": CRUMB}),
            ("Quadrant", {}),
            ("Pixels", {"size": [64, 64], "corner": True}),
            ("Centred", {"mirrored": True}),
            ("Scale", {}),
        ),
        condition=(("Footprint", {"mirrored": True}),),
        batch=32,
        training={"learning_rate": 8e-3, "schedule": "onecycle", "clip": 10.0},
        full=4,
    ),
}
PARTS = Calorimeter(
    name="hcal-single-track",
    models=MODELS,
    scores=scores,
    own=lambda surrogate, sample, full: variety_rows(surrogate, sample.repeats, VARIED, full),
    geant4_ms=GEANT4_MS,
    sample=sample,
    quick=QUICK_SECTIONS,
)


def _expected() -> list[Expected]:
    """The bars of our model; the same numbers of the source's, which published pictures."""
    rows: list[Expected] = []
    for model in MODELS:
        ours = model == "tree"
        rows += [Expected(model, "separation", f"source[{name}]", "all", None, SEPARATION_BAR if ours else None) for name in OBSERVABLES]
        rows += [
            Expected(model, "variance_ratio", f"variety[{name}]", track, None, VARIETY_BAR if ours else None) for track in TRACKS for name in VARIED
        ]
        rows.append(Expected(model, "auc", "observables", "all"))  # that of cells is in the scorecards of full runs
        rows.append(Expected(model, "ms_per_image", "time", "all", None, GEANT4_MS if ours else None))
    return rows


STUDY = Study(
    "hcal-single-track",
    "LHCb HCAL study (2019), sections 2.1 and 5.2, appendix C.1",
    "single pions of 2 to 30 GeV on the LHCb HCAL: 880 cells of 131 mm and 608 of 262 mm, with place and transverse energy",
    {name: model.what for name, model in MODELS.items()},
    tuple(_expected()),
    f"tree: separation power of the source's six observables at most {SEPARATION_BAR}, variances of one track within {VARIETY_BAR:.0%}",
    PARTS.run,
    settings={
        "library": "folder of Geant4 showers; without it they are parameterised",
        **{key: SETTINGS[key] for key in ("epochs", "learning_rate", "train_events")},
    },
    seeds=1,
    bundles=True,
)
