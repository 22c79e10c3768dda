"""Who may import whom: the table of the design, enforced."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "facsim"
PACKAGES = {
    "core": set(),
    "nets": set(),
    "simulators": {"core"},
    "data": {"core"},
    "transforms": {"core"},
    "objectives": {"core"},
    "models": {"core", "nets", "objectives"},
    "training": {"core"},
    "surrogate": {"core", "transforms", "models"},
    "evaluation": {"core"},
    "report": {"core", "evaluation"},
    "export": {"core", "surrogate"},
    "production": {"core", "surrogate", "data"},
}
ALL = {*PACKAGES, "studies", "cli"}
ALLOWED = {**PACKAGES, "studies": ALL - {"cli"}, "cli": ALL}
ONLY_IN = {
    "h5py": {"data", "surrogate", "production"},
    "matplotlib": {"report"},
    "mplhep": {"report"},
    "onnx": {"export"},
    "onnxruntime": {"export"},
    "dask": {"production"},
    "distributed": {"production"},
    "cyclopts": {"cli"},
    "rich": {"cli"},
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_follow_the_table(path: Path) -> None:
    package = path.relative_to(SOURCE).parts[0]
    for module in imports(path):
        root, *rest = module.split(".")
        if root in ONLY_IN:
            assert package in ONLY_IN[root], f"{root} belongs to {ONLY_IN[root]}"
        if root == "facsim" and rest and package in ALLOWED:
            assert rest[0] in ALLOWED[package] | {package}, f"{package} may not import {rest[0]}"


def test_every_folder_is_in_the_table() -> None:
    assert {p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"} <= ALL
