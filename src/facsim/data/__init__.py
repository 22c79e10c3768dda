"""Files of events, packaged samples, splits, and batches for training.

Batches need torch, which is imported when they are first asked for: reading a file does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from facsim.data.files import FORMATS, detect, open_reader, open_writer, read, write
from facsim.data.folders import read_folder
from facsim.data.reader import Reader, Source
from facsim.data.samples import SAMPLES, load_sample
from facsim.data.splits import Part, split
from facsim.data.writer import Writer

if TYPE_CHECKING:
    from facsim.data.batches import ArrayBatches
    from facsim.data.streaming import FileBatches

WITH_TORCH = {"ArrayBatches": "facsim.data.batches", "FileBatches": "facsim.data.streaming"}


def __getattr__(name: str) -> Any:
    if name not in WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(WITH_TORCH[name]), name)


__all__ = [
    "FORMATS",
    "SAMPLES",
    "ArrayBatches",
    "FileBatches",
    "Part",
    "Reader",
    "Source",
    "Writer",
    "detect",
    "load_sample",
    "open_reader",
    "open_writer",
    "read",
    "read_folder",
    "split",
    "write",
]
