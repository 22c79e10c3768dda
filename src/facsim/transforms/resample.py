"""Coarser images: sum square blocks of pixels."""

from __future__ import annotations

from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError


class Downsample(Transform):
    """Sum blocks of `factor` x `factor` over the last two axes; the inverse shares each sum equally, so that energy is kept both ways."""

    def __init__(self, shape: tuple[int, ...], factor: int = 2) -> None:
        super().__init__()
        if len(shape) < 2 or shape[-1] % factor or shape[-2] % factor:
            raise FacsimError("the image cannot be down-sampled", expected=f"two last axes divisible by {factor}", got=list(shape))
        self.factor = factor

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-2], shape[-2] // self.factor, shape[-1] // self.factor)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        *lead, rows, columns = x.shape
        return x.reshape(*lead, rows // self.factor, self.factor, columns // self.factor, self.factor).sum((-3, -1))

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        shared = y / self.factor**2
        return shared.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)
