"""A surrogate is a simulator; its bundle restores it, and refuses what is not its own."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facsim.core import Events, FacsimError, RegularGrid, Variable, stream
from facsim.models import build
from facsim.surrogate import BLOCK, Surrogate, bench, blocks, load_bundle, save_bundle
from facsim.transforms import Chain, encoding

GRID = RegularGrid((4, 6), (5.0, 5.0))
VARIABLES = (Variable("energy", "MeV", 1e3, 1e5), Variable("x", "mm", -5.0, 5.0))
RECIPE = (("EnergyFractions", {}), ("Gaussianise", {"knots": 8}))


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    rng = stream(0, "toy")
    condition = np.stack([np.exp(rng.uniform(np.log(1e3), np.log(1e5), 300)), rng.uniform(-5, 5, 300)], axis=1).astype(np.float32)
    response = (rng.exponential(1.0, (300, *GRID.shape)) * condition[:, :1, None] / 50).astype(np.float32)
    x, raw = torch.tensor(response), torch.tensor(condition)
    chain, encode = Chain(GRID.shape, RECIPE), Chain((2,), [("Encode", {"columns": encoding(VARIABLES)})])
    chain.fit(x, raw)
    torch.manual_seed(0)
    model = build("vae", 2, chain.shape, latent=2, hidden=[8])
    about = {"model": {"name": "vae", "settings": {"latent": 2, "hidden": [8]}}, "training": {"seed": 0}}
    return Surrogate(model.eval(), encode, chain, GRID, VARIABLES, condition, about)


def test_simulates_events_of_its_detector(surrogate: Surrogate) -> None:
    condition = surrogate.draw_condition(2500, stream(0, "c"))
    events = surrogate.simulate(condition, stream(0, "s"))
    assert isinstance(events, Events)
    assert events.response.shape == (2500, 4, 6)
    assert np.array_equal(events.condition, condition)


def test_same_seed_same_events(surrogate: Surrogate) -> None:
    first, again, other = (next(iter(blocks(surrogate, 50, seed))) for seed in (1, 1, 2))
    assert first == again
    assert not np.array_equal(first.response, other.response)


def test_a_block_depends_on_the_seed_and_its_number_alone(surrogate: Surrogate) -> None:
    longer, shorter = list(blocks(surrogate, 2 * BLOCK + 500, 3)), list(blocks(surrogate, BLOCK + 700, 3))
    assert longer[0] == shorter[0]
    assert np.array_equal(longer[1].condition[:700], shorter[1].condition)
    assert [len(b) for b in longer] == [BLOCK, BLOCK, 500]


def test_energy_scales_the_response(surrogate: Surrogate) -> None:
    """A condition in the wrong column would be seen here."""
    low, high = (surrogate.simulate(np.array([[e, 0.0]] * 200), stream(0, "s")).cells.sum(1).mean() for e in (2e3, 8e4))
    assert high > 20 * low


@pytest.mark.parametrize("condition", [[[500.0, 0.0]], [[2e3, 6.0]], [[0.0, 2e3]]])
def test_outside_the_range_only_when_told(surrogate: Surrogate, condition: list[list[float]]) -> None:
    with pytest.raises(FacsimError, match="outside its range"):
        surrogate.simulate(np.array(condition), stream(0, "s"))


def test_extrapolated_events_are_flagged(surrogate: Surrogate) -> None:
    events = surrogate.simulate(np.array([[2e3, 0.0], [2e5, 0.0]]), stream(0, "s"), extrapolate=True)
    assert events.extrapolated.tolist() == [False, True]


def test_wrong_shape_is_refused(surrogate: Surrogate) -> None:
    with pytest.raises(FacsimError, match=r"expected \[n, 2\] \(energy, x\)"):
        surrogate.simulate(np.ones((3, 1)), stream(0, "s"))


def test_bundle_round_trip(surrogate: Surrogate, tmp_path: Path) -> None:
    save_bundle(surrogate, tmp_path / "b")
    loaded = load_bundle(tmp_path / "b")
    assert next(iter(blocks(loaded, 100, 5))) == next(iter(blocks(surrogate, 100, 5)))
    assert loaded.about == surrogate.about
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b"]
    assert {p.name for p in (tmp_path / "b").iterdir()} == {"manifest.json", "weights.safetensors", "card.yaml"}


def test_weights_in_half_precision(surrogate: Surrogate, tmp_path: Path) -> None:
    """Half the bytes; the events are the same to rounding, and the network computes in single precision as before."""
    for half in (False, True):
        save_bundle(surrogate, tmp_path / str(half), half=half)
    whole, rounded = ((tmp_path / str(half) / "weights.safetensors").stat().st_size for half in (False, True))
    loaded = load_bundle(tmp_path / "True")
    weights = sum(p.numel() for name, p in surrogate.model.named_parameters() if name.endswith(".weight") and p.ndim > 1)
    assert whole - rounded == pytest.approx(2 * weights, abs=64)  # two bytes each, and what the header is shorter
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    again, before = (s.simulate(s.prior[:50], stream(1, "half")).response for s in (loaded, surrogate))
    assert 0 < np.abs(again - before).max() < 0.02 * before.max()


def test_weights_too_large_for_half_precision_stay(surrogate: Surrogate, tmp_path: Path) -> None:
    model = deepcopy(surrogate.model)
    first = next(p for name, p in model.named_parameters() if name.endswith(".weight") and p.ndim > 1)
    first.data[0, 0] = 1e6
    save_bundle(replace(surrogate, model=model), tmp_path / "b", half=True)
    found = dict(load_bundle(tmp_path / "b").model.named_parameters())
    assert max(float(p.detach().max()) for p in found.values()) == 1e6


def test_saving_again_replaces_the_bundle(surrogate: Surrogate, tmp_path: Path) -> None:
    for _ in range(2):
        save_bundle(surrogate, tmp_path / "b")
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_a_wrong_hash_is_refused(surrogate: Surrogate, tmp_path: Path) -> None:
    save_bundle(surrogate, tmp_path / "b")
    weights = tmp_path / "b" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(FacsimError, match="not those of its manifest"):
        load_bundle(tmp_path / "b")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "other", "cannot read the bundle"),
        ("version", 99, "update facsim"),
        ("response_shape", [7], "does not fit its weights"),
        ("model", {"name": "vea", "settings": {}}, "did you mean 'vae'"),
    ],
)
def test_a_changed_manifest_is_refused(surrogate: Surrogate, tmp_path: Path, key: str, value: object, message: str) -> None:
    save_bundle(surrogate, tmp_path / "b")
    manifest = tmp_path / "b" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), key: value}))
    with pytest.raises(FacsimError, match=message):
        load_bundle(tmp_path / "b")


def test_no_bundle_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match="is no surrogate"):
        load_bundle(tmp_path / "nowhere")


def test_a_failed_write_leaves_the_old_bundle(surrogate: Surrogate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_bundle(surrogate, tmp_path / "b")
    before = (tmp_path / "b" / "manifest.json").read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("facsim.core.atomic.os.fsync", full)
    with pytest.raises(FacsimError, match="No space left"):
        save_bundle(surrogate, tmp_path / "b")
    assert [p.name for p in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b" / "manifest.json").read_text() == before


def test_bench_tells_each_setting_and_restores_threads(surrogate: Surrogate) -> None:
    before = torch.get_num_threads()
    timings = bench(surrogate, [1, 10], [1], repeats=2, seconds=0.01)
    assert [(t.batch, t.threads) for t in timings] == [(1, 1), (10, 1)]
    assert all(t.slowest <= t.median <= t.fastest for t in timings)
    assert torch.get_num_threads() == before
