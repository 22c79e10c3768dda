"""Causal transformer that can also go one token at a time, remembering keys and values."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Cache:
    """Keys and values of the tokens so far, for each block: [blocks, 2, n, heads, capacity, width / heads]; room is doubled when it runs out."""

    def __init__(self, blocks: int, n: int, heads: int, size: int, like: Tensor, capacity: int = 16) -> None:
        self.store = like.new_empty(blocks, 2, n, heads, capacity, size)
        self.length = 0

    def reserve(self) -> None:
        """Make room for one more token."""
        if self.length == self.store.shape[4]:
            self.store = torch.cat([self.store, torch.empty_like(self.store)], dim=4)

    def put(self, block: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write a block's new key and value [n, heads, 1, size]; all its keys and values up to them."""
        both = self.store[block]
        both[0, :, :, self.length] = key[:, :, 0]
        both[1, :, :, self.length] = value[:, :, 0]
        return both[0, :, :, : self.length + 1], both[1, :, :, : self.length + 1]

    def keep(self, rows: Tensor) -> None:
        """Forget all sequences but these rows."""
        self.store = self.store[:, :, rows]


class CausalBlock(nn.Module):
    """Attention to the tokens before, then a network on each token, both as residuals of normalised input.

    Source: Vaswani et al., Attention is all you need (2017), arXiv:1706.03762; normalisation first: Xiong et al. (2020), arXiv:2002.04745.
    """

    def __init__(self, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.inner_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, expansion * width), nn.GELU(), nn.Linear(expansion * width, width))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self._split(x)
        return self._finish(x, scaled_dot_product_attention(query, key, value, is_causal=True))

    def step(self, x: Tensor, cache: Cache, block: int) -> Tensor:
        """The block's output for one new token [n, 1, width]."""
        query, key, value = self._split(x)
        return self._finish(x, scaled_dot_product_attention(query, *cache.put(block, key, value)))

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, each [n, heads, length, width / heads]."""
        query, key, value = self.project(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return query, key, value

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.join(attended.transpose(1, 2).flatten(2))
        y: Tensor = x + self.inner(self.inner_norm(x))
        return y


class CausalTransformer(nn.Module):
    """Sequences [n, length, width] -> [n, length, width]; each token sees itself and those before.

    `step` gives the same token by token, in time proportional to the tokens so far instead of their square.

    Examples:
        >>> net = CausalTransformer(8, heads=2, blocks=1)
        >>> x = torch.randn(3, 5, 8)
        >>> cache = net.new_cache(3)
        >>> one_by_one = torch.stack([net.step(token, cache) for token in x.unbind(1)], dim=1)
        >>> torch.allclose(net(x), one_by_one, atol=1e-5)
        True
    """

    def __init__(self, width: int, heads: int = 4, blocks: int = 2, expansion: int = 4) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"the width {width} is no multiple of {heads} heads")
        self.width, self.heads = width, heads
        self.blocks = nn.ModuleList(CausalBlock(width, heads, expansion) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.norm(x)
        return y

    def new_cache(self, n: int) -> Cache:
        """An empty cache for n sequences."""
        return Cache(len(self.blocks), n, self.heads, self.width // self.heads, self.norm.weight)

    def step(self, x: Tensor, cache: Cache) -> Tensor:
        """The output for the next token [n, width] of each sequence, which the cache remembers."""
        cache.reserve()
        x = x[:, None]
        for number, block in enumerate(self.blocks):
            x = block.step(x, cache, number)  # type: ignore[operator]
        cache.length += 1
        y: Tensor = self.norm(x[:, 0])
        return y
