"""Surrogates as graphs: every family's, parity with torch, and Geant4's contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from scipy import special as scipy_special

from facsim.cli.main import run
from facsim.core import Events, FacsimError, PolarLayers, RegularGrid, Variable
from facsim.export import CONTRACTS, Parity, export, parity
from facsim.export.par04 import MAX_ENERGY, Par04Inputs, macro, mesh_of
from facsim.export.special import complementary_error, normal_quantile
from facsim.models import MODELS
from facsim.studies.workflow import Plan, untrained
from facsim.surrogate import Surrogate, load_bundle, zoo_folder
from facsim.training import Settings

SMALL: dict[str, dict[str, Any]] = {  # graphs of flows are long
    "flow": {"transforms": 1, "hidden": (8,)},
    "two-stage": {"transforms": 1, "hidden": (8,)},
    "flow-matching": {"steps": 2},
    "points": {"steps": 2},
}
LAYERED = ("unrolled-wgan", "unrolled-lagan")  # families that need layers
SHAPE = (4, 4)


def toy_events(n: int = 200, layers: tuple[int, ...] = ()) -> Events:
    """Sparse 4 x 4 images, in so many layers, with an energy, a place, and a particle code."""
    rng = np.random.default_rng(0)
    energy, x, code = rng.uniform(1e3, 1e4, n), rng.uniform(-5, 5, n), rng.choice([11.0, 22.0], n)
    cells = (*layers, *SHAPE)
    response = energy.reshape(n, *[1] * len(cells)) / 60 * rng.gamma(0.5, 2.0, (n, *cells)) * (rng.random((n, *cells)) < 0.6)
    variables = (Variable("energy", "MeV"), Variable("x", "mm"), Variable("pdg", "1", choices=(11.0, 22.0)))
    return Events(np.stack([energy, x, code], axis=1), response, RegularGrid(cells, (10.0,) * len(cells)), variables)


def polar_events(n: int = 100) -> Events:
    """Showers in 3 layers of 4 angles and 2 rings, no two cells alike, with an energy and an angle."""
    rng = np.random.default_rng(1)
    detector = PolarLayers.uniform(layers=3, angles=4, edges=[0.0, 5.0, 10.0], depth=3.4)
    response = 0.5 * np.arange(1, 25).reshape(detector.shape) * rng.uniform(0.5, 1.5, (n, *detector.shape))
    condition = np.stack([rng.uniform(1e3, 1e5, n), rng.uniform(0.9, 1.57, n)], axis=1)
    return Events(condition, response, detector, (Variable("energy", "MeV"), Variable("theta", "rad")))


def surrogate_of(name: str, events: Events, **settings: Any) -> Surrogate:
    torch.manual_seed(0)
    surrogate = untrained(events, Plan(model=name, settings=settings, training=Settings(epochs=1)), {})
    return replace(surrogate, model=surrogate.model.eval())


@pytest.mark.parametrize("name", MODELS)
def test_every_family_is_exported_or_says_why_not(name: str, tmp_path: Path) -> None:
    events = toy_events(layers=(2,) if name in LAYERED else ())
    surrogate, path = surrogate_of(name, events, **SMALL.get(name, {})), tmp_path / "m.onnx"
    if MODELS[name].onnx:
        with pytest.raises(FacsimError, match=MODELS[name].onnx[:20]):
            export(surrogate, path)
        assert not path.exists()
        return
    assert export(surrogate, path).difference <= 1e-4
    model = onnx.load(path)
    assert [i.name for i in model.graph.input] == ["condition", "noise"]
    assert [o.name for o in model.graph.output] == ["response"]
    assert model.opset_import[0].version >= 17
    assert {p.key for p in model.metadata_props} >= {"variables", "detector", "noise", "contract"}


def test_the_graph_takes_any_number_of_events_in_physical_units(tmp_path: Path) -> None:
    surrogate, path = surrogate_of("gan", toy_events(), last="softplus"), tmp_path / "m.onnx"
    export(surrogate, path)
    session = onnxruntime.InferenceSession(path)
    condition = np.tile(np.array([5e3, 1.0, 22.0], dtype=np.float32), (5, 1))
    noise = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    expected = surrogate.respond(torch.from_numpy(condition), torch.from_numpy(noise)).detach().numpy()
    for part in (slice(5), slice(1), slice(2, 4)):
        [response] = session.run(None, {"condition": condition[part], "noise": noise[part]})
        assert response.shape == (len(condition[part]), *SHAPE)
        np.testing.assert_allclose(response, expected[part], rtol=1e-4, atol=1e-4 * expected.max())


def test_a_graph_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the weights change between the writing and the check."""
    surrogate, path = surrogate_of("gan", toy_events()), tmp_path / "m.onnx"
    path.write_bytes(b"older")

    def disturbed(content: bytes, contract: Any) -> Parity:
        with torch.no_grad():
            next(iter(contract.surrogate.model.generator.parameters())).mul_(1.01)
        return parity(content, contract)

    monkeypatch.setattr("facsim.export.file.parity", disturbed)
    with pytest.raises(FacsimError, match="differs from the network"):
        export(surrogate, path)
    assert path.read_bytes() == b"older"


def test_parity_sees_one_wrong_cell_and_a_nan() -> None:
    truth = np.ones((10, 4))
    wrong = truth.copy()
    wrong[3, 2] = 1.001
    assert Parity.of(truth, truth).met
    assert not Parity.of(truth, wrong).met
    wrong[3, 2] = np.nan
    assert not Parity.of(truth, wrong).met
    wrong[3, 2] = 0.0
    assert Parity.of(truth, wrong) == Parity(0.0, 1 / 40, 10)
    assert not Parity.of(truth, wrong).met


def test_normal_functions_against_scipy_also_in_the_tails() -> None:
    x = torch.linspace(-4, 9, 5001)
    np.testing.assert_allclose(complementary_error(x).numpy(), scipy_special.erfc(x.double().numpy()), rtol=2e-5)
    np.testing.assert_allclose(complementary_error(x.double()).numpy(), scipy_special.erfc(x.double().numpy()), rtol=1e-7)
    p = torch.cat([torch.logspace(-36, -1, 2000), torch.linspace(0.1, 0.999999, 2000)])
    np.testing.assert_allclose(normal_quantile(p).numpy(), scipy_special.ndtri(p.double().numpy()), atol=5e-6)


def test_rarely_hit_cells_keep_parity(tmp_path: Path) -> None:
    """Cells hit once in 10,000 events live in the tail of the normal distribution, where a plain error function has no digit left."""
    rng = np.random.default_rng(2)
    response = rng.gamma(2.0, 50.0, (10_000, *SHAPE)) * (rng.random((10_000, *SHAPE)) < np.geomspace(1e-3, 0.9, 16).reshape(SHAPE))
    events = Events(np.full((10_000, 1), 1e3), response, RegularGrid(SHAPE, (10.0, 10.0)), (Variable("energy", "MeV"),))
    surrogate = surrogate_of("vae", events)
    with torch.no_grad():
        surrogate.model.spread.fill_(0.1)  # a spread of e, so that rare cells are hit
    assert export(surrogate, tmp_path / "m.onnx").difference <= 1e-4


def par04_surrogate() -> Surrogate:
    return surrogate_of("gan", polar_events(), last="softplus", latent=41)


def test_par04_order_scaling_and_batch_of_one(tmp_path: Path) -> None:
    surrogate, path = par04_surrogate(), tmp_path / "par.onnx"
    export(surrogate, path, "par04")
    session = onnxruntime.InferenceSession(path)
    [row] = session.get_inputs()
    latent = 41
    assert (row.type, row.shape[1]) == ("tensor(float)", latent + 4)
    noise = torch.randn(1, latent, generator=torch.Generator().manual_seed(3))
    energy, degrees = 64_000.0, 70.0
    sent = np.concatenate([noise[0].numpy(), [energy / 1_024_000, degrees / 90, 0, 1]]).astype(np.float32)
    [cells] = session.run(None, {row.name: sent[None]})
    expected = surrogate.respond(torch.tensor([[energy, np.radians(degrees)]], dtype=torch.float32), noise).detach().numpy()[0]
    assert expected.shape == (3, 4, 2)
    slow = [expected[z, phi, r] for r in range(2) for phi in range(4) for z in range(3)]
    np.testing.assert_allclose(cells.reshape(-1) * energy, slow, rtol=1e-3, atol=1e-4 * max(slow))
    assert "setModelPathName par.onnx" in path.with_suffix(".mac").read_text()
    transposed = expected.reshape(-1)
    assert np.abs(cells.reshape(-1) * energy - transposed).max() > 0.05 * max(slow)


def test_par04_macro_tells_mesh_and_sizes() -> None:
    contract = CONTRACTS["par04"](par04_surrogate())
    lines = macro("par.onnx", contract.coding).splitlines()
    for line in ("setSizeOfRhoCells 5 mm", "setSizeOfZCells 3.4 mm", "setNbOfRhoCells 2", "setNbOfPhiCells 4", "setNbOfZCells 3"):
        assert f"/Par04/mesh/{line}" in lines
        assert f"/Par04/inference/{line}" in lines
    assert "/Par04/inference/setSizeLatentVector 41" in lines
    assert "/Par04/inference/setSizeConditionVector 4" in lines
    assert "/Par04/inference/setModelPathName par.onnx" in lines
    assert lines.index("/run/initialize") < lines.index("/run/beamOn 100")


def test_par04_conditions_go_there_and_back() -> None:
    variables = (Variable("angle", "mrad"), Variable("energy", "GeV", 1, 100), Variable("x", "mm", 2.0, 2.0))
    coding = Par04Inputs(PolarLayers.uniform(layers=2, angles=4, edges=[0.0, 1.0]), variables, torch.zeros(1, 2, 3))
    condition, noise = torch.tensor([[1000.0, 50.0, 2.0]]), torch.arange(6.0).reshape(1, 2, 3)
    rows = coding.encode(condition, noise)
    assert rows[0, 6:].tolist() == pytest.approx([50_000 / MAX_ENERGY, np.degrees(1.0) / 90, 0, 1])
    back, noise_back, energy = coding.decode(rows)
    torch.testing.assert_close(back, condition)
    assert torch.equal(noise_back, noise)
    assert energy.item() == pytest.approx(50_000)


@pytest.mark.parametrize(
    ("detector", "variables", "message"),
    [
        (RegularGrid((4, 4), (1.0, 1.0)), (Variable("energy", "MeV"),), "cylindrical"),
        (PolarLayers.uniform(layers=2, angles=4, edges=[0.0, 1.0, 3.0]), (Variable("energy", "MeV"),), "regular mesh"),
        (PolarLayers.uniform(layers=2, angles=4, edges=[0.0, 1.0]), (Variable("energy", "MeV"), Variable("x", "mm")), "sends no x"),
        (PolarLayers.uniform(layers=2, angles=4, edges=[0.0, 1.0]), (Variable("theta", "rad"),), "incident energy"),
    ],
)
def test_par04_refuses_what_it_cannot_send(detector: Any, variables: tuple[Variable, ...], message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        Par04Inputs(detector, variables, torch.zeros(1, 4))


def test_mesh_of_the_sampling_calorimeter_is_that_of_the_challenge() -> None:
    mesh = mesh_of(PolarLayers.uniform(layers=45, angles=16, edges=[4.65 * i for i in range(10)], depth=3.4))
    assert mesh == pytest.approx((9, 16, 45, 4.65, 3.4))


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "zoo:electron-gun-vae", "--out", str(tmp_path / "m.onnx")]) == 0
    assert "largest relative difference" in capsys.readouterr().err
    assert run(["export", "zoo:electron-gun-vae", "--out", str(tmp_path / "p.onnx"), "--contract", "par04"]) == 1
    assert "cylindrical mesh" in capsys.readouterr().err
    assert not (tmp_path / "p.onnx").exists()
    assert run(["export", "zoo:electron-gun-vae", "--out", str(tmp_path / "p.onnx"), "--contract", "par4"]) == 1
    assert "did you mean 'par04'" in capsys.readouterr().err


def test_contracts_share_one_chain() -> None:
    surrogate = load_bundle(zoo_folder("electron-gun-vae"))
    assert sorted(CONTRACTS) == ["par04", "plain"]
    assert sum(p.numel() for p in CONTRACTS["plain"](surrogate).parameters()) == sum(p.numel() for p in surrogate.model.parameters())
