"""Numbers and conditions as a physicist writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from facsim.core import Detector, Events, RegularGrid, Variable, Vector
from facsim.core.events import Array
from facsim.core.units import factor

LARGER = {"MeV": ("GeV", "TeV", "EeV"), "mm": ("m", "km")}


def quantity(value: float, unit: str) -> str:
    """A number with its unit, in the larger unit where that is easier to read.

    Examples:
        >>> quantity(800, "MeV"), quantity(51234.0, "MeV"), quantity(22, "1")
        ('800 MeV', '51.2 GeV', '22')
    """
    fitting = [larger for larger in LARGER.get(unit, ()) if abs(value) >= factor(larger, unit)]
    shown = fitting[-1] if fitting else unit
    number = f"{value / factor(shown, unit):.3g}"
    return number if shown == "1" else f"{number} {shown}"


def condition_text(variables: Sequence[Variable], condition: Array) -> str:
    """One event's condition, the first two numbers."""
    numbers = [v for v in variables if not v.shape]
    return ", ".join(f"{v.name} {quantity(float(c), v.unit)}" for v, c in list(zip(numbers, condition, strict=False))[:2])


def ranges(events: Events) -> list[str]:
    """What each condition variable covers in the sample."""
    return [f"{v.name} {_range(events.column(v.name), v.unit)}" for v in events.variables] if len(events) else []


def _range(values: Array, unit: str) -> str:
    low, high = quantity(float(values.min()), unit), quantity(float(values.max()), unit)
    return low if low == high else f"{low} to {high}"


def measured(value: float, error: float) -> str:
    """Value and error, both to the error's two leading digits.

    Examples:
        >>> measured(0.51234, 0.0123), measured(1234.5, 56.0), measured(3.0, 0.0)
        ('0.512 ± 0.012', '1234 ± 56', '3')
    """
    if not error > 0:
        return f"{value:.4g}"
    digits = 1 - math.floor(math.log10(error))
    return f"{value:.{digits}f} ± {error:.{digits}f}" if 0 <= digits <= 6 else f"{value:.4g} ± {error:.2g}"


def detector_text(detector: Detector) -> str:
    """One line on the detector.

    Examples:
        >>> detector_text(RegularGrid((32, 32), (6.25, 6.25)))
        'RegularGrid: 32 × 32 cells of 6.25 × 6.25 mm'
    """
    if isinstance(detector, RegularGrid):
        return f"RegularGrid: {_times(detector.cells)} cells of {_times(detector.size)} mm"
    if isinstance(detector, Vector):
        return f"Vector: {len(detector.names)} columns"
    return f"{type(detector).__name__}: {detector.n_cells:,} cells in {detector.n_layers} layers"


def _times(numbers: Sequence[float]) -> str:
    return " × ".join(f"{n:g}" for n in numbers)
