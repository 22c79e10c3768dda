"""What is known of how a response follows a condition, taken out before the network and put back after it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError
from facsim.transforms.appended import Appended


class Shift(Transform):
    """Subtract a condition column from every number of the response: y = x - c, for a response that moves with the condition.

    A network that does not see this column then answers alike at every value of it, also outside of the range of training.
    """

    def __init__(self, shape: tuple[int, ...], column: int) -> None:
        super().__init__()
        self.column = column

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x - along(x, condition, self.column)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return y + along(y, condition, self.column)


class Relative(Transform):
    """Divide by a power of a condition column: y = x / c^power, for a response whose scale grows with a positive condition.

    Raises:
        FacsimError: if a condition is not positive.
    """

    def __init__(self, shape: tuple[int, ...], column: int, power: float = 1.0) -> None:
        super().__init__()
        self.column, self.power = column, power

    def fit(self, x: Tensor, condition: Tensor) -> None:
        smallest = float(condition[:, self.column].min()) if len(condition) else 1.0
        if smallest <= 0:
            raise FacsimError("a response cannot be divided by this condition", expected="a column of values > 0", got=smallest)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x / along(x, condition, self.column).pow(self.power)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return y * along(y, condition, self.column).pow(self.power)


def along(x: Tensor, condition: Tensor, column: int) -> Tensor:
    """A condition column, shaped so that it goes with the events of x: [n, 1, ...].

    Examples:
        >>> along(torch.zeros(2, 3, 4), torch.tensor([[1.0], [2.0]]), 0).shape
        torch.Size([2, 1, 1])
    """
    return condition[:, column].reshape(-1, *[1] * (x.dim() - 1))


class Regions(Appended):
    """Conditions [n, c] -> [n, c + regions]: indicators of the region in which the magnitude of a column lies, after the columns themselves.

    `edges` are the rising limits between the regions of a detector, a value on an edge belongs to the region above. A smooth network needs them to
    answer with a step.
    """

    def __init__(self, shape: tuple[int, ...], column: int, edges: Sequence[float]) -> None:
        super().__init__(shape, len(edges) + 1)
        if list(edges) != sorted(set(edges)) or not edges or edges[0] <= 0:
            raise FacsimError("these are no edges of regions", expected="one or more rising numbers > 0", got=list(edges))
        self.column = column
        self.register_buffer("edges", torch.tensor(edges, dtype=torch.float32), persistent=False)
        self.edges: Tensor

    def tell(self, x: Tensor, condition: Tensor) -> Tensor:
        region = torch.searchsorted(self.edges, x[:, self.column].abs().contiguous(), right=True)
        return torch.nn.functional.one_hot(region, self.more).to(x.dtype)


class Thresholds(Appended):
    """Conditions [n, c] -> [n, c + thresholds]: max(0, 1 - (t / x)^2) of a positive column x for each threshold t, after the columns themselves.

    With a momentum and a Cherenkov threshold it is the light of a ring over that at the speed of light. A smooth network needs it for the kink.
    """

    def __init__(self, shape: tuple[int, ...], column: int, at: Sequence[float]) -> None:
        super().__init__(shape, len(at))
        if not at or min(at) <= 0:
            raise FacsimError("these are no thresholds", expected="one or more numbers > 0", got=list(at))
        self.column = column
        self.register_buffer("at", torch.tensor(at, dtype=torch.float32), persistent=False)
        self.at: Tensor

    def tell(self, x: Tensor, condition: Tensor) -> Tensor:
        return (1 - (self.at / x[:, self.column, None]).square()).clamp_min(0)
