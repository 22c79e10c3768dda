"""How a file describes itself: detector and variables as JSON text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from facsim.core import Detector, FacsimError, Variable
from facsim.core.detectors import describe, from_description
from facsim.core.variables import describe_variable, variable_from


def detector_to_json(detector: Detector) -> str:
    """The detector as JSON text."""
    return json.dumps(describe(detector))


def detector_from_json(text: str) -> Detector:
    """The detector of `detector_to_json`.

    Raises:
        FacsimError: if the text is no such JSON.

    Examples:
        >>> from facsim.core import RegularGrid
        >>> detector_from_json(detector_to_json(RegularGrid((2, 3), (5.0, 4.0))))
        RegularGrid(cells=(2, 3), size=(5.0, 4.0), signed=False)
    """
    return from_description(parse(text, dict, "detector"))


def variables_to_json(variables: Sequence[Variable]) -> str:
    """The variables as JSON text; a range without end has null there.

    Examples:
        >>> variables_to_json([Variable("energy", "MeV", low=100.0)])
        '[{"name": "energy", "unit": "MeV", "low": 100.0, "high": null, "choices": []}]'
    """
    return json.dumps([describe_variable(v) for v in variables])


def variables_from_json(text: str) -> tuple[Variable, ...]:
    """The variables of `variables_to_json`.

    Raises:
        FacsimError: if the text is no such JSON.
    """
    return tuple(variable_from(entry) for entry in parse(text, list, "variables"))


def parse(text: str, kind: type, attribute: str) -> Any:
    """The value of a JSON attribute.

    Raises:
        FacsimError: if the text is no JSON, or its value not of this kind.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise FacsimError(f"attribute {attribute!r} is not JSON", got=error) from error
    if not isinstance(value, kind):
        raise FacsimError(f"attribute {attribute!r} cannot be read", expected=f"a JSON {kind.__name__}", got=type(value).__name__)
    return value
