"""Figures as text inside the page."""

from __future__ import annotations

import base64
from io import BytesIO

import matplotlib
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from PIL import Image

from facsim.report.style import STYLE

DOTS_PER_INCH = 130
LINE_COLOURS = 64  # enough for lines and letters with smooth edges, and a third of the size
IMAGE_COLOURS = 200  # of pictures that are kept small; the page has them in full


def data_address(figure: Figure) -> str:
    """The figure as a `data:` address of a PNG, so that the page needs no other file; equal figures give equal text."""
    stream = BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(stream, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    data = stream.getvalue() if figure.findobj(AxesImage) else few_colours(stream)
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def few_colours(png: BytesIO, colours: int = LINE_COLOURS) -> bytes:
    """A PNG with a palette."""
    smaller = BytesIO()
    with Image.open(png) as image:
        image.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(smaller, format="png", optimize=True)
    return smaller.getvalue()
