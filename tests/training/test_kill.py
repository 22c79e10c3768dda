"""kill -9 at random moments: the file is also the script that is killed."""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from facsim.training import Settings, fit
from facsim.training.state import digest

KILLS = 10
SETTINGS = Settings(epochs=40, learning_rate=0.01, schedule="onecycle", clip=1.0, ema=0.9, device="cpu", checkpoint_seconds=1e9)


def test_ten_kills_leave_no_trace(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, __file__, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["signals"] == [signal.SIGKILL] * KILLS
    assert sorted(result["starts"]) == result["starts"]
    assert result["starts"][-1] > KILLS / 2  # every other attempt has a checkpoint after each step, and takes two steps or more
    assert result["resumed"] == result["undisturbed"]
    assert result["resumed"] != result["another seed"]


def train(folder: Path, on_progress: Callable[[Any], None] | None = None, **other: Any) -> None:
    """Fit the toy GAN, resuming; then leave a digest of its weights."""
    from conftest import ToyBatches, ToyGan

    model = ToyGan()
    fit(model, model.objectives(), ToyBatches(), replace(SETTINGS, **other), folder=folder, resume=True, on_progress=on_progress)
    (folder / "digest").write_text(digest(model.state_dict()))


def train_and_die(folder: Path, attempt: int) -> None:
    """Fit; some steps on, and up to 5 ms after that, kill this process: in a step, in writing a file, wherever it is then."""
    dice, seen = random.Random(attempt), []
    last = dice.randint(2, 25)

    def kill() -> None:
        time.sleep(dice.uniform(0, 0.005))
        os.kill(os.getpid(), signal.SIGKILL)

    def on_progress(progress: Any) -> None:
        seen.append(progress.step)
        if len(seen) == 1:
            with (folder / "starts").open("a") as file:
                file.write(f"{progress.step - 1}\n")
        if len(seen) == last:
            threading.Thread(target=kill).start()

    train(folder, on_progress, checkpoint_seconds=0.01 if attempt % 2 else 0.0)


def in_child(work: Callable[[], None]) -> int:
    """Do the work in a child process; the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: Path) -> None:
    for module in ("lightning_fabric", "torch._dynamo"):  # once, not in each child
        importlib.import_module(module)
    killed, whole, other = (folder / name for name in ("killed", "whole", "other"))
    signals = [-in_child(lambda attempt=attempt: train_and_die(killed, attempt)) for attempt in range(KILLS)]  # type: ignore[misc]
    for work in (lambda: train(killed), lambda: train(whole), lambda: train(other, seed=1)):
        in_child(work)
    digests = {name: (path / "digest").read_text() for name, path in (("resumed", killed), ("undisturbed", whole), ("another seed", other))}
    starts = [int(line) for line in (killed / "starts").read_text().split()]
    print(json.dumps({"signals": signals, "starts": starts, **digests}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
