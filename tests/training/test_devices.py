"""Two processes that share each batch train as one with the whole batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facsim.cli.main import run
from facsim.core import Events, FacsimError, RegularGrid, Variable
from facsim.core.contracts import Batch
from facsim.data import write
from facsim.training import read_history
from facsim.training.world import World

FLOW = """
model: flow
transforms: 1
hidden: [8]
likelihood: normal
response: [[Log, {}], [Standardise, {}]]
schedule: constant
"""
GAN = """
model: gan-dp
hidden: [16]
latent: 4
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    energy = rng.uniform(1e3, 1e4, 800)
    response = energy[:, None, None] / 60 * rng.gamma(2.0, 0.5, (800, 3, 3))
    path = tmp_path_factory.mktemp("data") / "d.h5"
    write(Events(energy[:, None], response, RegularGrid((3, 3), (10.0, 10.0)), (Variable("energy", "MeV"),)), path)
    return path


def arguments(data: Path, card: str, out: Path, *options: str) -> list[str]:
    path = out.with_suffix(".yaml")
    path.write_text(card)
    return ["fit", str(data), "--card", str(path), "--out", str(out), *options]


def alone(data: Path, card: str, out: Path, *options: str) -> dict[str, list[float]]:
    """The history of one process with batches of 64."""
    assert run([*arguments(data, card, out, *options), "--set", "batch_size=64"]) == 0
    return read_history(out / "training")


def together(data: Path, card: str, out: Path, *options: str) -> dict[str, list[float]]:
    """The history of two processes with batches of 32 each."""
    command = [sys.executable, "-m", "facsim", *arguments(data, card, out, *options), "--devices", "2", "--set", "batch_size=32"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return read_history(out / "training")


def test_a_flow_follows_the_same_curve_to_the_last_digits_also_after_a_resume(data: Path, tmp_path: Path) -> None:
    """Its loss draws no random number, so that only rounding is left."""
    one = alone(data, FLOW, tmp_path / "one", "--epochs", "3")
    together(data, FLOW, tmp_path / "two", "--epochs", "1")
    two = together(data, FLOW, tmp_path / "two", "--epochs", "3", "--resume")
    np.testing.assert_allclose(two["likelihood/nll"], one["likelihood/nll"], rtol=1e-5)
    np.testing.assert_allclose(two["likelihood/gradient"], one["likelihood/gradient"], rtol=1e-4)
    assert two["step"] == one["step"]
    assert one["likelihood/nll"][-1] < one["likelihood/nll"][0] - 0.1


def test_a_gan_follows_the_same_curve_within_noise(data: Path, tmp_path: Path) -> None:
    """The noise is how far fits with other seeds are apart."""
    names = ("critic/non-saturating", "generator/fool")
    ones = [alone(data, GAN, tmp_path / f"one{seed}", "--epochs", "4", "--seed", str(seed)) for seed in range(4)]
    two = together(data, GAN, tmp_path / "two", "--epochs", "4", "--seed", "0")
    for name in names:
        curves = np.array([one[name] for one in ones])
        noise = np.abs(curves[1:] - curves[0]).max()
        assert np.abs(np.array(two[name]) - curves[0]).max() <= noise
    weights = [(tmp_path / name / "bundle" / "weights.safetensors").read_bytes() for name in ("one0", "two")]
    assert weights[0] != weights[1]


def test_parts_of_a_batch_are_disjoint_and_complete() -> None:
    batch = Batch(torch.arange(7.0)[:, None], torch.arange(7.0), torch.ones(7))
    worlds = [World(SimpleNamespace(world_size=3, global_rank=rank)) for rank in range(3)]  # type: ignore[arg-type]
    assert torch.cat([world.share(batch).response for world in worlds]).tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(FacsimError, match="cannot be shared"):
        worlds[0].share(Batch(*(t[:2] for t in batch)))
