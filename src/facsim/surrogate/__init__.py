"""Surrogates: simulate, save, load, time."""

from facsim.surrogate.bundle import bundle_folder, load_bundle, read_manifest, revision, save_bundle
from facsim.surrogate.surrogate import BLOCK, Surrogate, blocks
from facsim.surrogate.timing import Timing, bench
from facsim.surrogate.zoo import zoo, zoo_folder

__all__ = [
    "BLOCK",
    "Surrogate",
    "Timing",
    "bench",
    "blocks",
    "bundle_folder",
    "load_bundle",
    "read_manifest",
    "revision",
    "save_bundle",
    "zoo",
    "zoo_folder",
]
