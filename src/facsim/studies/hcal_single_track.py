"""Study `hcal-single-track`: single charged pions on the hadronic calorimeter of LHCb, 1488 cells of two sizes, by place and transverse energy.

The source (LHCb HCAL study of 2019) trains a conditional Wasserstein GAN on images of 56x64 pixels: small cells, and quarters of large ones. Here:

* Truth: Geant4 showers of a library (`--set library=FOLDER`) placed on the cells, or without it parameterised ones; 2 to 30 GeV, uniform in
  the logarithm, in pseudorapidity and azimuth. The source's spectrum is not printed. To both the printed resolution is added as far as they lack it.
* Cells hold transverse energy; the saturation of 6.12 GeV is one number for all of them, as the source's images have it.
* Conditions go from their ranges to (-1, 1), the energy in logarithm; the source standardises places and divides the energy by 6.12 GeV.
* The number of cells above 6 MeV is one of pixels, as in the source: a large cell counts four times from 24 MeV on.
* Variety of one track: the source compares 1,000 images of a track with the true events that have its polar angle within .01 and its transverse
  energy within 10 %. Here generated events are chosen in the same way, so that both have the same spread of conditions; where fewer than 10 events
  are so alike, as in a quick run, the limits are doubled.

Ours is the tree on images turned so that the hit is in the middle, a large cell being one pixel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from facsim.core import Events, SplitGranularity, stream
from facsim.core.detectors import as_image
from facsim.core.events import Array
from facsim.evaluation.distances import distance
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.studies.calorimeter import SECTIONS, SETTINGS, Calorimeter, Model, Sample
from facsim.studies.hcal import showers
from facsim.studies.study import Expected, Request, Study

GEANT4_MS = 2.5 * 10.3  # of one core: 2.5 ms per GeV, and 10.3 GeV the mean of energies log-uniform from 2 to 30 GeV
SATURATION = 6120.0  # MeV
FIRED = 6.0  # MeV: least energy of a pixel that counts
TRAINING, TESTING = 10_000, 3_000  # events
SHORT = 400  # events of a quick run, of both
QUICK_SECTIONS = tuple(name for name in SECTIONS if name != "classifier_cells")  # 1488 cells cost half a minute
SEPARATION_BAR, VARIETY_BAR = 0.02, 0.2
REPLICAS = 20
ANGLE, ENERGY = 0.01, 0.1  # rad and relative: how like a track must be
ENOUGH, WIDENED = 10, (1.0, 2.0, 4.0, 8.0, 1e6)  # alike events, and factors on these limits
TRACKS = {"inner": (0.05, 500.0), "border": (0.12, 1200.0), "outer": (0.2, 2000.0)}  # polar angle and transverse energy in MeV


def total(events: Events) -> Array:
    """Transverse energy of all cells, MeV, [n]."""
    return np.asarray(events.cells.sum(1, dtype=np.float64))


def maximum(events: Events) -> Array:
    """The brightest pixel, MeV, [n]."""
    return np.asarray(_pixels(events).max(1))


def fired(events: Events) -> Array:
    """Pixels above 6 MeV, [n]."""
    return np.asarray(np.count_nonzero(_pixels(events) > FIRED, axis=1))


def resolution(events: Events) -> Array:
    """True transverse energy less that of all cells, MeV, [n]."""
    return np.asarray(events.column("energy") - total(events))


def centre(events: Events, axis: int) -> Array:
    """Energy-weighted mean place, mm, [n]; 0 if empty."""
    energy = total(events)
    return np.asarray(events.cells @ events.detector.centres[:, axis] / np.where(energy > 0, energy, 1))


OBSERVABLES: dict[str, Callable[[Events], Array]] = {
    "total_energy": total,
    "maximum_pixel": maximum,
    "pixels_above_6MeV": fired,
    "resolution": resolution,
    "centre_of_energy_x": lambda events: centre(events, 0),
    "centre_of_energy_y": lambda events: centre(events, 1),
}
VARIED = ("total_energy", "maximum_pixel", "pixels_above_6MeV")


def scores(candidate: Events, sample: Sample, card: Scorecard) -> list[Row]:
    """Separation power of the source's observables, the floor that of the training events; variety of tracks that are alike."""
    parts = (candidate, sample.test, sample.train[: len(sample.test)])
    rows = []
    for name, observable in OBSERVABLES.items():
        found, truth, other = (observable(events) for events in parts)
        rows.append(Row(f"source[{name}]", "separation", *_separation(found, truth), *_separation(other, truth)))
    for track, (theta, transverse) in TRACKS.items():
        like = likest((candidate, sample.test, sample.train), theta, transverse)
        for name in VARIED:
            ours, true, floor = (_deviation(OBSERVABLES[name](events)) for events in like)
            rows.append(Row(f"variety[{name}]", "variance_ratio", *_excess(ours, true), *_excess(floor, true), bin=track, signed=True))
    return rows


def likest(samples: tuple[Events, ...], theta: float, transverse: float) -> list[Events]:
    """The events of each sample whose tracks are alike, the limits doubled until every sample has 10 of them (or they hold all events)."""
    for widen in WIDENED:
        like = [events[alike(events, theta, transverse, widen)] for events in samples]
        if min(map(len, like)) >= ENOUGH:
            break
    return like


def alike(events: Events, theta: float, transverse: float, widen: float = 1.0) -> Array:
    """Which tracks have this polar angle and transverse energy, nearly, [n]; the limits are `widen` times the printed ones."""
    wall = _wall(events)
    angle = np.arctan2(np.hypot(events.column("x"), events.column("y")), wall.distance)
    return np.asarray((np.abs(angle - theta) < widen * ANGLE) & (np.abs(events.column("energy") / transverse - 1) < widen * ENERGY))


def _separation(values: Array, truth: Array) -> tuple[float, float]:
    """Separation power, and its error from samples drawn again."""
    rng = stream(0, "separation")
    again = [distance("separation", *(rng.choice(v, len(v)) for v in (values, truth))) for _ in range(REPLICAS)]
    return distance("separation", values, truth), float(np.std(again, ddof=1))


def _deviation(values: Array) -> tuple[float, float]:
    """Variance, and its relative error for numbers that are nearly normal."""
    return float(np.var(values)), float(np.sqrt(2 / len(values)))


def _excess(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Variance over variance less one, and its error."""
    ratio = one[0] / other[0] if other[0] else 1.0
    return ratio - 1, ratio * float(np.hypot(one[1], other[1]))


def _pixels(events: Events) -> Array:
    return as_image(_wall(events), events.cells).reshape(len(events), -1)


def _wall(events: Events) -> SplitGranularity:
    if not isinstance(events.detector, SplitGranularity):
        raise TypeError(f"{type(events.detector).__name__} is no SplitGranularity")
    return events.detector


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
    return Sample(train, test, f"{source}, {sizes[0]} and {sizes[1]} events")


MODELS = {
    "stp": Model(
        what="the source's: dense layer and transposed convolutions, Wasserstein with gradient penalty, quarters of large cells",
        family="single-track",
        response=(("Pixels", {"size": [56, 64]}), ("Scale", {"by": SATURATION})),
        batch=32,
        training={"learning_rate": 1e-4, "betas": (0.9, 0.999)},
        full=1,
    ),
    "tree": Model(
        what="ours: the energy cut in halves round the hit down to single cells",
        family="tree",
        settings={"width": 64, "reach": 1.5, "context": 3},
        response=(("Pixels", {"size": [64, 64], "corner": True}), ("Centred", {}), ("Scale", {})),
        condition=(("Within", {}),),
        batch=64,
        training={"learning_rate": 3e-3, "schedule": "onecycle", "clip": 10.0},
        full=3,
    ),
}
PARTS = Calorimeter(name="hcal-single-track", models=MODELS, scores=scores, geant4_ms=GEANT4_MS, sample=sample, quick=QUICK_SECTIONS)


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
    f"tree: separation power of the source's six observables at most {SEPARATION_BAR}, variances of like tracks within {VARIETY_BAR:.0%}",
    PARTS.run,
    settings={"library": "folder of Geant4 showers; without it they are parameterised", "epochs": SETTINGS["epochs"]},
    seeds=1,
    bundles=True,
)
