"""Reconstruction of shower energies (and depths) with AixNet: trained on one sample, applied to any, judged by bias and resolution.

Source: Erdmann, Glombitza and Walz, Astropart. Phys. 97 (2018) 46, arXiv:1708.00647.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from facsim.core import Events, FacsimError, StationArray
from facsim.core.contracts import Batch
from facsim.core.events import Array
from facsim.core.variables import column_index
from facsim.data import ArrayBatches
from facsim.models.regression import Regressor
from facsim.nets.arrays import AixNet
from facsim.studies.refining import transformed
from facsim.training import Settings, fit
from facsim.transforms import Chain, Recipe, encoding

RECIPE: Recipe = (("Log", {}), ("Scale", {}))
BATCH, RATE = 50, 2e-3
AT_ONCE = 500
FAR = 4.0
TIME_UNIT = 5000.0  # ns: about what a horizontal front takes from one station to the next


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A trained regressor with its transforms, which finds the conditions `names` of events."""

    model: Regressor
    response: Chain
    labels: Chain
    names: tuple[str, ...]
    curve: tuple[float, ...]

    def find(self, events: Events) -> Array:
        """The conditions that the network finds, float64 [n, names], in their units."""
        with torch.inference_mode():
            parts = [self._find(events[i : i + AT_ONCE]) for i in range(0, len(events), AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.names)))

    def _find(self, events: Events) -> Array:
        found = self.model(inputs(self.response, events))
        return np.asarray(self.labels.inverse(found, found).double().numpy())


def train_reconstruction(events: Events, names: Sequence[str], *, epochs: int, seed: int, **settings: Any) -> Reconstruction:
    """AixNet trained to find the named conditions; energies are learned in logarithm. `settings` are those of AixNet.

    Raises:
        FacsimError: if there is no event, or no condition of a name.
    """
    if not len(events):
        raise FacsimError("there is nothing to reconstruct with", expected="one or more events", got=0)
    columns = [column_index(events.variables, name) for name in names]
    torch.manual_seed(seed)
    truth = torch.tensor(events.condition[:, columns])
    variables = [events.variables[c].covering(events.condition[:, c]) for c in columns]
    labels, response = Chain((len(columns),), [("Encode", {"columns": encoding(variables)})]), Chain(events.detector.shape, RECIPE)
    response.fit(torch.tensor(events.response), truth)
    model = Regressor(AixNet(events.detector.shape, len(columns), timed=is_timed(events), **settings))
    batch = Batch(labels(truth, truth), inputs(response, events), torch.tensor(events.weights))
    training = Settings(epochs=epochs, learning_rate=RATE, schedule="cosine", seed=seed, device="cpu")
    history = fit(model, model.objectives(), ArrayBatches(batch, BATCH, seed), training)
    return Reconstruction(model, response, labels, tuple(names), tuple(history.columns()["regressor/C4"]))


def is_timed(events: Events) -> bool:
    """Whether the last channel of the stations is an arrival time."""
    return isinstance(events.detector, StationArray) and events.detector.timed


def inputs(response: Chain, events: Events) -> Tensor:
    """Responses as the network sees them: signals in logarithm, arrival times less the event's mean in units of TIME_UNIT."""
    seen = transformed(response, events)
    if is_timed(events):
        seen[..., -1] = relative_times(torch.tensor(events.response[..., -1]))
    return seen


def relative_times(time: Tensor) -> Tensor:
    """Arrival times [n, rows, columns] less their mean over the stations that have one, over TIME_UNIT; 0 for those that have none.

    Examples:
        >>> relative_times(torch.tensor([[[0.0, 10_000.0, 20_000.0]]]))
        tensor([[[ 0., -1.,  1.]]])
    """
    hit = time > 0
    mean = time.sum((1, 2), keepdim=True) / hit.sum((1, 2), keepdim=True).clamp_min(1)
    return torch.where(hit, (time - mean) / TIME_UNIT, 0.0)


class Performance(NamedTuple):
    """Bias and resolution of found over true values in bins of the true value, [bins], with statistical errors; and the bins' names."""

    bias: Array
    bias_error: Array
    resolution: Array
    resolution_error: Array
    names: tuple[str, ...]


def performance(found: Array, true: Array, edges: Sequence[float], unit: float = 1.0, label: str = "") -> Performance:
    """Mean and core width of found / true - 1, both [n], in bins of the true value between the edges (in `unit`); as `departures` has them.

    Raises:
        FacsimError: if a bin has fewer than two events.

    Examples:
        >>> performance(np.array([1.1, 1.3, 6.0, 9.0]), np.array([1.0, 1.0, 5.0, 10.0]), [0, 2, 11]).bias.round(3).tolist()
        [0.2, 0.05]
    """
    return departures(found / true - 1, true, edges, unit, label)


def departures(departure: Array, along: Array, edges: Sequence[float], unit: float = 1.0, label: str = "") -> Performance:
    """Mean and core width of departures [n] in bins of another number [n] between the edges (in `unit`).

    The width is the standard deviation of the events that lie within FAR half-widths (of the central 68 %) of the median: an accidental trigger
    in one event of a hundred, which sends its energy astray, is no part of a resolution.

    Raises:
        FacsimError: if a bin has fewer than two events.
    """
    parts = [departure[(along >= low * unit) & (along < high * unit)] for low, high in pairwise(edges)]
    if min(map(len, parts)) < 2:
        raise FacsimError("a bin has too few events", expected="two or more", got=min(map(len, parts)))
    bias, spread, width = (np.array([of(p) for p in parts]) for of in (np.mean, lambda p: np.std(p, ddof=1), core_width))
    count = np.array([len(p) for p in parts])
    names = tuple(f"{low:g}-{high:g}{label}" for low, high in pairwise(edges))
    return Performance(bias, spread / np.sqrt(count), width, width / np.sqrt(2 * (count - 1)), names)


def core_width(values: Array) -> float:
    """Standard deviation of the values within FAR half-widths of the median.

    Examples:
        >>> round(core_width(np.array([-1.0, 0.0, 1.0, 500.0] * 100 + [-1.0, 0.0, 1.0] * 1000)), 2)
        0.82
    """
    low, middle, high = np.quantile(values, [0.16, 0.5, 0.84])
    core = values[np.abs(values - middle) <= max(FAR * (high - low) / 2, 1e-12)]
    return float(np.std(core, ddof=1)) if len(core) > 1 else 0.0
