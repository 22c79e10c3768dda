"""Training: fit() and what it needs; it knows models only as parameters and objectives."""

from facsim.training.history import History, read_history
from facsim.training.loop import fit
from facsim.training.optimisers import OPTIMISERS
from facsim.training.progress import Progress
from facsim.training.schedules import SCHEDULES
from facsim.training.settings import Settings
from facsim.training.world import first_process

__all__ = ["OPTIMISERS", "SCHEDULES", "History", "Progress", "Settings", "first_process", "fit", "read_history"]
