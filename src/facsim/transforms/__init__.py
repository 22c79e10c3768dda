"""Invertible maps between the arrays of Events and the tensors of networks; fitted once, on training data."""

from facsim.transforms.chain import TRANSFORMS, Chain, Recipe
from facsim.transforms.elementwise import Calibrate
from facsim.transforms.encode import encoding

__all__ = ["TRANSFORMS", "Calibrate", "Chain", "Recipe", "encoding"]
