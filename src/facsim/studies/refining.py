"""From a simulation and data to a refinement: the one path that studies and the command line share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facsim.core import Events, FacsimError, StationArray, look_up, stream
from facsim.core.contracts import Batch
from facsim.core.table import unknown
from facsim.data.unpaired import UnpairedBatches
from facsim.models import REFINERS
from facsim.models.ranks import Ranks
from facsim.models.transport import Transport
from facsim.surrogate.refinement import Refinement, require_alike
from facsim.training import History, Progress, Settings, fit
from facsim.transforms import Chain, Recipe

ADAPT_EVENTS = 6000  # of each sample, for the correlations of transport
UNTRAINED = ("transport", "ranks")  # refiners that look at each number on its own
FEWEST = 50  # events of each sample


@dataclass(frozen=True, kw_only=True)
class RefinePlan:
    """How to refine: a family of REFINERS with its settings, transforms (None: those that suit family and detector), batch size, training."""

    model: str = "transport"
    settings: Mapping[str, Any] = field(default_factory=dict)
    recipe: Recipe | None = None
    batch_size: int = 100
    training: Settings


def make_refinement(
    simulation: Events,
    data: Events,
    plan: RefinePlan,
    *,
    about: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[Refinement, History]:
    """A refinement of the simulation to the data, whose numbers of events may differ, and the history of its training.

    Conditions of data are never looked at; they may have none. Weights of data count everywhere; negative ones need a refiner with a critic.

    Raises:
        FacsimError: if detectors, variables or units differ, there are too few events, or weights that the refiner cannot use.
    """
    if data.variables:
        require_alike(data.detector, data.variables, simulation.detector, simulation.variables, "data", "simulation")
    else:
        require_alike(data.detector, (), simulation.detector, (), "data", "simulation")
    if min(len(simulation), len(data)) < FEWEST:
        raise FacsimError("too few events to refine with", expected=f"{FEWEST} or more of each", got=(len(simulation), len(data)))
    if simulation.weights.min() < 0:
        raise FacsimError("simulated events have negative weights", expected="weights >= 0", got=f"{simulation.weights.min():g}")
    refinement = untrained_refinement(simulation, data, plan, about or {})
    history = _train(refinement, simulation, data, plan, folder=folder, resume=resume, on_progress=on_progress)
    return refinement, history


def untrained_refinement(simulation: Events, data: Events, plan: RefinePlan, about: Mapping[str, Any]) -> Refinement:
    """A refinement with fitted transforms, and a refiner with its first weights."""
    family = look_up(REFINERS, plan.model, "refiner")
    for key in plan.settings:
        if key not in family.settings:
            raise unknown(key, family.settings, f"setting of refiner {plan.model!r}")
    torch.manual_seed(plan.training.seed)
    recipe = plan.recipe if plan.recipe is not None else suited(plan.model, simulation)
    of_simulation, of_data = Chain(simulation.detector.shape, recipe), Chain(data.detector.shape, recipe)
    of_data.fit(*_tensors(by_weight(data, plan)))
    if plan.model in UNTRAINED:
        of_simulation.fit(*_tensors(by_weight(simulation, plan)))
    else:
        of_simulation.load_state_dict(of_data.state_dict())  # a correction is small only where both samples are in the same units
    settings = {**_sums_first(plan.model, recipe, simulation), **plan.settings}
    labels = len(simulation.variables) if plan.model == "ranks" else 0
    model = family.build(int(np.prod(of_data.shape)) + labels, of_data.shape, **settings)
    told = {"model": {"name": plan.model, "settings": settings}, "training": {**about, "seed": plan.training.seed}}
    return Refinement(model, of_simulation, of_data, simulation.detector, simulation.variables, told)


def suited(model: str, events: Events) -> Recipe:
    """The family's own transforms, behind sums and shares where there are traces and each number is carried on its own."""
    family = REFINERS[model]
    array = events.detector
    if model in UNTRAINED and isinstance(array, StationArray) and array.bins > 1:
        return [("TraceShares", {"bins": array.bins}), *family.response]
    return family.response


def _sums_first(model: str, recipe: Recipe, events: Events) -> dict[str, int]:
    """Correlations are taken with the sums of the traces, which come first and are the surest numbers."""
    shared_out = model in UNTRAINED and recipe and recipe[0][0] == "TraceShares"
    return {"leading": int(np.prod(events.detector.shape[:-1]))} if shared_out else {}


def by_weight(events: Events, plan: RefinePlan) -> Events:
    """The events, drawn again in proportion to their weights where these differ.

    Raises:
        FacsimError: for negative weights, unless the refiner has a critic.
    """
    if np.ptp(events.weights) == 0:
        return events
    if events.weights.min() < 0:
        if plan.model in UNTRAINED:
            raise FacsimError(
                f"{plan.model} cannot use negative weights", expected="weights >= 0", got=f"{events.weights.min():g}", remedy="choose residual"
            )
        return events
    share = events.weights.astype(np.float64)
    return events[stream(plan.training.seed, "by weight").choice(len(events), len(events), p=share / share.sum())]


def _train(refinement: Refinement, simulation: Events, data: Events, plan: RefinePlan, **how: Any) -> History:
    """Adapt or train the refiner in place."""
    model = refinement.model
    if isinstance(model, Transport | Ranks):
        _adapt(refinement, model, by_weight(simulation, plan), by_weight(data, plan), torch.Generator().manual_seed(plan.training.seed))
        return History()
    mean = float(data.weights.mean())
    if mean <= 0:
        raise FacsimError("the weights of data have no positive mean", expected="more signal than background", got=f"{mean:g}")
    batch = Batch(torch.zeros(len(data), 0), transformed(refinement.data_transform, data), torch.tensor(data.weights / mean))
    weight = None if np.ptp(simulation.weights) == 0 else simulation.weights.astype(np.float64)
    original = transformed(refinement.simulation_transform, simulation)
    batches = UnpairedBatches(original, batch, plan.batch_size, plan.training.seed, simulation_weight=weight)
    return fit(model, model.objectives(), batches, plan.training, **how)


def _adapt(refinement: Refinement, model: Transport | Ranks, simulation: Events, data: Events, rng: torch.Generator) -> None:
    """Adapt a refiner that is not trained."""
    if isinstance(model, Transport):
        simulation, data = simulation[:ADAPT_EVENTS], data[:ADAPT_EVENTS]
    simulated, measured = transformed(refinement.simulation_transform, simulation), transformed(refinement.data_transform, data)
    if isinstance(model, Transport):
        model.adapt(simulated, measured, rng)
    else:
        model.adapt(simulated, torch.tensor(simulation.condition[:, 0]), measured, rng)


def transformed(chain: Chain, events: Events, block: int = 1000) -> torch.Tensor:
    """The responses as networks have them, block by block."""
    parts = [chain(*_tensors(events[i : i + block])) for i in range(0, len(events), block)]
    return torch.cat(parts)


def _tensors(events: Events) -> tuple[torch.Tensor, torch.Tensor]:
    """Responses, and conditions that nothing may depend on."""
    return torch.tensor(events.response), torch.zeros(len(events), 0)
