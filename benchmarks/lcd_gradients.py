"""Do gradients of the LCD study's adversarial networks collapse? `OMP_NUM_THREADS=1 python benchmarks/lcd_gradients.py DATA OUT EPOCHS`, a table.

OUT is the folder of a `facsim study run lcd-ecal`. Whichever of three seeds has no run there is trained first, as the study trains it, for EPOCHS.
The norms are those that every training records: means over each epoch of a whole network's gradient.
"""

from __future__ import annotations

import sys
from pathlib import Path

from facsim.studies.calorimeter import from_files
from facsim.studies.lcd_ecal import PARTS
from facsim.studies.study import Request
from facsim.training import read_history

NAMES, SEEDS = ("mlp-wgan", "lagan"), (0, 1, 2)


def main(data: Path, out: Path, epochs: int) -> None:
    """Print the table."""
    sample, request = from_files(str(data), lambda events: events), Request(NAMES, SEEDS, full=True, out=out, settings={"epochs": epochs})
    print("| model, seed | network | steps of both | norm of the gradient, first epoch | least of all epochs | largest | last |")
    print("|---|---|---|---|---|---|---|")
    for name in NAMES:
        for seed in SEEDS:
            run = out / "runs" / f"{name}-{seed}"
            if not (run / "bundle").is_dir():
                PARTS.trained(name, seed, sample, request)
            log = read_history(run / "training")
            for network in ("critic", "generator"):
                norms = log[f"{network}/gradient"]
                shown = " | ".join(f"{norm:.2g}" for norm in (norms[0], min(norms), max(norms), norms[-1]))
                print(f"| {name}, {seed} | {network} | {log['step'][-1]:.0f} | {shown} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
