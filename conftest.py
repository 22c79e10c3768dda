"""What all tests and doctests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parent.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace["np"] = np


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the Geant4 samples beside the project; tests that ask for it are marked `shared`."""
    if not SHARED.is_dir():
        pytest.skip("the Geant4 samples (../shared/data) are not here; a user does not have them")
    return SHARED
