"""`facsim export`: a surrogate as a graph for other software."""

from __future__ import annotations

from pathlib import Path

from facsim.cli.show import say
from facsim.cli.surrogates import open_surrogate


def export(surrogate: str, /, *, out: Path, contract: str = "plain") -> None:
    """Write a surrogate as an ONNX graph of the whole chain, checked against torch on the same noise.

    Parameters
    ----------
    surrogate
        Run folder, bundle folder, or zoo:NAME.
    out
        File to write, such as model.onnx.
    contract
        What the graph takes: plain (condition and noise in, response out) or par04 (Geant4's example; writes its macro beside).
    """
    from facsim.export import export as write

    found = write(open_surrogate(surrogate), out, contract)
    say(f"{out}: largest relative difference between onnxruntime and torch {found.difference:.1e} on {found.events} events")
