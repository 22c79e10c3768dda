"""The model card of a surrogate, for people: what it is for, where it holds, what it was trained on, and how good it is.

Source: M. Mitchell et al., Model cards for model reporting, 2019, arXiv:1810.03993.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Manifest = dict[str, Any]

LIMITS = (
    "Not for conditions outside the validity range (`extrapolate` marks such events), for other detectors, or for quantities that no row below "
    "judges. A score is as good as truth itself where it equals its floor, the same score of truth against truth."
)


def model_card(name: str, manifest: Manifest) -> str:
    """The card as Markdown, from a bundle's manifest."""
    parts = [
        f"# {name}",
        f"{_family(manifest)} of {_detector(manifest['detector'])}.",
        "## Intended use",
        f"Fast simulation of this detector, inside the validity range. {LIMITS}",
        "## Validity range",
        _table(("condition", "from", "to", "unit"), map(_range, manifest["variables"])),
        "## Training data",
        training_data(manifest),
        "## Scorecard",
        _scorecard(manifest["scorecard"]),
    ]
    return "\n\n".join(parts) + "\n"


def brief(manifest: Manifest) -> dict[str, str]:
    """The card in a line: model, detector, where it holds, and the areas of classifiers beside their floors."""
    rows = {r["observable"]: r for r in (manifest["scorecard"] or {}).get("rows", []) if r["distance"] == "auc" and r["bin"] == "all"}
    return {
        "model": manifest["model"]["name"],
        "detector": _detector(manifest["detector"]).removeprefix("a "),
        "valid for": "; ".join(map(_validity, manifest["variables"])),
        "AUC (floor)": ", ".join(f"{k} {rows[k]['value']:.3f} ({rows[k]['floor']:.3f})" for k in ("cells", "observables") if k in rows),
    }


def training_data(manifest: Manifest) -> str:
    """What the surrogate was trained on, in a sentence."""
    training = manifest["training"]
    told = (manifest["scorecard"] or {}).get("about", {}).get("training_data")
    named = f"{told}; " if told else ""
    return f"{named}{training['events']} events, seed {training['seed']}, fingerprint {training['fingerprint']}."


def _family(manifest: Manifest) -> str:
    shapes = {key: shape for key, shape in manifest["weights"]["shapes"].items() if key.startswith("model.")}
    numbers = sum(_product(shape) for shape in shapes.values())
    return f"A surrogate of the family `{manifest['model']['name']}` ({numbers:,} numbers)"


def _product(shape: Sequence[int]) -> int:
    return shape[0] * _product(shape[1:]) if shape else 1


def _detector(detector: dict[str, Any]) -> str:
    told = ", ".join(f"{key} {value}" for key, value in detector.items() if key in ("cells", "size", "names", "shape"))
    return f"a {detector['kind']}" + (f" ({told})" if told else "")


def _range(variable: dict[str, Any]) -> tuple[str, ...]:
    return variable["name"], f"{variable['low']:g}", f"{variable['high']:g}", variable["unit"]


def _validity(variable: dict[str, Any]) -> str:
    """Such as: energy 1 to 100 GeV."""
    low, high = (f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}" for x in (variable["low"], variable["high"]))
    values = low if low == high else f"{low} to {high}"
    return f"{variable['name']} {values} {variable['unit']}".removesuffix(" 1")


def _scorecard(scorecard: dict[str, Any] | None) -> str:
    """The scores beside their floors."""
    if not scorecard:
        return "Not judged."
    cells = [
        (r["observable"], r["distance"], r["bin"], f"{r['value']:.4g} ± {r['error']:.2g}", f"{r['floor']:.4g} ± {r['floor_error']:.2g}", r["unit"])
        for r in scorecard["rows"]
    ]
    return _table(("observable", "distance", "bin", "value", "floor", "unit"), cells)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table.

    Examples:
        >>> print(_table(("a", "b"), [("1", "2")]))
        | a | b |
        |---|---|
        | 1 | 2 |
    """
    lines = [columns, *rows]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(columns), *text[1:]])
