"""A training in progress: all that a step reads and changes, and the step itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer

from facsim.core import FacsimError
from facsim.core.contracts import Batch, Objective
from facsim.training.ema import Ema
from facsim.training.history import GRADIENT, History, Means, Stopping
from facsim.training.optimisers import make_optimiser
from facsim.training.schedules import SCHEDULES
from facsim.training.seeding import global_states, make_generator, restore_global_states
from facsim.training.settings import Settings
from facsim.training.world import World

if TYPE_CHECKING:
    from lightning_fabric import Fabric

REMEDY = "lower the learning rate, or set clip"


@dataclass(frozen=True)
class Turn:
    """One objective with its optimiser, and the parameters that rest while it steps."""

    objective: Objective
    optimiser: Optimizer
    rate: float
    resting: tuple[nn.Parameter, ...]


class Run:
    """The state of a training; step k takes batch k of the endless row of epochs, for objective k of the endless row of turns."""

    def __init__(self, model: nn.Module, objectives: Sequence[Objective], steps: int, settings: Settings, fabric: Fabric) -> None:
        if steps < 1 or len({objective.name for objective in objectives}) != len(objectives) or not objectives:
            got = f"{steps} batches, objectives {[objective.name for objective in objectives]}"
            raise FacsimError("there is nothing to fit", expected="1 or more batches, 1 or more objectives with different names", got=got)
        self.model, self.settings, self.fabric = model, settings, fabric
        self.steps, self.total = steps, steps * settings.epochs
        self.schedule = SCHEDULES[settings.schedule]
        self.turns = [_make_turn(model, objective, settings, fabric) for objective in objectives]
        self.order = [turn for turn in self.turns for _ in range(turn.objective.repeats)]
        self.ema = None if settings.ema is None else Ema(model, settings.ema)
        self.world = World(fabric)
        self.rng = make_generator(settings.seed, fabric.device, self.world.rank)
        self.step = 0
        self.means, self.gradients, self.history, self.stopping = Means(), Means(), History(), Stopping()

    @property
    def done(self) -> bool:
        """Whether all epochs are over, or patience is."""
        patience = self.settings.patience
        return self.step >= self.total or (patience is not None and self.stopping.stale >= patience)

    def advance(self, batch: Batch) -> None:
        """One step of the objective whose turn it is."""
        turn = self.order[self.step % len(self.order)]
        for group in turn.optimiser.param_groups:
            group["lr"] = turn.rate * self.schedule(self.step / self.total)
        turn.optimiser.zero_grad()
        with frozen(turn.resting):
            self.fabric.backward(self._loss(turn.objective, batch))
        self.world.average_gradients(turn.objective.parameters)
        self._limit_gradient(turn.objective)
        turn.optimiser.step()
        if turn.objective.after_step is not None:
            turn.objective.after_step()
        if self.ema is not None:
            self.ema.update(turn.objective.parameters, self.step)
        self.step += 1

    def require_finite(self) -> None:
        """Raise if a parameter is not finite: such weights must not reach a checkpoint."""
        for name, parameter in self.model.named_parameters():
            if not bool(torch.isfinite(parameter).all()):
                raise FacsimError(f"parameter {name} is not finite after step {self.step}", expected="finite weights", remedy=REMEDY)

    def state(self) -> dict[str, Any]:
        """All that the next steps depend on."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimisers": {turn.objective.name: turn.optimiser.state_dict() for turn in self.turns},
            "ema": None if self.ema is None else self.ema.state(),
            "rng": self.world.gather(self.rng.get_state()),
            "global_rng": {name: self.world.gather(state) for name, state in global_states(self.fabric.device).items()},
            "means": vars(self.means),
            "gradients": vars(self.gradients),
            "history": self.history.rows,
            "stopping": vars(self.stopping),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        _load_weights(self.model, state["model"])
        for turn in self.turns:
            turn.optimiser.load_state_dict(state["optimisers"][turn.objective.name])
        if self.ema is not None:
            self.ema.restore(state["ema"])
        self.rng.set_state(self.world.own(state["rng"]))
        restore_global_states({name: self.world.own(states) for name, states in state["global_rng"].items()}, self.fabric.device)
        self.step = state["step"]
        self.means, self.gradients = Means(**state["means"]), Means(**state.get("gradients", {}))  # old checkpoints have no gradients
        self.history, self.stopping = History(state["history"]), Stopping(**state["stopping"])

    def _loss(self, objective: Objective, batch: Batch) -> Tensor:
        """The sum of an objective's terms, whose values are counted in the epoch's means."""
        with self.fabric.autocast():
            terms = _checked(objective.name, objective.loss(batch, self.rng))
        names, values = [f"{objective.name}/{term}" for term in terms], self.world.average([term.item() for term in terms.values()])
        if not all(map(math.isfinite, values)):
            where = f"epoch {self.step // self.steps + 1}, step {self.step + 1}"
            got = ", ".join(f"{name} = {value:g}" for name, value in zip(names, values, strict=True))
            raise FacsimError(f"the loss of {objective.name} is not finite in {where}", expected="finite terms", got=got, remedy=REMEDY)
        self.means.add(names, values)
        return reduce(torch.add, terms.values())

    def _limit_gradient(self, objective: Objective) -> None:
        """Scale the gradient down to `clip`, if it is longer; its norm before that, the same in all processes, is counted in the epoch's mean."""
        norm = get_total_norm([p.grad for p in objective.parameters if p.grad is not None])
        if self.settings.clip is not None:
            clip_grads_with_norm_(objective.parameters, self.settings.clip, norm)
        self.gradients.add([f"{objective.name}/{GRADIENT}"], [norm.item()])


@contextmanager
def frozen(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Within this context no gradient goes to the parameters."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _make_turn(model: nn.Module, objective: Objective, settings: Settings, fabric: Fabric) -> Turn:
    """The turn of an objective, which must move parameters of the model and no others: only those are in the checkpoint."""
    moved, known = set(objective.parameters), set(model.parameters())
    if not moved or moved - known or objective.repeats < 1:
        got = f"{len(moved)} parameters, {len(moved - known)} of them not the model's, repeats {objective.repeats}"
        raise FacsimError(f"objective {objective.name} cannot be trained", expected="parameters of the model, repeats 1 or more", got=got)
    rate = settings.rate(objective.name)
    options = {"lr": rate, "betas": settings.betas, "momentum": settings.momentum, "weight_decay": settings.weight_decay}
    optimiser = make_optimiser(settings.optimiser, objective.parameters, **options)
    resting = tuple(p for p in model.parameters() if p.requires_grad and p not in moved)
    return Turn(objective, cast(Optimizer, fabric.setup_optimizers(optimiser)), rate, resting)


def _checked(objective: str, terms: dict[str, Tensor]) -> dict[str, Tensor]:
    """The terms of a loss, if they are scalars and one of them can be minimised."""
    if not terms or any(term.ndim for term in terms.values()):
        shapes = {name: list(term.shape) for name, term in terms.items()}
        raise FacsimError(f"the loss of {objective} is no dict of scalars", expected="shape [] for each term", got=shapes)
    if not any(term.requires_grad for term in terms.values()):
        raise FacsimError(f"the loss of {objective} does not depend on its parameters", remedy="check objective.parameters and the loss")
    return terms


def _load_weights(model: nn.Module, weights: dict[str, Any]) -> None:
    """Load weights, with a one-line error if they belong to another model."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise FacsimError(f"the checkpoint is of another model: {error}", remedy="make the model as it was, or start anew") from error
