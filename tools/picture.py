"""Real and generated showers side by side, for the README.

python tools/picture.py docs/_static/showers.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from facsim.core import Events, stream
from facsim.data import load_sample
from facsim.surrogate import load_bundle, zoo_folder

COLUMNS = 6
SIDE = (8, 24)  # pixels that are drawn


def main() -> None:
    truth = load_sample("electron-gun")
    surrogate = load_bundle(zoo_folder("electron-gun"))
    generated = surrogate.simulate(truth.condition[:COLUMNS], stream(2, "picture"))
    rows: dict[str, Events] = {"Geant4": truth[:COLUMNS], "facsim": generated}
    figure, axes = plt.subplots(2, COLUMNS, figsize=(9, 3.1), layout="constrained")
    for line, (name, events) in zip(axes, rows.items(), strict=True):
        for axis, response in zip(line, events.response, strict=True):
            part = response[slice(*SIDE), slice(*SIDE)]
            drawn = axis.imshow(np.log10(np.maximum(part, 1e-2)), origin="lower", vmin=-2, vmax=2, cmap="viridis")
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name)
    figure.colorbar(drawn, ax=axes, label="log10(E / MeV)", shrink=0.8)
    figure.savefig(Path(sys.argv[1]), dpi=80)


if __name__ == "__main__":
    main()
