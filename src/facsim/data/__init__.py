"""Files of events, packaged samples, splits, and batches for training."""

from __future__ import annotations

from facsim.data.files import FORMATS, detect, open_reader, open_writer, read, write

__all__ = ["FORMATS", "detect", "open_reader", "open_writer", "read", "write"]
