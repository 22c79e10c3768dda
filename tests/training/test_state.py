"""Nested state to a file and back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facsim.core import FacsimError
from facsim.training import checkpoint
from facsim.training.checkpoint import NAME, read_checkpoint, write_checkpoint
from facsim.training.state import pack, unpack

tensors = st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.uint8, torch.int64, torch.bool]).flatmap(
    lambda kind: st.sampled_from([(), (0,), (3,), (2, 2)]).map(lambda shape: torch.randint(0, 2, shape).to(kind))
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"))
trees = st.recursive(
    scalars | tensors,
    lambda node: st.lists(node) | st.lists(node).map(tuple) | st.dictionaries(st.text(st.characters(codec="utf-8")) | st.integers(), node),
    max_leaves=12,
)


def alike(a: Any, b: Any) -> bool:
    """Same types, same values, NaN equal to NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


@given(trees)
def test_what_is_packed_comes_back(tree: Any) -> None:
    assert alike(unpack(*pack(tree)), tree)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), trees, max_size=4))
def test_what_is_written_comes_back(tmp_path_factory: Any, tree: Any) -> None:
    folder = tmp_path_factory.mktemp("state")
    write_checkpoint(folder, tree)
    assert alike(read_checkpoint(folder), tree)


def test_a_packed_tensor_is_a_copy() -> None:
    tensor = torch.zeros(2)
    packed, text = pack({"a": tensor, "b": tensor})
    tensor += 1
    assert unpack(packed, text)["a"].tolist() == [0, 0]


@pytest.mark.parametrize("thing", [object(), {1, 2}, 1j, lambda: None])
def test_nothing_else_is_packed(thing: object) -> None:
    with pytest.raises(FacsimError, match="state at /a/0 cannot be saved"):
        pack({"a": [thing]})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path, {"weights": torch.arange(100.0), "step": 7})
    return tmp_path


@pytest.mark.parametrize("kept", [0, 4, 8, 50, 0.5, 0.99, -1])
def test_a_truncated_file_is_told(written: Path, kept: float) -> None:
    path = written / NAME
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if 0 < kept < 1 else int(kept)])
    with pytest.raises(FacsimError, match=r"cannot read .*; start the fit anew") as caught:
        read_checkpoint(written)
    assert "\n" not in str(caught.value)


def test_every_flipped_bit_is_found(written: Path) -> None:
    path = written / NAME
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(FacsimError):
            read_checkpoint(written)


def test_another_safetensors_file_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(checkpoint.save({"a": torch.zeros(1)}))
    with pytest.raises(FacsimError, match="no checkpoint of this version"):
        read_checkpoint(tmp_path)
