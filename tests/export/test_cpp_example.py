"""The C++ example: compiled where a compiler and onnxruntime's header are at hand, and compared with torch."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from facsim.export import export
from facsim.surrogate import load_bundle, zoo_folder

EXAMPLE = Path(__file__).parents[2] / "examples" / "cpp"
HEADER = "onnxruntime_c_api.h"
FOLDERS = (os.environ.get("ONNXRUNTIME_INCLUDE"), f"{os.environ.get('ONNXRUNTIME_ROOT')}/include", "/usr/include/onnxruntime", "/usr/local/include")


@pytest.fixture(scope="module")
def shower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's program, linked to the library of the Python package."""
    include = next((folder for folder in FOLDERS if folder and (Path(folder) / HEADER).is_file()), None)
    libraries = sorted((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"))
    if include is None or not libraries or not shutil.which("cmake") or not shutil.which("c++"):
        pytest.skip(f"needs cmake, a C++ compiler, and {HEADER} in the folder that ONNXRUNTIME_INCLUDE names (the Python package has no headers)")
    folder = tmp_path_factory.mktemp("cpp")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (folder / name).symlink_to(libraries[0])
    library = f"-DONNXRUNTIME_LIBRARY={folder / 'libonnxruntime.so'}"
    subprocess.run(["cmake", "-S", EXAMPLE, "-B", folder / "build", f"-DONNXRUNTIME_INCLUDE={include}", library], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", folder / "build"], check=True, capture_output=True)
    return folder / "build" / "shower"


def run(shower: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    paths = {**os.environ, "LD_LIBRARY_PATH": str(shower.parents[1])}
    return subprocess.run([str(shower), *map(str, arguments)], capture_output=True, text=True, env=paths, check=False)


def test_the_same_shower_as_torch(shower: Path, tmp_path: Path) -> None:
    surrogate = load_bundle(zoo_folder("electron-gun-vae"))
    export(surrogate, tmp_path / "m.onnx")
    noise = surrogate.model.draw_noise(1, torch.Generator().manual_seed(4))
    noise.numpy().astype(np.float32).tofile(tmp_path / "noise.f32")
    done = run(shower, tmp_path / "m.onnx", 800, "--noise", tmp_path / "noise.f32")
    expected = surrogate.respond(torch.tensor([[800.0]]), noise).sum().item()
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[:-2] for line in lines] == [["layer", "0"], ["total"]]
    assert float(lines[1][1]) == pytest.approx(expected, rel=1e-5)
    seeds = [run(shower, tmp_path / "m.onnx", 800, "--seed", seed).stdout for seed in (1, 1, 2)]
    assert seeds[0] == seeds[1] != seeds[2]
    wrong = run(shower, tmp_path / "m.onnx")
    assert (wrong.returncode, wrong.stderr) == (1, "shower: expected 1 numbers, got 0\n")
