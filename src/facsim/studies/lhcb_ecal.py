"""Study `lhcb-ecal`: electrons of 1 to 100 GeV in an electromagnetic calorimeter like that of LHCb, 30x30 cells, with place and slope.

The source (Maevskiy 2020) trains a conditional Wasserstein GAN on momentum and place; its layers are not printed, so that it is built fully connected
here. Ours is the tree. The set-up is the same when it is mirrored or its axes are exchanged, with place and slope: each training event
serves eight times.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from facsim.core import Events
from facsim.core.events import Array
from facsim.core.variables import column_index
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.studies.calorimeter import SETTINGS, Calorimeter, Model, Sample, response_rows
from facsim.studies.study import Expected, Study

GEANT4_MS = 8.0 * 21.5  # of one core: 8 ms per GeV, and 21.5 GeV the mean of energies log-uniform from 1 to 100 GeV
EDGES = (2e3, 5e3, 10e3, 20e3, 50e3, 100e3)  # MeV, of the response's bins
SEPARATION_BAR, AUC_BAR, RESPONSE_BAR = 0.01, 0.65, 0.01
WATCHED = (
    *("total_energy", "energy_ratio", "sparsity", "hits[>0.1MeV]", "hits[>1MeV]", "hits[>10MeV]", "width_x", "width_y"),
    *("asymmetry_along", "asymmetry_across", "width_along", "width_across", "position_bias_x", "position_bias_y"),
)
MIRRORS = {"x": ("x", "tx"), "y": ("y", "ty")}


def eightfold(events: Events) -> Events:
    """Every event mirrored in x and y and with its axes exchanged, the particle's place and slope with it.

    Raises:
        FacsimError: if the conditions x, y, tx, ty are not there.
    """
    made = [events]
    for axis, (place, slope) in enumerate((MIRRORS["y"], MIRRORS["x"]), start=1):
        made += [_mirrored(e, axis, (place, slope)) for e in made]
    made += [_exchanged(e) for e in made]
    condition = np.concatenate([e.condition for e in made])
    variables = tuple(v.covering(condition[:, i]) for i, v in enumerate(events.variables))
    weight = None if events.weight is None else np.tile(events.weight, len(made))
    return Events(condition, np.concatenate([e.response for e in made]), events.detector, variables, weight)


def _mirrored(events: Events, axis: int, names: tuple[str, ...]) -> Events:
    condition = events.condition.copy()
    condition[:, [column_index(events.variables, name) for name in names]] *= -1
    return _moved(events, condition, np.flip(events.response, axis))


def _exchanged(events: Events) -> Events:
    order = [v.name.replace("x", "?").replace("y", "x").replace("?", "y") for v in events.variables]
    columns = [v.name for v in events.variables]
    swapped = [columns.index(name) if name in columns else i for i, name in enumerate(order)]
    return _moved(events, events.condition[:, swapped], events.response.transpose(0, 2, 1))


def _moved(events: Events, condition: Array, response: Array) -> Events:
    variables = tuple(v.covering(condition[:, i]) for i, v in enumerate(events.variables))
    return replace(events, condition=condition, response=np.ascontiguousarray(response), variables=variables)


def scores(candidate: Events, sample: Sample, card: Scorecard) -> list[Row]:
    """The response in bins of the energy."""
    return response_rows(candidate, sample, EDGES)


MODELS = {
    "cwgan-gp": Model(
        what="the source's: conditional Wasserstein GAN with gradient penalty, fully connected",
        family="wgan-gp",
        settings={"hidden": (256, 512), "latent": 100},
        training={"learning_rate": 2e-4, "betas": (0.5, 0.9)},
        full=8,
    ),
    "tree": Model(
        what="ours: the energy cut in halves of the detector down to single cells",
        family="tree",
        settings={"width": 96, "colours": "parities"},
        training={"learning_rate": 3e-3, "schedule": "onecycle", "clip": 10.0},
        full=6,
    ),
}
PARTS = Calorimeter(name="lhcb-ecal", models=MODELS, scores=scores, geant4_ms=GEANT4_MS, prepare=eightfold)


def _expected() -> list[Expected]:
    """The bars of our model, told for the source's too."""
    bars = {"cwgan-gp": (None, None, None), "tree": (SEPARATION_BAR, AUC_BAR, RESPONSE_BAR)}
    rows: list[Expected] = []
    for model, (separation, auc, response) in bars.items():
        rows += [Expected(model, "separation", name, "all", None, separation) for name in WATCHED]
        rows += [Expected(model, "auc", on, "all", None, auc) for on in ("cells", "observables")]
        bins = (f"{low / 1e3:g}-{high / 1e3:g} GeV" for low, high in pairwise(EDGES))
        rows += [Expected(model, "mean_difference", "response", bin, None, response) for bin in bins]
        rows += [Expected(model, "ms_per_image", "time", "all", None, GEANT4_MS if model == "tree" else None)]
    return rows


STUDY = Study(
    "lhcb-ecal",
    "Maevskiy (2020), chapter on fast calorimeter simulation",
    "Geant4 electrons of 1 to 100 GeV in 66 layers of lead and scintillator, 30x30 cells summed over depth, with energy, place and slope",
    {name: model.what for name, model in MODELS.items()},
    tuple(_expected()),
    f"tree: separation power of all observables at most {SEPARATION_BAR}, AUC {AUC_BAR}, response within {RESPONSE_BAR:.0%} from 2 to 100 GeV",
    PARTS.run,
    settings=SETTINGS,
    seeds=1,
    bundles=True,
)
