"""Recurrent networks behind one signature."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

State = Tensor | tuple[Tensor, Tensor]

CELLS: dict[str, Callable[..., nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU}


class Recurrent(nn.Module):
    """Sequences [n, length, inputs] -> [n, length, hidden] by layers of LSTM or GRU; `kind` is a key of CELLS.

    Sources: Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9 (1997) 1735; Cho et al. (2014), arXiv:1406.1078.

    Examples:
        >>> import torch
        >>> Recurrent(3, 8, kind="gru")(torch.zeros(2, 5, 3)).shape
        torch.Size([2, 5, 8])
    """

    def __init__(self, inputs: int, hidden: int, *, kind: str = "lstm", layers: int = 1) -> None:
        super().__init__()
        if kind not in CELLS:
            raise ValueError(f"unknown kind of recurrent network {kind!r}: expected one of {', '.join(CELLS)}")
        self.network = CELLS[kind](inputs, hidden, layers, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x)[0]
        return y

    def step(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The output for the next element [n, inputs] of each sequence and the new state; None is the state before the first."""
        y, state = self.network(x[:, None], state)
        return y[:, 0], state
