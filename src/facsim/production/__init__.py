"""Productions: any number of events in shards, by any number of workers, the same bits whatever happens to them."""

from facsim.production.blocks import BLOCK, Maker
from facsim.production.manifest import read_manifest, verify
from facsim.production.plan import Plan
from facsim.production.produce import produce
from facsim.production.refining import Refining
from facsim.production.workers import in_process, local_workers, scheduled

__all__ = ["BLOCK", "Maker", "Plan", "Refining", "in_process", "local_workers", "produce", "read_manifest", "scheduled", "verify"]
