"""What several commands parse alike: settings, conditions, seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from cyclopts import Parameter
from pydantic import ConfigDict, TypeAdapter, ValidationError, create_model

from facsim.core import FacsimError
from facsim.core.table import unknown

Set = Annotated[tuple[str, ...], Parameter(name="--set", consume_multiple=True)]
Seed = Annotated[int, Parameter(name="--seed")]
Json = Annotated[bool, Parameter(name="--json", negative="")]


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """`key=value` texts as a dictionary.

    Raises:
        FacsimError: if a text has no `=`.
    """
    for text in texts:
        if "=" not in text:
            raise FacsimError(f"cannot read {option} {text!r}", expected="key=value", got=text)
    return dict(text.split("=", 1) for text in texts)


def value(text: str) -> Any:
    """A setting's value as YAML would read it, and plain floats such as 1e-3 too."""
    try:
        return float(text) if "e" in text.lower() else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError):
        return text


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """`--set key=value` as a dictionary of values.

    Examples:
        >>> settings(["latent=8", "learning_rate=1e-3", "hidden=[64, 64]"])
        {'latent': 8, 'learning_rate': 0.001, 'hidden': [64, 64]}
    """
    return {k: value(v) for k, v in pairs(texts, "--set").items()}


def card(path: Path | None) -> dict[str, Any]:
    """A YAML card as a dictionary; empty where there is none."""
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FacsimError(f"cannot read the card {path}", got=error, expected="a YAML file") from error
    if not isinstance(content, dict):
        raise FacsimError(f"the card {path} is no list of settings", expected="key: value lines", got=type(content).__name__)
    return content


def checked(values: Mapping[str, Any], types: Mapping[str, tuple[Any, Any]], kind: str) -> dict[str, Any]:
    """The values as the types {name: (type, default)} want them, nothing added.

    Raises:
        FacsimError: for an unknown name (with the closest), or a value of the wrong type.
    """
    for name in values:
        if name not in types:
            raise unknown(name, types, kind)
    model = create_model("Checked", __config__=ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True), **dict(types))  # type: ignore[call-overload]
    try:
        return {name: getattr(model(**values), name) for name in values}
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise FacsimError(f"{kind} {name!r} cannot be {first['input']!r}", got=first["msg"]) from error


def numbers(text: str, option: str) -> list[int]:
    """Comma-separated whole numbers, each 1 or more."""
    try:
        found = TypeAdapter(list[int]).validate_python(text.split(","))
    except ValidationError as error:
        raise FacsimError(f"cannot read {option} {text!r}", expected="whole numbers such as 1,100,10000") from error
    if min(found) < 1:
        raise FacsimError(f"{option} must be positive", expected="1 or more", got=min(found))
    return found


def positive(n: int, option: str) -> int:
    """n, if it is 1 or more."""
    if n < 1:
        raise FacsimError(f"{option} must be positive", expected="1 or more", got=n)
    return n
