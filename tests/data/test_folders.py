"""Folders of event files: read in parts, each file under its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facsim.core import Events, FacsimError, RegularGrid, Variable, concatenate
from facsim.data import read_folder, write
from facsim.data.folders import ROWS


def test_every_file_is_read_in_parts_up_to_the_most(tmp_path: Path) -> None:
    number = np.arange(ROWS + 5.0)
    events = Events(number[:, None], np.zeros((len(number), 1, 1)), RegularGrid((1, 1), (1.0, 1.0)), (Variable("energy", "MeV"),))
    write(events, tmp_path / "long.h5")
    write(events[:3], tmp_path / "short.h5")
    parts = {name: list(found) for name, found in read_folder(tmp_path, most=ROWS + 2).items()}
    assert {name: [len(part) for part in found] for name, found in parts.items()} == {"long": [ROWS, 2], "short": [3]}
    assert concatenate(parts["long"]) == events[: ROWS + 2]


def test_a_folder_without_events_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match="holds no events"):
        read_folder(tmp_path)
