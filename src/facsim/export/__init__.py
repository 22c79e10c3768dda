"""Surrogates in other software: ONNX graphs of the whole chain, checked against torch, and Geant4's contract."""

from facsim.export.contracts import CONTRACTS, Contract
from facsim.export.engines import ENGINES, Fidelity, fidelity, with_engine
from facsim.export.file import export
from facsim.export.parity import Parity, parity

__all__ = ["CONTRACTS", "ENGINES", "Contract", "Fidelity", "Parity", "export", "fidelity", "parity", "with_engine"]
