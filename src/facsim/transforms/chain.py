"""Several transforms in a row, built from a recipe that is plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError
from facsim.core.table import look_up
from facsim.transforms.acceptance import InCone, RingCaught
from facsim.transforms.along import WhitenAlong
from facsim.transforms.conditional import Regions, Relative, Shift, Thresholds
from facsim.transforms.elementwise import Asinh, Calibrate, Log, Logit, Scale, Standardise, Threshold
from facsim.transforms.encode import Encode
from facsim.transforms.fractions import EnergyFractions, LayerFractions
from facsim.transforms.gaussianise import Gaussianise
from facsim.transforms.linear import Linear
from facsim.transforms.resample import Downsample
from facsim.transforms.traces import TraceShares
from facsim.transforms.tracks import TrackShowers
from facsim.transforms.unroll import Crop, Unroll
from facsim.transforms.wall import Centred, Footprint, Pixels, Quadrant, TrackSums, Within

TRANSFORMS: dict[str, type[Transform]] = {
    kind.__name__: kind
    for kind in (
        Scale,
        Calibrate,
        Log,
        Asinh,
        Logit,
        Standardise,
        WhitenAlong,
        Linear,
        Threshold,
        Shift,
        Relative,
        Regions,
        Thresholds,
        InCone,
        RingCaught,
        EnergyFractions,
        LayerFractions,
        TraceShares,
        Gaussianise,
        Downsample,
        Crop,
        Unroll,
        Quadrant,
        Pixels,
        Centred,
        Within,
        Footprint,
        TrackSums,
        TrackShowers,
        Encode,
    )
}

Recipe = Sequence[tuple[str, dict[str, Any]]]  # name in TRANSFORMS and its settings, in the order of the forward map


class Chain(Transform):
    """Transforms applied one after the other; `fit` fits each to what those before it put out.

    `recipe` lists [name, settings]; `shape` is the shape of one event before the first.

    Raises:
        FacsimError: for an unknown transform or settings that it does not know.

    Examples:
        >>> Chain((4, 4), [("EnergyFractions", {}), ("Logit", {"margin": 1e-4})]).output_shape((4, 4))
        (17,)
    """

    def __init__(self, shape: tuple[int, ...], recipe: Recipe) -> None:
        super().__init__()
        self.recipe = [[name, dict(settings)] for name, settings in recipe]
        self.parts = nn.ModuleList()
        for name, settings in recipe:
            part = _build(name, shape, settings)
            self.parts.append(part)
            shape = part.output_shape(shape)
        self.shape = shape

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.shape

    def fit(self, x: Tensor, condition: Tensor) -> None:
        for part in self._transforms():
            part.fit(x, condition)
            x = part(x, condition)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        for part in self._transforms():
            x = part(x, condition)
        return x

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        for part in reversed(self._transforms()):
            y = part.inverse(y, condition)
        return y

    def _transforms(self) -> list[Transform]:
        return [part for part in self.parts if isinstance(part, Transform)]


def _build(name: str, shape: tuple[int, ...], settings: dict[str, Any]) -> Transform:
    try:
        return look_up(TRANSFORMS, name, "transform")(shape, **settings)
    except TypeError as error:
        raise FacsimError(f"transform {name} does not take these settings", got=settings, remedy=str(error)) from error
