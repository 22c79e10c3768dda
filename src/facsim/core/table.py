"""Look-up in a table of choices, with an error that lists them and names the closest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from facsim.core.errors import FacsimError

T = TypeVar("T")


def look_up(table: Mapping[str, T], name: str, kind: str) -> T:
    """Return `table[name]`.

    Raises:
        FacsimError: if there is no such name; lists the choices of this `kind` and the closest one.

    Examples:
        >>> look_up({"vae": 1, "wgan-gp": 2}, "vea", "model")
        Traceback (most recent call last):
        facsim.core.errors.FacsimError: unknown model 'vea': expected one of vae, wgan-gp; did you mean 'vae'?
    """
    if name not in table:
        raise unknown(name, table, kind)
    return table[name]


def unknown(name: str, choices: Iterable[str], kind: str) -> FacsimError:
    """The error for a name that is not among the choices."""
    names = sorted(choices)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else ""
    return FacsimError(f"unknown {kind} {name!r}", expected=f"one of {', '.join(names)}", remedy=hint)
