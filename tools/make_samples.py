"""Cut the packaged electron-gun sample from a Geant4 file: `python tools/make_samples.py e800_train.h5 src/facsim/data/samples/electron_gun.h5`."""

from __future__ import annotations

import argparse
from pathlib import Path

from facsim.core import coarsen
from facsim.data import open_reader, write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", type=Path, help="a file of 64 x 64 pixels")
    parser.add_argument("output", type=Path)
    parser.add_argument("--events", type=int, default=18_000)
    options = parser.parse_args()
    reader = open_reader(options.input)
    events = coarsen(reader.read(0, options.events), 2)
    about = {**reader.about, "cut": f"first {len(events)} events of {options.input.name}, sums of 2 x 2 pixels", "source_sha256": reader.fingerprint}
    write(events, options.output, about=about)
    print(f"{len(events)} events, {options.output.stat().st_size / 1e6:.2f} MB, mean deposit {events.cells.sum(1).mean():.2f} MeV")


if __name__ == "__main__":
    main()
