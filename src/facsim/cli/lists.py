"""`facsim models|metrics|detectors|simulators|zoo list`: what there is."""

from __future__ import annotations

from typing import Any

from facsim.cli.options import Json
from facsim.cli.show import show_json, show_table

Rows = list[dict[str, str]]


def _show(title: str, rows: Rows, as_json: bool) -> None:
    if as_json:
        show_json(rows)
        return
    columns = list(rows[0]) if rows else ["name"]
    show_table(title, columns, [[row[c] for c in columns] for row in rows])


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


def models(*, json: Json = False) -> None:
    """The families of generators, and when to choose each."""
    from facsim.models import MODELS

    rows = [
        {"name": k, "idea": f.idea, "when": f.when, "cost": f.cost, "source": f.source, "onnx": f"no: {f.onnx}" if f.onnx else "yes"}
        for k, f in MODELS.items()
    ]
    _show("Models", rows, json)


def detectors(*, json: Json = False) -> None:
    """The kinds of detectors."""
    from facsim.core import DETECTORS

    _show("Detectors", [{"name": k, "what": _first_line(d)} for k, d in DETECTORS.items()], json)


def simulators(*, json: Json = False) -> None:
    """The built-in truth simulators."""
    from facsim.simulators import SIMULATORS

    _show("Simulators", [{"name": k, "what": s.description, "source": s.source} for k, s in SIMULATORS.items()], json)


def metrics(*, json: Json = False) -> None:
    """Observables, distances between samples of them, and measures of generative models; for each what it is or why it does not apply."""
    from facsim.evaluation.catalogue import MEASURES
    from facsim.evaluation.distances import DISTANCES
    from facsim.evaluation.observables import OBSERVABLES

    rows = [{"name": o.name, "kind": "observable", "what": o.description, "source": o.source} for o in OBSERVABLES.values()]
    rows += [{"name": k, "kind": "distance", "what": d.description, "source": ""} for k, d in DISTANCES.items()]
    rows += [
        {"name": m.name, "kind": "measure", "what": m.summary if m.function else f"does not apply: {m.reason}", "source": m.source}
        for m in MEASURES.values()
    ]
    _show("Metrics", rows, json)


def zoo(*, json: Json = False) -> None:
    """The surrogates that ship with facsim."""
    from facsim.surrogate import read_manifest
    from facsim.surrogate import zoo as folders
    from facsim.surrogate.card import brief

    _show("Zoo", [{"name": k, **brief(read_manifest(f))} for k, f in folders().items()], json)
