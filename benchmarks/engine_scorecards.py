"""Whether an engine's events have torch's scorecard: 10,000 events of each against the same Geant4 events, distance by distance.

    python benchmarks/engine_scorecards.py TEST.h5 [--surrogate zoo:electron-gun-vae] [--engine onnxruntime] [--n 10000]

The engine has the same noise as torch; for scale, torch with other noise. Writes results/engines/scorecards.json and .md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from provenance import Clock, about, save, table

from facsim.cli.surrogates import open_surrogate
from facsim.core import Events, coarsen, concatenate, stream
from facsim.core.coarsen import coarsening_factor
from facsim.data import read
from facsim.evaluation.bootstrap import Score, scores
from facsim.evaluation.observables import columns, features
from facsim.evaluation.sections import distances_of
from facsim.export import with_engine
from facsim.surrogate import Surrogate, blocks

RESULTS = Path(__file__).parent.parent / "results" / "engines"
SHOWN = ("total_energy", "centre_x", "width_x", "sparsity", "peak_fraction")


def generate(surrogate: Surrogate, n: int, seed: int) -> Events:
    return concatenate(list(blocks(surrogate, n, seed)))


def scorecard(candidate: Events, truth: Events) -> dict[tuple[str, str], Score]:
    """Every distance of every observable."""
    values = [features(events)[0].T for events in (candidate, truth)]
    return {
        (column.name, name): score
        for i, column in enumerate(columns(truth))
        for name, score in scores(distances_of(column, False), values[0][i], values[1][i], stream(0, column.name)).items()
    }


def apart(one: dict[tuple[str, str], Score], other: dict[tuple[str, str], Score]) -> np.ndarray:
    """Differences of two scorecards, in errors."""
    return np.array([abs(one[key].value - other[key].value) / max(np.hypot(one[key].error, other[key].error), 1e-12) for key in one])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("truth", type=Path)
    parser.add_argument("--surrogate", default="zoo:electron-gun-vae")
    parser.add_argument("--engine", default="onnxruntime")
    parser.add_argument("--n", type=int, default=10_000)
    asked = parser.parse_args()
    clock, torch = Clock(), open_surrogate(asked.surrogate)
    truth = read(asked.truth, stop=asked.n)
    truth = coarsen(truth, coarsening_factor(truth.detector, torch.detector) or 1)
    samples = {"torch": generate(torch, asked.n, 0), asked.engine: generate(with_engine(torch, asked.engine), asked.n, 0)}
    samples["torch, other noise"] = generate(torch, asked.n, 1)
    cards = {name: scorecard(events, truth) for name, events in samples.items()}
    differences = {name: apart(cards["torch"], cards[name]) for name in list(cards)[1:]}
    rows = [[f"{o}, {d}", *(f"{card[o, d].value:.5g} +- {card[o, d].error:.2g}" for card in cards.values())] for o, d in cards["torch"] if o in SHOWN]
    summary = [[name, f"{apart.max():.3g}", f"{np.sqrt(np.mean(apart**2)):.3g}"] for name, apart in differences.items()]
    text = [
        f"# The scorecard of {asked.surrogate} by {asked.engine}: {asked.n:,} events against {len(truth):,} of Geant4",
        "",
        f"Differences from torch over {len(cards['torch'])} distances, in errors:",
        "",
        *table(["events by", "largest", "rms"], summary),
        "",
        *table(["distance", *cards], rows),
    ]
    largest = {name: float(value.max()) for name, value in differences.items()}
    save(RESULTS, "scorecards", about(0, clock, surrogate=asked.surrogate, n=asked.n, largest=largest), text)
    print("\n".join(text))


if __name__ == "__main__":
    main()
