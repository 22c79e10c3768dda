"""One look for all figures: mplhep's axes, colours that the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
import mplhep
from matplotlib.axes import Axes
from matplotlib.figure import Figure

P = ParamSpec("P")

# Okabe and Ito, Color Universal Design (2008), without yellow, which is too faint on white; truth is grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P")
TRUTH_FILL, TRUTH_LINE = "#C9C9C9", "#3A3A3A"
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"

STYLE: Any = {
    **mplhep.style.ROOT,
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],
    "font.size": 15,
    "axes.labelsize": 15,
    "axes.titlesize": 15,
    "xtick.labelsize": 13,
    "ytick.labelsize": 13,
    "legend.fontsize": 13,
    "axes.linewidth": 1.2,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "xtick.major.size": 6,
    "xtick.minor.size": 3,
    "ytick.major.size": 6,
    "ytick.minor.size": 3,
    "axes.unicode_minus": True,
    "xtick.minor.ndivs": 2,
    "ytick.minor.ndivs": 2,
    "svg.fonttype": "path",
    "svg.hashsalt": "facsim",
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """The drawing function under facsim's style; the user's own settings of matplotlib stay as they are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def look(position: int) -> dict[str, Any]:
    """Colour and line style of the candidate at that position."""
    return {"color": COLOURS[position % len(COLOURS)], "linestyle": LINES[position % len(LINES)]}


def points(position: int) -> dict[str, Any]:
    """Colour and marker of the candidate at that position, for points with error bars."""
    return {
        "color": COLOURS[position % len(COLOURS)],
        "marker": MARKERS[position % len(MARKERS)],
        "linestyle": "none",
        "capsize": 0,
        "elinewidth": 1.4,
    }


def with_unit(label: str, unit: str) -> str:
    """An axis label: `energy [MeV]`; without brackets for a pure number.

    Examples:
        >>> with_unit("energy", "MeV"), with_unit("cells hit", "1")
        ('energy [MeV]', 'cells hit')
    """
    return label if unit in ("1", "") else f"{label} [{unit}]"


def bare(axes: Iterable[Axes]) -> None:
    """No ticks and labels: for pictures whose scale stands elsewhere."""
    for ax in axes:
        ax.set(xlabel="", ylabel="")
        ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
