"""The one error that facsim raises for bad input."""

from __future__ import annotations


class FacsimError(Exception):
    """A fault of the input, told in one line: what is wrong, what was expected, what was found, how to mend it.

    Examples:
        >>> print(FacsimError("response has the wrong shape", expected="[n, 32, 32]", got="[n, 64, 64]", remedy="pass --coarsen 2"))
        response has the wrong shape: expected [n, 32, 32], got [n, 64, 64]; pass --coarsen 2
    """

    def __init__(self, what: str, *, expected: object = None, got: object = None, remedy: str = "") -> None:
        parts = [f"{word} {value}" for word, value in (("expected", expected), ("got", got)) if value is not None]
        text = what + (": " + ", ".join(parts) if parts else "") + (f"; {remedy}" if remedy else "")
        super().__init__(" ".join(text.split()))
