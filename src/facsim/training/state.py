"""Nested state as flat tensors and one JSON text, and back: what a checkpoint needs and pickle would do with code in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from facsim.core import FacsimError

SCALARS = (type(None), bool, int, float, str)
SEQUENCES: dict[str, type[list[Any]] | type[tuple[Any, ...]]] = {"list": list, "tuple": tuple}


def pack(tree: object) -> tuple[dict[str, Tensor], str]:
    """A nest of dicts, lists, tuples, numbers, texts and tensors as named tensors (copies on the cpu) and JSON that says where they belong.

    Raises:
        FacsimError: if the nest holds anything else.

    Examples:
        >>> tensors, text = pack({"step": 3, 0: (torch.ones(2), None)})
        >>> list(tensors), text
        (['0/0/0'], '{"dict": [["step", 3], [0, {"tuple": [{"tensor": "0/0/0"}, null]}]]}')
        >>> unpack(tensors, text)
        {'step': 3, 0: (tensor([1., 1.]), None)}
    """
    tensors: dict[str, Tensor] = {}
    return tensors, json.dumps(_describe(tree, "", tensors))


def unpack(tensors: Mapping[str, Tensor], text: str) -> Any:
    """The nest that `pack` took apart."""
    return _build(json.loads(text), tensors)


def digest(tensors: Mapping[str, Tensor], text: str = "") -> str:
    """A SHA-256 of named tensors and a text.

    Examples:
        >>> digest({"a": torch.zeros(2)}) == digest({"a": torch.zeros(2)}), digest({"a": torch.zeros(2)}) == digest({"a": torch.zeros(1, 2)})
        (True, False)
    """
    total = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _describe(node: object, path: str, tensors: dict[str, Tensor]) -> Any:
    """The JSON form of a node; its tensors are added to `tensors`, each under its number and path."""
    if type(node) in SCALARS:
        return node
    if isinstance(node, Tensor):
        name = f"{len(tensors)}{path}"
        tensors[name] = node.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(node, Mapping):
        return {"dict": [[key, _describe(value, f"{path}/{key}", tensors)] for key, value in node.items()]}
    for name, kind in SEQUENCES.items():
        if type(node) is kind:
            return {name: [_describe(value, f"{path}/{i}", tensors) for i, value in enumerate(node)]}
    raise FacsimError(f"state at {path or '/'} cannot be saved", expected="dict, list, tuple, tensor, number or text", got=type(node).__name__)


def _build(node: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The node that `_describe` described."""
    if not isinstance(node, dict):
        return node
    [(kind, content)] = node.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _build(value, tensors) for key, value in content}
    return SEQUENCES[kind](_build(value, tensors) for value in content)
