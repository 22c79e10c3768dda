"""Put a trained surrogate with its scorecard into the zoo that ships with facsim: add_to_zoo.py RUN SCORECARD.json NAME."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from facsim.evaluation.scorecard import Scorecard
from facsim.surrogate import load_bundle, save_bundle
from facsim.surrogate.zoo import ZOO

KEPT = ("cells", "observables", "mean_image", "features", "diversity", "memorisation", "total_energy", "sparsity")


def main(run: str, scorecard: str, name: str) -> None:
    """Save the bundle under its name, with the rows of the scorecard that a user asks for first."""
    card = Scorecard.from_json(Path(scorecard).read_text())
    rows = [asdict(row) for row in card.rows if row.observable in KEPT and row.bin == "all"]
    save_bundle(load_bundle(Path(run)), ZOO / name, scorecard={"about": card.about, "rows": rows})
    print(json.dumps({"name": name, "rows": len(rows)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
