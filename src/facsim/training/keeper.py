"""What keeps a run's folder: when to write a checkpoint, and how to go on from one."""

from __future__ import annotations

import time
from pathlib import Path

from facsim.core import FacsimError
from facsim.training.checkpoint import NAME, has_checkpoint, read_checkpoint, write_checkpoint
from facsim.training.plan import Plan, require_same
from facsim.training.progress import Clock
from facsim.training.run import Run

REST = 10  # epochs that are shorter than this many times the writing of a checkpoint do not all get one


class Keeper:
    """Restores the run from its folder's checkpoint, then writes checkpoints and the log; without a folder it only keeps the time."""

    def __init__(self, run: Run, plan: Plan, folder: Path | None, resume: bool) -> None:
        self.run, self.plan, self.folder = run, plan, folder
        self.clock = Clock(_restore(run, plan, folder, resume), run.step)
        self._saved, self._cost = time.monotonic(), 0.0
        self.log()

    def due(self) -> bool:
        """Whether it is time for a checkpoint: every `checkpoint_seconds`, and after each epoch that is not too short."""
        ended = self.run.step % self.run.steps == 0
        limit = self.run.settings.checkpoint_seconds
        return time.monotonic() - self._saved >= (min(limit, REST * self._cost) if ended else limit)

    def save(self) -> None:
        """Write a checkpoint, unless a weight is not finite."""
        if self.folder is None:
            return
        self.run.require_finite()
        start, state = time.monotonic(), self.run.state()
        if self.run.world.first:
            write_checkpoint(self.folder, {"plan": self.plan, "seconds": self.clock.seconds(), "run": state})
        self._saved = time.monotonic()
        self._cost = self._saved - start

    def log(self) -> None:
        """Bring the log up to date; the folder is made if it is not there."""
        if self.folder is None or not self.run.world.first:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.run.history.write(self.folder)
        except OSError as error:
            raise FacsimError(f"cannot write to {self.folder}: {error}", remedy="check the path, its permissions and the free space") from error


def _restore(run: Run, plan: Plan, folder: Path | None, resume: bool) -> float:
    """Take over the folder's checkpoint, if there is one and it is asked for; the seconds of training behind it."""
    if folder is None and resume:
        raise FacsimError("cannot resume without a folder", expected="the folder of the fit", got=None)
    if folder is None or not has_checkpoint(folder):
        return 0.0
    if not resume:
        raise FacsimError(f"{folder} already has a {NAME}", expected="a folder without one", remedy="resume the fit, or choose another folder")
    saved = read_checkpoint(folder)
    require_same(saved["plan"], plan)
    run.restore(saved["run"])
    seconds: float = saved["seconds"]
    return seconds
