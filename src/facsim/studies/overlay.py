"""Full events put together of single tracks: each track's cells by a surrogate, summed and saturated.

Source: the LHCb HCAL study of 2019, section 2.2, where a network then refines the sum.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facsim.core import Events, Variable, stream
from facsim.core.detectors import as_image, saturate
from facsim.core.events import Array
from facsim.studies.hcal import wall_of

if TYPE_CHECKING:
    import torch

    from facsim.surrogate import Surrogate

SIZE = (64, 64)
OVERLAY = Variable("overlay", "MeV", 0.0, 6120.0, shape=SIZE)
EVENTS_AT_ONCE = 100


@dataclass(frozen=True)
class Overlay:
    """The sums of a surrogate's single tracks, as images of 64x64 pixels: a quarter of a large cell's energy in each of its pixels.

    Every track is taken for a pion, as the source does. Energies outside of the surrogate's range are cut to it and the response is scaled; tracks
    through the hole for the beam leave nothing.
    """

    single: Surrogate
    energies: tuple[float, float]

    def image(self, condition: Array, rng: np.random.Generator) -> Array:
        """Images [n, 4096] for conditions of full events [n, c], with lists of particles."""
        parts = [self._images(condition[start : start + EVENTS_AT_ONCE], rng) for start in range(0, len(condition), EVENTS_AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, SIZE[0] * SIZE[1]), dtype=np.float32)

    def _images(self, condition: Array, rng: np.random.Generator) -> Array:
        from facsim.simulators.full_events import particles_of
        from facsim.simulators.hcal import WALL, on_cells, sine_at

        tracks = particles_of(condition)
        seen = (tracks.track > 0) & on_cells(WALL, tracks.x, tracks.y)
        event, x, y, transverse = tracks.event[seen], tracks.x[seen], tracks.y[seen], tracks.track[seen]
        sine = sine_at(WALL, x, y)
        inside = sine * (transverse / sine).clip(*self.energies)
        made = self.single.simulate(np.column_stack([x, y, inside]), rng, extrapolate=True)
        cells = np.zeros((len(condition), made.detector.n_cells), dtype=np.float32)
        np.add.at(cells, event, made.cells * (transverse / inside).astype(np.float32)[:, None])
        wall = wall_of(made)
        return as_image(wall, saturate(wall, cells), SIZE).reshape(len(cells), -1)


def kept_overlay(path: Path | None, of: str, make: Callable[[], Array], events: Events, fresh: bool = False) -> Array:
    """The overlay's images that a file holds, if they are `of` the same, else (or if `fresh`) those made now and written there."""
    from facsim.data import open_reader, write

    if not fresh and path is not None and path.is_file() and (reader := open_reader(path)).about.get("of") == of:
        return reader.read().condition
    image = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(Events(image, events.response, events.detector, (OVERLAY,)), path, about={"of": of})
    return image


def unrefined(events: Events) -> Surrogate:
    """A surrogate that takes the overlay for the event: what there is without a second step."""
    import torch

    from facsim.core.contracts import Batch, Generator, Objective
    from facsim.surrogate import Surrogate
    from facsim.transforms import Chain

    class Passed(Generator):
        """The image of the condition as it is."""

        condition_size, response_shape = OVERLAY.columns, SIZE

        def draw_noise(self, n: int, rng: torch.Generator) -> torch.Tensor:
            return torch.zeros(n, 1)

        def forward(self, condition: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
            return condition.reshape(-1, *SIZE)

        def objectives(self) -> tuple[Objective, ...]:
            return ()

        def see(self, batch: Batch) -> None:
            return None

    chain = Chain(events.detector.shape, [("Pixels", {"size": list(SIZE)})])
    told = {"model": {"name": "", "settings": {}}, "training": {"events": 0}}
    return Surrogate(Passed(), Chain((OVERLAY.columns,), []), chain, events.detector, events.variables, events.condition[:1000], told)


def milliseconds(overlay: Overlay, condition: Array) -> float:
    """Processor time for one event's overlay."""
    start = time.process_time()
    overlay.image(condition, stream(0, "speed"))
    return 1e3 * (time.process_time() - start) / len(condition)
