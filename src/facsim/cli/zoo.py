"""`facsim zoo show NAME`: the model card of a surrogate that ships with facsim."""

from __future__ import annotations

from facsim.cli.options import Json
from facsim.cli.show import show_json


def show(name: str, /, *, json: Json = False) -> None:
    """The model card: intended use, validity range, training data, scorecard.

    Parameters
    ----------
    name
        A surrogate of `facsim zoo list`.
    json
        Print the bundle's manifest as one JSON document.
    """
    from facsim.surrogate import read_manifest, zoo_folder
    from facsim.surrogate.card import model_card

    manifest = read_manifest(zoo_folder(name.removeprefix("zoo:")))
    if json:
        show_json(manifest)
        return
    print(model_card(name, manifest))
