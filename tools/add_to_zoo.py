"""Put a trained surrogate with its scorecard and model card into the zoo that ships with facsim.

add_to_zoo.py RUN SCORECARD.json NAME [TRAINING_DATA]

The scorecard is that of `facsim evaluate` or of a study; TRAINING_DATA says in words what the surrogate was trained on.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from facsim.evaluation.scorecard import Scorecard
from facsim.surrogate import load_bundle, read_manifest, save_bundle
from facsim.surrogate.card import model_card
from facsim.surrogate.zoo import ZOO

KEPT = ("cells", "observables", "mean_image", "average_image", "features", "diversity", "memorisation", "total_energy", "sparsity", "time")
IN_ALL_BINS = ("deposit",)  # kept at every condition


def main(run: str, scorecard: str, name: str, data: str = "") -> None:
    """Save the bundle under its name, with the rows of the scorecard that a user asks for first, and write its card."""
    card = Scorecard.from_json(Path(scorecard).read_text())
    rows = [asdict(row) for row in card.rows if (row.observable in KEPT and row.bin == "all") or row.observable in IN_ALL_BINS]
    about = {**card.about, **({"training_data": data} if data else {})}
    save_bundle(load_bundle(Path(run)), ZOO / name, scorecard={"about": about, "rows": rows})
    (ZOO / name / "README.md").write_text(model_card(name, read_manifest(ZOO / name)))
    print(json.dumps({"name": name, "rows": len(rows)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
