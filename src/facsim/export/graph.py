"""A torch module as an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from facsim.core import FacsimError
from facsim.export.special import replacements

OPSET = 18
INSTALL = "install the extra: pip install 'facsim[onnx]'"


def to_onnx(module: nn.Module, inputs: dict[str, Tensor], output: str, metadata: dict[str, str]) -> bytes:
    """The module as the bytes of an ONNX file; `inputs` are examples, by name, whose first axis is that of the events, of any number.

    Raises:
        FacsimError: if onnx is not installed, or the module does what no graph can hold.
    """
    batch = torch.export.Dim("batch", min=1)
    free = {name: {0: batch} for name in inputs}
    examples = tuple(inputs.values())
    try:
        with _quiet(), torch.no_grad():
            traced = fold_constants(_module(torch.export.export(module, examples, dynamic_shapes=free)))
            program = torch.export.export(traced, examples, dynamic_shapes=free).run_decompositions(replacements())
            return _serialised(program, list(inputs), output, metadata)
    except ImportError as error:
        raise FacsimError("cannot export without onnx and onnxscript", got=error, remedy=INSTALL) from error
    except (RuntimeError, torch.onnx.OnnxExporterError) as error:
        raise FacsimError("the model cannot be written as a graph", got=str(error).splitlines()[0]) from error


def fold_constants(module: GraphModule) -> GraphModule:
    """Replace what depends on weights alone by its value, computed by torch."""
    values: dict[Node, Any] = {}
    for node in module.graph.nodes:
        if node.op == "get_attr":
            values[node] = attrgetter(node.target)(module)
        elif node.op == "call_function" and node.all_input_nodes and all(n in values for n in node.all_input_nodes):
            values[node] = node.target(*map_arg(node.args, values.get), **map_arg(node.kwargs, values.get))
    for number, node in enumerate(list(values)):
        if node.op == "call_function" and isinstance(values[node], Tensor) and any(user not in values for user in node.users):
            _replace(module, node, f"folded_{number}", values[node])
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def _replace(module: GraphModule, node: Node, name: str, value: Tensor) -> None:
    module.register_buffer(name, value.detach())
    with module.graph.inserting_before(node):
        node.replace_all_uses_with(module.graph.get_attr(name))


def _module(program: Any) -> GraphModule:
    module: GraphModule = program.module()
    return module


def _serialised(program: Any, names: Sequence[str], output: str, metadata: dict[str, str]) -> bytes:
    import onnx

    options: dict[str, Any] = {"dynamo": True, "opset_version": OPSET, "verbose": False}
    written = torch.onnx.export(program, (), input_names=names, output_names=[output], **options)
    if written is None:
        raise FacsimError("the model cannot be written as a graph", got="nothing from torch.onnx")
    model = written.model_proto
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on libraries that are not there and attributes that are empty."""
    logs = [logging.getLogger(name) for name in ("torch", "onnx_ir", "onnxscript")]
    before = [log.level for log in logs]
    try:
        for log in logs:
            log.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)
