"""Study `lcd-ecal`: photons and neutral pions of 10 to 100 GeV in an electromagnetic calorimeter of 25x25x25 cells.

The source (Guthrie, Malkin, Pine 2017) unrolls the layers of 20x20 cells along a spiral to rows of 400 and makes them layer by layer with a recurrent
network, all at once with one dense layer, or their innermost 5x5 with locally connected layers. Here:

* Its cells beyond 20x20 are exactly zero; ours hold 0.16 % of the energy there, which the printed models leave out (the innermost 5x5 leave out 8 %).
* The L2 loss without a code is the source's recurrent network: it answers with the mean event. Beside it the same network with a density for each
  layer. Hidden state 800; the embeddings of kind, momentum and layer enter through one linear map.
* Parameters: the dense generator's 2,010,800 and both critics' are matched (see `facsim.models.unrolled_gan`); the locally connected generator's
  858,429 are not, since its channels are not printed (1.6 % fewer here). It is not told the energy, as printed.
* Negative energies of the dense generator and of the squared error, which end without an activation, are cut at zero.

Ours is the tree: squares of cells look the same when turned or mirrored, so each training event serves eight times. The centre of energy of photons
and pions alike scatters by a twentieth of a cell, and a photon's middle column holds 56 +- 2 % of its energy: so columns are cut before depth, the
hottest of them one by one, each told the centre so far. A pion's two photons lie so far apart that the variance along their line is that of its mass,
(L m / E)^2, however they share its energy: so centre and variances are drawn first, then the energies of the layers, and all is cut in their light.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from facsim.core import Events
from facsim.core.events import Array
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.studies.calorimeter import SECTIONS, SETTINGS, Calorimeter, Model, Sample, mean_ratio, within
from facsim.studies.study import Expected, Study

if TYPE_CHECKING:
    from facsim.transforms import Recipe

GEANT4_MS = 6.5 * 55.0  # of one core: about 6.5 ms per GeV, and 55 GeV the mean of flat energies from 10 to 100 GeV
EDGES = (10e3, 30e3, 50e3, 75e3, 100e3)  # MeV: four bins of the incident energy
KINDS = {"photon": 22, "pi0": 111}
LAYER_SHARE = 0.005  # of an event's energy that a layer must hold on average to be judged
LAYER_BAR, SPREAD_BAR, MEAN_BAR, WIDTH_BAR, AREA_BAR = 0.02, 0.03, 0.01, 0.05, 0.02
IDENTIFICATION = "identification(pdg)[tested on candidate]"

CROP = ("Crop", {"size": 20, "loss": 0.01})
INNERMOST = ("Unroll", {"keep": 25, "loss": 0.2})
LOG: Recipe = (("Log", {"offset": 1.0}), ("Scale", {}))
RMSPROP = {"optimiser": "rmsprop", "learning_rate": 5e-5}
WITHOUT_CELLS = tuple(name for name in SECTIONS if name != "classifier_cells")  # a network on 15,625 cells: four minutes or more
BRIEF = ("observables", "physics", "classifier_observables")  # of the source's models: all sections would take longer than their training


def scores(candidate: Events, sample: Sample, card: Scorecard) -> list[Row]:
    """Layers by kind; mean and width of E_out / E_in by kind and energy, the floor that of the training events; how kinds are told apart."""
    rows = [_identification(card)] if any(row.observable == IDENTIFICATION for row in card.rows) else []
    for name, code in KINDS.items():
        found, truth, other = (events[events.column("pdg") == code] for events in (candidate, sample.test, sample.train))
        if min(map(len, (found, truth, other))) > 1:
            rows += [*_layer_rows(name, found, truth, other), *_ratio_rows(name, found, truth, other)]
    return rows


def _identification(card: Scorecard) -> Row:
    """Area under the curve of photons against pions on the candidate less that on truth, of a discriminant trained on truth."""
    row = card.find(IDENTIFICATION, "auc")
    return Row("identification", "auc_difference", row.value - row.floor, float(np.hypot(row.error, row.floor_error)), 0.0, 0.0, signed=True)


def _layer_rows(name: str, found: Events, truth: Events, other: Events) -> list[Row]:
    """The largest departure among the layers of the mean energy, and of the transverse spread; its error is that of the layer where it is largest."""
    judged = truth.response.sum((2, 3), dtype=np.float64).mean(0) > LAYER_SHARE * truth.cells.sum(1, dtype=np.float64).mean()
    rows = []
    for observable, values in (("layer_energy", layer_energy), ("layer_spread", layer_spread)):
        candidate, true, floor = (values(events)[:, judged] for events in (found, truth, other))
        rows.append(Row(observable, "largest_mean_difference", *_largest(candidate, true), *_largest(floor, true), bin=name))
    return rows


def _largest(values: Array, truth: Array) -> tuple[float, float]:
    departures = [mean_ratio(a, b) for a, b in zip(values.T, truth.T, strict=True)]
    value, error = max(departures, key=lambda departure: abs(departure[0]))
    return abs(value), error


def layer_energy(events: Events) -> Array:
    """Energy of each layer, MeV, [n, layers]."""
    return np.asarray(events.response.sum((2, 3), dtype=np.float64))


def layer_spread(events: Events) -> Array:
    """Spread of each layer's energy about the beam axis, mm: the root of the sum of w r2, w the shares of its energy, [n, layers]; 0 if empty."""
    centres = events.detector.centres.reshape(*events.detector.shape, 3)[0]
    square = (centres[..., :2] ** 2).sum(-1)
    energy = layer_energy(events)
    moment = np.einsum("nzyx,yx->nz", events.response, square, dtype=np.float64)
    return np.asarray(np.sqrt(np.where(energy > 0, moment / np.where(energy > 0, energy, 1), 0)))


def _ratio_rows(name: str, found: Events, truth: Events, other: Events) -> list[Row]:
    rows = []
    for low, high in pairwise(EDGES):
        parts = (events[within(events, low, high)] for events in (found, truth, other))
        candidate, true, floor = (events.cells.sum(1, dtype=np.float64) / events.column("energy") for events in parts)
        if min(map(len, (candidate, true, floor))) > 2:
            bin = f"{name}, {low / 1e3:g}-{high / 1e3:g} GeV"
            rows.append(Row("response", "mean_difference", *mean_ratio(candidate, true), *mean_ratio(floor, true), bin=bin, signed=True))
            rows.append(Row("response", "width_difference", *width_ratio(candidate, true), *width_ratio(floor, true), bin=bin, signed=True))
    return rows


def width_ratio(candidate: Array, truth: Array) -> tuple[float, float]:
    """Standard deviation over standard deviation less one, and its error, which a tail makes larger than that of normal numbers."""
    ratio = candidate.std() / truth.std()
    return float(ratio - 1), float(ratio * np.hypot(_error_of_width(candidate), _error_of_width(truth)))


def _error_of_width(values: Array) -> float:
    """Of the standard deviation, relative, from the fourth moment."""
    square = (values - values.mean()) ** 2
    return float(square.std() / square.mean() / 2 / np.sqrt(len(values)))


MODELS = {
    "rnn-l2": Model(
        what="the source's: LSTM of 800, each layer from those before, squared error",
        family="recurrent",
        settings={"memory": 800, "latent": 0, "hidden": (), "likelihood": "mse"},
        response=(("Threshold", {}), CROP, *LOG),
        batch=64,
        training={"learning_rate": 1e-3, "clip": 100.0, "precision": "bf16"},
        full=8,
        sections=BRIEF,
    ),
    "rnn": Model(
        what="the same network with a density for each layer",
        family="recurrent",
        settings={"memory": 800, "latent": 16, "hidden": (256,), "likelihood": "censored"},
        response=(CROP, *LOG),
        batch=64,
        training={"learning_rate": 1e-3, "schedule": "onecycle", "clip": 100.0, "precision": "bf16"},
        full=40,
        sections=BRIEF,
    ),
    "mlp-wgan": Model(
        what="the source's: one dense layer against a convolution, Wasserstein with clipped weights",
        family="unrolled-wgan",
        response=(("Threshold", {}), CROP, ("Unroll", {}), ("Scale", {})),
        batch=64,
        training=RMSPROP,
        full=20,
        sections=BRIEF,
    ),
    "lagan": Model(
        what="the source's: locally connected layers on the innermost 5x5 cells",
        family="unrolled-lagan",
        settings={"told_energy": False},
        response=(INNERMOST, ("Scale", {})),
        batch=64,
        training=RMSPROP,
        full=40,
        sections=BRIEF,
    ),
    "tree": Model(
        what="ours: how an event lies across the beam and how deep, then its energy cut in halves of the detector down to single cells",
        family="moment-tree",
        settings={"symmetry": "square", "width": 84, "hottest": 8, "whole": True, "sampled": 512, "reach": 1.8, "lines": 0},
        batch=64,
        training={"learning_rate": 3e-3, "schedule": "onecycle", "clip": 10.0},
        full=75,
        sections=WITHOUT_CELLS,
    ),
}
PARTS = Calorimeter(name="lcd-ecal", models=MODELS, scores=scores, geant4_ms=GEANT4_MS, per_condition=4)


def _expected() -> list[Expected]:
    """The bars of our model; the same numbers of the source's, which published none."""
    rows: list[Expected] = []
    for model in MODELS:
        ours = model == "tree"
        for kind in KINDS:
            rows.append(Expected(model, "largest_mean_difference", "layer_energy", kind, None, LAYER_BAR if ours else None))
            rows.append(Expected(model, "largest_mean_difference", "layer_spread", kind, None, SPREAD_BAR if ours else None))
            for low, high in pairwise(EDGES):
                bin = f"{kind}, {low / 1e3:g}-{high / 1e3:g} GeV"
                rows.append(Expected(model, "mean_difference", "response", bin, None, MEAN_BAR if ours else None))
                rows.append(Expected(model, "width_difference", "response", bin, None, WIDTH_BAR if ours else None))
        rows.append(Expected(model, "auc_difference", "identification", "all", None, AREA_BAR if ours else None))
        rows.append(Expected(model, "auc", "observables", "all"))
        rows.append(Expected(model, "ms_per_image", "time", "all", None, GEANT4_MS if ours else None))
    return rows


STUDY = Study(
    "lcd-ecal",
    "Guthrie, Malkin, Pine (2017)",
    "Geant4 photons and neutral pions of 10 to 100 GeV in 25 layers of tungsten and silicon, 25x25 cells each",
    {name: model.what for name, model in MODELS.items()},
    tuple(_expected()),
    f"tree: mean energy of every layer within {LAYER_BAR:.0%}, its spread within {SPREAD_BAR:.0%}; E_out / E_in: mean within {MEAN_BAR:.0%}, "
    f"width within {WIDTH_BAR:.0%} in four bins of the energy, for photons and pions; told apart as well within an AUC of {AREA_BAR}",
    PARTS.run,
    settings=SETTINGS,
    seeds=1,
    bundles=True,
)
