"""Events: conditions and the detector's responses to them. Truth and surrogate speak in these alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facsim.core.detectors.base import Detector
from facsim.core.errors import FacsimError
from facsim.core.rng import stream
from facsim.core.variables import Variable, column_index, inside, places, width

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Events:
    """A frozen, validated batch of events.

    condition: float32 [n, c], one column for each of `variables`, or the cells of an array for those with a shape; response: float32
    [n, *detector.shape] (MeV for calorimeters); weight: float32 [n] or None, of any sign. Arrays are read-only.

    Raises:
        FacsimError: if shapes do not fit, a number is not finite, or an energy is negative where the detector forbids it.

    Examples:
        >>> from facsim.core.detectors import RegularGrid
        >>> grid = RegularGrid((2, 2), (5.0, 5.0))
        >>> events = Events(np.full((3, 1), 800.0), np.ones((3, 2, 2)), grid, (Variable("energy", "MeV"),))
        >>> len(events), events[:2].column("energy")
        (3, array([800., 800.], dtype=float32))
    """

    condition: Array
    response: Array
    detector: Detector
    variables: tuple[Variable, ...]
    weight: Array | None = None

    def __post_init__(self) -> None:
        n = len(self.response)
        _store(self, "condition", (n, width(self.variables)))
        _store(self, "response", (n, *self.detector.shape))
        if self.weight is not None:
            _store(self, "weight", (n,))
        if n and not self.detector.signed and self.response.min() < 0:
            raise FacsimError(
                "response has negative energies", expected="energies >= 0", got=f"{self.response.min():g}", remedy="check the file's units and noise"
            )
        object.__setattr__(self, "variables", tuple(self.variables))

    def __len__(self) -> int:
        return len(self.response)

    def __getitem__(self, index: slice | Array) -> Events:
        weight = None if self.weight is None else self.weight[index]
        return replace(self, condition=self.condition[index], response=self.response[index], weight=weight)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Events):
            return NotImplemented
        same_form = (self.detector, self.variables, self.weight is None) == (other.detector, other.variables, other.weight is None)
        return same_form and all(np.array_equal(a, b) for a, b in zip(self._arrays(), other._arrays(), strict=True))

    __hash__ = None  # type: ignore[assignment]

    def column(self, name: str) -> Array:
        """The condition column of that name, [n]; of a variable with a shape [n, *shape]."""
        index = column_index(self.variables, name)
        return self.condition[:, places(self.variables)[index]].reshape(len(self), *self.variables[index].shape)

    @property
    def numbers(self) -> tuple[Variable, ...]:
        """The variables of one column each: variable i of these is column i of the condition."""
        return tuple(v for v in self.variables if not v.shape)

    @property
    def cells(self) -> Array:
        """The response with cells in one axis, [n, cells] (a view)."""
        return self.response.reshape(len(self), self.detector.n_cells)

    @property
    def weights(self) -> Array:
        """The weights, [n]; ones where there are none."""
        return np.ones(len(self), dtype=np.float32) if self.weight is None else self.weight

    @property
    def extrapolated(self) -> NDArray[np.bool_]:
        """Which events have a condition outside the range of its variable, [n]."""
        return ~inside(self.variables, self.condition)

    def split(self, fraction: float, seed: int) -> tuple[Events, Events]:
        """Two disjoint random parts, the first with `fraction` of the events; the same for the same seed."""
        if not 0 < fraction < 1:
            raise FacsimError("cannot split the events", expected="a fraction between 0 and 1", got=fraction)
        order = stream(seed, "split").permutation(len(self))
        cut = round(fraction * len(self))
        return self[np.sort(order[:cut])], self[np.sort(order[cut:])]

    def _arrays(self) -> list[Array]:
        return [self.condition, self.response, *([] if self.weight is None else [self.weight])]


def _store(events: Events, name: str, shape: tuple[int, ...]) -> None:
    """Check one array of the events and keep a read-only float32 view of it."""
    array = np.asarray(getattr(events, name), dtype=np.float32)
    if array.shape != shape:
        raise FacsimError(f"{name} has the wrong shape", expected=list(shape), got=list(array.shape))
    if array.size and not np.isfinite([array.min(), array.max()]).all():  # both carry a NaN on; no mask of the whole array is made
        raise FacsimError(f"{name} has values that are not finite", expected="finite numbers", got="NaN or infinity", remedy="remove these events")
    array = array.view()
    array.flags.writeable = False
    object.__setattr__(events, name, array)


def _named(events: Events) -> list[tuple[str, str, tuple[int, ...]]]:
    """What must be the same in events that are put together: ranges may differ."""
    return [(v.name, v.unit, v.shape) for v in events.variables]


def only(events: Events, *names: str) -> Events:
    """The events with some of their condition variables, in the order of the names.

    Raises:
        FacsimError: if they have no such variables.
    """
    chosen = [column_index(events.variables, name) for name in names]
    columns = [places(events.variables)[i] for i in chosen]
    condition = np.concatenate([events.condition[:, place] for place in columns], axis=1)
    return Events(condition, events.response, events.detector, tuple(events.variables[i] for i in chosen), events.weight)


def concatenate(parts: Sequence[Events]) -> Events:
    """All events of the parts, in order; the variables' ranges are widened to hold all.

    Raises:
        FacsimError: if there is no part, or detectors, variable names or units differ, or only some have weights.
    """
    if not parts:
        raise FacsimError("nothing to concatenate", expected="one or more Events", got=0)
    first = parts[0]
    for part in parts[1:]:
        if part.detector != first.detector or _named(part) != _named(first):
            raise FacsimError("events of different detectors or variables cannot be concatenated")
        if (part.weight is None) != (first.weight is None):
            raise FacsimError("cannot concatenate weighted events with unweighted ones", remedy="give every part a weight")
    condition = np.concatenate([p.condition for p in parts])
    variables = tuple(
        replace(v, low=min(p.variables[i].low for p in parts), high=max(p.variables[i].high for p in parts)) for i, v in enumerate(first.variables)
    )
    weight = None if first.weight is None else np.concatenate([p.weights for p in parts])
    return Events(condition, np.concatenate([p.response for p in parts]), first.detector, variables, weight)
