"""Plain networks: tensors in, tensors out; no physics and no losses."""

from facsim.nets.mlp import ACTIVATIONS, mlp
from facsim.nets.transformer import Cache, CausalTransformer

__all__ = ["ACTIVATIONS", "Cache", "CausalTransformer", "mlp"]
