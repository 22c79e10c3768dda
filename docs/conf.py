"""Sphinx: `make docs`. The pages of studies, families, simulators and metrics are made from the project itself, without network."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import pages  # noqa: E402

import facsim  # noqa: E402

project, author, copyright = "facsim", "the facsim authors", "the facsim authors"
version = release = facsim.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "myst_parser", "sphinx_gallery.gen_gallery"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "examples"]
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False
autodoc_preserve_defaults = True  # as they are written: values may tell of the machine that built the pages
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "plot_",
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "abort_on_example_error": True,
}
suppress_warnings = ["ref.python"]  # a class that two packages show has two places


def setup(app: Any) -> None:
    """Make the generated pages before the others are read, and let docstrings be plain text."""
    app.connect("builder-inited", lambda app: pages.write_all(HERE))
    app.connect("autodoc-process-docstring", plain, priority=100)


def plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Mark up a docstring written as plain text: `names` are literal, signs such as | and * are themselves, examples stay as they are."""
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith((">>>", "...")) or (example and bool(line.strip()))
        if not example:
            lines[i] = "".join(_marked(part, odd) for odd, part in enumerate(re.split(r"`([^`]+)`", line)))


def _marked(part: str, odd: int) -> str:
    bullet = re.match(r"\s*\* ", part)
    start = bullet.end() if bullet else 0
    return f"``{part}``" if odd % 2 else part[:start] + re.sub(r"([*|_\\])", r"\\\1", part[start:])
