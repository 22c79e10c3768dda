"""Numbers mixed by a fixed matrix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facsim.core.contracts import Transform
from facsim.core.errors import FacsimError


class Linear(Transform):
    """y = M x of the numbers of an event [n, d], with the given matrix M [d, d] by rows; such as differences of neighbours in place of sums.

    Raises:
        FacsimError: if the matrix is not square, has another width, or cannot be inverted.

    Examples:
        >>> differences = Linear((2,), [[1, 0], [-1, 1]])
        >>> x = torch.tensor([[3.0, 5.0]])
        >>> differences(x, x), differences.inverse(differences(x, x), x)
        (tensor([[3., 2.]]), tensor([[3., 5.]]))
    """

    def __init__(self, shape: tuple[int, ...], rows: Sequence[Sequence[float]]) -> None:
        super().__init__()
        matrix = torch.tensor(rows, dtype=torch.float64)
        if matrix.shape != (*shape, *shape):
            raise FacsimError("the matrix does not fit the numbers", expected=f"{shape} rows and columns", got=tuple(matrix.shape))
        if torch.linalg.matrix_rank(matrix) < len(matrix):
            raise FacsimError("the matrix has no inverse", expected="independent rows", got=[list(row) for row in rows])
        self.register_buffer("matrix", matrix.float(), persistent=False)
        self.register_buffer("back", torch.linalg.inv(matrix).float(), persistent=False)
        self.matrix: Tensor
        self.back: Tensor

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x @ self.matrix.T

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        return y @ self.back.T
