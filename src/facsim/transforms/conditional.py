"""What is known of how a response follows a condition, taken out before the network and put back after it."""

from __future__ import annotations

from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError


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
        >>> import torch
        >>> along(torch.zeros(2, 3, 4), torch.tensor([[1.0], [2.0]]), 0).shape
        torch.Size([2, 1, 1])
    """
    return condition[:, column].reshape(-1, *[1] * (x.dim() - 1))
