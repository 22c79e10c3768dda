"""`facsim splot`: weights that subtract background."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from facsim.cli.show import say


def splot(
    source: Path,
    target: Path,
    /,
    *,
    mass: str = "mass",
    smooth: Annotated[bool, Parameter(negative="")] = False,
    format: str | None = None,
) -> None:
    """Fit a mass, weight every event so that background cancels, and drop the mass.

    Parameters
    ----------
    source
        File of events, among whose conditions is the mass of what each comes from: a peak on a slope.
    target
        Native file to write; train on it with `facsim fit`.
    mass
        Name of that condition.
    smooth
        Replace each weight by its mean at the event's condition and response, a probability: for densities that cannot bear negative weights, such
        as `flow`. Some background stays, where it is far from the signal.
    format
        Format to read, instead of what the file's content says.
    """
    from facsim.data import read, write
    from facsim.data.splot import smoothed, subtract_background

    events, fit = subtract_background(read(source, format), mass)
    write(
        smoothed(events) if smooth else events,
        target,
        about={"splot": {"mass": mass, "signal": fit.signal, "background": fit.background, "peak": fit.peak, "width": fit.width}},
    )
    say(f"{target}: {len(events)} events, of which {fit.signal:.0f} are signal: a peak at {fit.peak:.2f} of width {fit.width:.2f}")
