"""What a page is laid out from: sections of pictures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from facsim.report.encode import data_address
from facsim.report.tables import Table

PIXELS_PER_INCH = 85
WIDE = 9.0  # inches from which a figure takes the whole width of the page


@dataclass(frozen=True)
class Picture:
    """A figure inside the page: its `data:` address, caption, text for those who cannot see it, width in pixels."""

    address: str
    caption: str
    alt: str
    width: int
    wide: bool


@dataclass(frozen=True)
class Section:
    """One part of the page; `folded` tables open on a click."""

    anchor: str
    title: str
    text: str = ""
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    folded: Sequence[Table] = ()


def picture(figure: Figure, caption: str, alt: str = "") -> Picture:
    """The figure with its caption, which is also its description unless `alt` is another."""
    inches = figure.get_figwidth()
    return Picture(data_address(figure), caption, alt or caption, round(inches * PIXELS_PER_INCH), inches >= WIDE)
