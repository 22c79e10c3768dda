"""fit(): the training loop on Lightning Fabric."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from facsim.core import FacsimError
from facsim.core.contracts import Batch, Batches, Objective
from facsim.training.history import History, Means, validation_row
from facsim.training.interrupt import Interrupt
from facsim.training.keeper import Keeper
from facsim.training.plan import make_plan
from facsim.training.progress import Clock, Progress
from facsim.training.run import Run
from facsim.training.seeding import seeded
from facsim.training.settings import DEVICES, PRECISIONS, Settings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Validate = Callable[[nn.Module], dict[str, float]]


def fit(
    model: nn.Module,
    objectives: Sequence[Objective],
    batches: Batches,
    settings: Settings,
    *,
    folder: Path | None = None,
    resume: bool = False,
    validate: Validate | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> History:
    """Train a model in place, to its averaged weights if `ema` is set; it ends in evaluation mode.

    Every step takes a new batch and moves the parameters of one objective; the objectives take turns, each for `repeats` steps, across the ends
    of epochs. After each epoch `validate` sees the model (with averaged weights, in evaluation mode); early stopping watches the first number that
    it returns, else the sum of the training losses, lower is better. With a `folder`, its checkpoint and log.csv are kept up to date.

    With `resume` the fit goes on from the folder's checkpoint, if there is one, and ends, on a cpu, with the same bits as without the interruption.
    Ctrl-C and SIGTERM end the current step, write a checkpoint and raise KeyboardInterrupt.

    Raises:
        FacsimError: if a loss or a weight is not finite (the last good checkpoint stays), the checkpoint is damaged or of another fit, or the
            folder has a checkpoint and `resume` was not asked for.
    """
    fabric = _open_fabric(settings)
    fabric.to_device(model)
    with seeded(settings.seed, fabric.device, fabric.global_rank), Interrupt() as interrupt:
        run = Run(model, objectives, batches.steps, settings, fabric)
        keeper = Keeper(run, make_plan(objectives, batches, settings, fabric.device), folder, resume)
        source = stream(batches, run.step, settings.epochs)
        model.train()
        while not run.done:
            run.advance(fabric.to_device(run.world.share(next(source))))
            if on_progress is not None:
                on_progress(_progress(run, keeper.clock))
            if run.step % run.steps == 0:
                _end_epoch(run, keeper, validate)
            asked = run.world.anyone(interrupt.asked)  # read once: a signal may come at any moment
            if asked or run.done or run.world.anyone(keeper.due()):
                keeper.save()
            if asked:
                raise KeyboardInterrupt
    _finish(run)
    return run.history


def stream(batches: Batches, step: int, epochs: int) -> Iterator[Batch]:
    """The batches of all epochs in a row, from the one with number `step` on.

    Raises:
        FacsimError: if an epoch has another number of batches than `batches.steps`.
    """
    for epoch in range(step // batches.steps, epochs):
        count = max(step - epoch * batches.steps, 0)
        for batch in batches.epoch(epoch, count):
            count += 1
            yield batch
        if count != batches.steps:
            raise FacsimError(f"epoch {epoch} has the wrong number of batches", expected=batches.steps, got=count)


def _open_fabric(settings: Settings) -> Fabric:
    """Fabric for one device, or for several processes, which it starts; batch systems around it are not asked, they only warn."""
    from lightning_fabric import Fabric  # takes a second to import
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

    accelerator, strategy = DEVICES[settings.device], "ddp" if settings.devices > 1 else "auto"
    precision, plugins = PRECISIONS[settings.precision], LightningEnvironment()
    try:
        fabric = Fabric(accelerator=accelerator, devices=settings.devices, strategy=strategy, precision=precision, plugins=plugins)
    except RuntimeError as error:
        raise FacsimError(f"no device {settings.device!r} here", remedy="use device auto") from error
    if settings.devices > 1:
        logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
        fabric.launch()
    return fabric


def _end_epoch(run: Run, keeper: Keeper, validate: Validate | None) -> None:
    """Validate, add a row to the history, watch for early stopping."""
    run.require_finite()
    losses, metrics = run.means.means(), {}
    if validate is not None:
        run.model.eval()
        with torch.no_grad(), run.ema.applied() if run.ema else nullcontext():
            metrics = run.world.average_row(validation_row(validate(run.model)))
        run.model.train()
    place = {"epoch": run.step // run.steps, "step": run.step, "seconds": round(keeper.clock.seconds(), 3)}
    run.history.rows.append({**place, **losses, **metrics, **run.gradients.means()})
    run.stopping.update(next(iter(metrics.values()), sum(losses.values())))
    run.means, run.gradients = Means(), Means()
    keeper.log()


def _progress(run: Run, clock: Clock) -> Progress:
    """Where the run is after a step."""
    epoch = (run.step - 1) // run.steps + 1
    left = clock.seconds_left(run.step, run.total)
    return Progress(epoch, run.settings.epochs, run.step, run.total, run.means.means(), clock.seconds(), left)


def _finish(run: Run) -> None:
    """Leave the model ready for use: averaged weights, no gradients, evaluation mode."""
    if run.ema is not None:
        run.ema.swap()
    run.model.zero_grad()
    run.model.eval()
