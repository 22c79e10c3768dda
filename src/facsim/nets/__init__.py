"""Plain networks: tensors in, tensors out; no physics and no losses."""

from facsim.nets.mlp import ACTIVATIONS, mlp

__all__ = ["ACTIVATIONS", "mlp"]
