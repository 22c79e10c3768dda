"""Round trips, exact values and refusals of every transform."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch import Tensor

from facsim.core import FacsimError, Variable
from facsim.core.contracts import Transform
from facsim.transforms import TRANSFORMS, Calibrate, Chain, encoding

SHAPE = (2, 4, 4)
RECIPES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "Scale": [("Scale", {})],
    "fixed scale": [("Scale", {"by": 6120.0})],
    "Calibrate": [("Calibrate", {})],
    "Log": [("Log", {"offset": 0.1})],
    "Asinh": [("Asinh", {"scale": 0.1})],
    "Standardise": [("Standardise", {})],
    "EnergyFractions": [("EnergyFractions", {})],
    "LayerFractions": [("LayerFractions", {"layer_sizes": [16, 16]})],
    "Gaussianise": [("Gaussianise", {"knots": 16})],
    "shares, gaussianised": [("EnergyFractions", {}), ("Gaussianise", {"knots": 16})],
    "shares, logit, standardised": [
        ("LayerFractions", {"layer_sizes": [16, 16]}),
        ("Scale", {"by": 4.0}),
        ("Logit", {"margin": 1e-4}),
        ("Standardise", {}),
    ],
}
ENERGIES = st.one_of(st.just(0.0), st.floats(0.0625, 1024.0, width=32))


def showers(n: int = 200, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Sparse toy showers [n, 2, 4, 4] in MeV, every cell hit at least once, and their energies [n, 1]."""
    rng = np.random.default_rng(seed)
    cells = rng.exponential(20.0, (n, *SHAPE)) * (rng.random((n, *SHAPE)) < 0.3)
    cells[0] = 1.0
    return torch.tensor(cells, dtype=torch.float32), torch.full((n, 1), 1000.0)


def fitted(recipe: list[tuple[str, dict[str, Any]]]) -> Chain:
    chain = Chain(SHAPE, recipe)
    chain.fit(*showers())
    return chain


@pytest.mark.parametrize("name", RECIPES)
def test_round_trip_of_training_events(name: str) -> None:
    chain, (x, energy) = fitted(RECIPES[name]), showers()
    y = chain(x, energy)
    assert y.shape[1:] == chain.shape
    assert torch.isfinite(y).all()
    torch.testing.assert_close(chain.inverse(y, energy), x, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", [n for n in RECIPES if "aussian" not in n])
@settings(max_examples=30, deadline=None)
@given(cells=npst.arrays(np.float32, (3, *SHAPE), elements=ENERGIES), energy=st.floats(16384.0, 1048576.0, width=32))
def test_round_trip_of_any_events(name: str, cells: np.ndarray, energy: float) -> None:
    chain, x = fitted(RECIPES[name]), torch.tensor(cells)
    condition = torch.full((3, 1), energy)
    back = chain.inverse(chain(x, condition), condition)
    torch.testing.assert_close(back, x, rtol=5e-3, atol=5e-3 * max(1.0, float(x.max())) if "logit" in name else 1e-2)


@pytest.mark.parametrize("name", ["EnergyFractions", "LayerFractions"])
def test_fractions_restore_total_and_layers_exactly_whatever_the_network_says(name: str) -> None:
    """Cell shares that do not add up to one must not change the energy that the fractions tell."""
    chain, (x, energy) = fitted(RECIPES[name]), showers()
    y = chain(x, energy)
    heads = 1 if name == "EnergyFractions" else 2
    y[:, heads:] *= 7.0
    torch.testing.assert_close(chain.inverse(y, energy), x, rtol=1e-4, atol=1e-4)


def test_layer_fractions_are_the_shares_by_hand() -> None:
    chain = Chain((3,), [("LayerFractions", {"layer_sizes": [1, 2]})])
    y = chain(torch.tensor([[10.0, 20.0, 70.0]]), torch.tensor([[200.0]]))
    torch.testing.assert_close(y, torch.tensor([[0.5, 0.1, 1.0, 2 / 9, 7 / 9]]))


def test_log_asinh_and_logit_by_hand() -> None:
    one = torch.ones(1, 1)
    assert Chain((1,), [("Asinh", {"scale": 0.5})])(-one, one).item() == pytest.approx(-math.log(2 + math.sqrt(5)))
    assert Chain((1,), [("Log", {"offset": 0.5})])(one, one).item() == pytest.approx(math.log(3.0))
    assert Chain((1,), [("Logit", {"margin": 0.25})])(one, one).item() == pytest.approx(math.log(3.0))


def test_gaussianise_gives_normal_marginals_of_hits_and_zero_elsewhere() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(20_000, 1, generator=generator) ** 3 + 0.1
    x[:8000] = 0.0
    transform = TRANSFORMS["Gaussianise"]((1,), knots=64)
    transform.fit(x, x)
    y = transform(x, x)
    cut = torch.special.ndtri(torch.tensor(0.4))
    assert ((y == 0) == (x == 0)).all()
    hit = (y[y > 0] + cut).sort().values
    expected = torch.special.ndtri(0.4 + 0.6 * (torch.arange(len(hit)) + 0.5) / len(hit))
    assert (hit - expected)[50:-50].abs().max() < 0.05


def test_gaussianise_keeps_dead_cells_empty() -> None:
    transform = TRANSFORMS["Gaussianise"]((2,))
    x = torch.tensor([[0.0, 1.0], [0.0, 2.0]])
    transform.fit(x, x)
    assert transform.inverse(torch.full((2, 2), 1e-3), x)[:, 0].tolist() == [0.0, 0.0]


def test_calibration_scales_what_is_generated() -> None:
    transform, x = TRANSFORMS["Calibrate"]((1,)), torch.ones(1, 1)
    transform.fit(x, x)
    assert isinstance(transform, Calibrate)
    transform.correct(1.02)
    assert transform.inverse(x, x).item() == pytest.approx(1.02)
    with pytest.raises(FacsimError, match="cannot be corrected"):
        transform.correct(float("nan"))


def test_downsample_sums_blocks_and_keeps_energy() -> None:
    transform, x = TRANSFORMS["Downsample"]((4, 4), factor=2), torch.arange(16.0).reshape(1, 4, 4)
    y = transform(x, x)
    assert y.tolist() == [[[10.0, 18.0], [42.0, 50.0]]]
    torch.testing.assert_close(transform(transform.inverse(y, x), x), y)


def test_threshold_cuts_in_both_directions() -> None:
    transform, x = TRANSFORMS["Threshold"]((3,), at=0.5), torch.tensor([[0.4, 0.5, 0.6]])
    assert transform(x, x)[0].tolist() == transform.inverse(x, x)[0].tolist() == [0.0, 0.5, pytest.approx(0.6)]


@pytest.mark.parametrize("name", ["Scale", "Calibrate", "Standardise", "Gaussianise"])
@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_unfitted_is_an_error(name: str, direction: str) -> None:
    transform: Transform = TRANSFORMS[name]((2,))
    with pytest.raises(FacsimError, match="not fitted"):
        getattr(transform, direction)(torch.ones(1, 2), torch.ones(1, 1))


def test_constant_elements_survive_standardisation() -> None:
    chain = Chain((2,), [("Standardise", {})])
    x = torch.tensor([[5.0, 1.0], [5.0, 3.0]])
    chain.fit(x, x)
    assert chain(x, x)[:, 0].tolist() == [0.0, 0.0]
    torch.testing.assert_close(chain.inverse(chain(x, x), x), x)


def test_encode_uses_logarithm_one_hot_and_constant() -> None:
    variables = (
        Variable("energy", "MeV", 1e3, 1e5),
        Variable("x", "mm", -5, 5),
        Variable("pdg", choices=(22, 111), low=22, high=111),
        Variable("k", "1", 800, 800),
    )
    encode = Chain((4,), [("Encode", {"columns": encoding(variables)})])
    condition = torch.tensor([[1e3, -5.0, 111.0, 800.0], [1e4, 0.0, 22.0, 800.0]])
    expected = torch.tensor([[-1.0, -1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]])
    torch.testing.assert_close(encode(condition, condition), expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(encode.inverse(expected, condition), condition)


def test_columns_are_not_exchanged() -> None:
    """A planted defect: conditions in the wrong columns must not encode to the same tensor."""
    variables = (Variable("tx", "1", -0.2, 0.2), Variable("ty", "1", -0.2, 0.2))
    encode = Chain((2,), [("Encode", {"columns": encoding(variables)})])
    condition = torch.tensor([[0.1, -0.2]])
    assert not torch.equal(encode(condition, condition), encode(condition.flip(1), condition.flip(1)))


@pytest.mark.parametrize(
    ("recipe", "message"),
    [([("Lgo", {})], "did you mean 'Log'"), ([("Log", {"ofset": 1})], "does not take"), ([("Downsample", {"factor": 3})], "divisible by 3")],
)
def test_bad_recipes_are_refused(recipe: list[tuple[str, dict[str, Any]]], message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        Chain((4, 4), recipe)


def test_state_round_trip_keeps_fitted_numbers() -> None:
    chain, (x, energy) = fitted(RECIPES["shares, gaussianised"]), showers()
    fresh = Chain(SHAPE, RECIPES["shares, gaussianised"])
    fresh.load_state_dict(chain.state_dict())
    assert torch.equal(fresh(x, energy), chain(x, energy))


def test_linear_mixes_numbers_and_refuses_what_cannot_be_undone() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, 5))
    transform, x = TRANSFORMS["Linear"]((5,), rows=rows.tolist()), torch.tensor(rng.normal(size=(9, 5)), dtype=torch.float32)
    assert np.allclose(transform(x, x), x.numpy() @ rows.T, atol=1e-5)
    assert np.allclose(transform.inverse(transform(x, x), x), x, atol=1e-4)
    for bad, message in (([[1.0, 2.0], [2.0, 4.0]], "no inverse"), ([[1.0, 2.0]], "does not fit")):
        with pytest.raises(FacsimError, match=message):
            TRANSFORMS["Linear"]((2,), rows=bad)


def test_whitened_along_conditions_in_each_choice() -> None:
    """Spread 1/p for choice 1, p for choice 2, a mean of p + eta, and a second number that follows the first but for a tenth of its spread.

    The third has no spread at any place and comes back whatever is put in.
    """
    rng = np.random.default_rng(0)
    p, eta, kind = np.exp(rng.uniform(0, np.log(100), 60_000)), rng.uniform(-1, 1, 60_000), rng.choice([1.0, 2.0], 60_000)
    spread, one, two = np.where(kind == 1, 1 / p, p), rng.normal(size=len(p)), rng.normal(size=len(p))
    numbers = [p + eta + spread * one, spread * (3 * one + 0.3 * two), np.where(kind == 1, 0.0, 3.0)]
    x = torch.tensor(np.stack(numbers, 1), dtype=torch.float32)
    condition = torch.tensor(np.stack([kind, p, eta], 1), dtype=torch.float32)
    axes = [{"column": 1, "low": 1.0, "high": 100.0, "bins": 30, "log": True}, {"column": 2, "low": -1.0, "high": 1.0, "bins": 5}]
    transform = TRANSFORMS["WhitenAlong"]((3,), axes=axes, choice=0, choices=[1.0, 2.0])
    transform.fit(x, condition)
    y = transform(x, condition)
    assert np.allclose(transform.inverse(y, condition), x, rtol=1e-3, atol=1e-3)
    assert torch.all(y[:, 2] == 0)
    assert torch.allclose(transform.inverse(torch.randn_like(y), condition)[:, 2], x[:, 2], atol=1e-5)
    for low, high, left in ((1.5, 3, -0.5), (10, 30, 0.0)):
        chosen = (p > low) & (p < high) & (kind == 2) & (eta > left) & (eta < left + 0.5)
        covariance = np.cov(y[chosen, :2].T)  # of a place: what the mean and the spread change within it counts too
        assert np.diag(covariance) == pytest.approx([1, 0.8], abs=0.3)
        assert covariance[0, 1] == pytest.approx(0, abs=0.2)
        assert y[chosen, :2].mean(0).tolist() == pytest.approx([0, 0], abs=0.1)
    assert torch.isfinite(transform(torch.tensor([[200.0, 3.0, 1.0]]), torch.tensor([[2.0, 500.0, 3.0]]))).all()
    with pytest.raises(FacsimError, match="none of the choices"):
        transform.fit(x[:1], torch.tensor([[3.0, 1.0, 0.0]]))
    for axis in (
        {**axes[0], "high": 1.0},
        {"column": 1, "at": [1.0]},
        {"column": 1, "at": [1.0, 3.0, 2.0]},
        {"column": 1, "at": [0.0, 1.0], "log": True},
    ):
        with pytest.raises(FacsimError, match="nothing to standardise along"):
            TRANSFORMS["WhitenAlong"]((2,), axes=[axis], choice=0, choices=[1.0])


def test_whitened_along_places_of_choice() -> None:
    """Even places told one by one are those of bins; between uneven ones the mean is interpolated, and beyond the ends it is the last."""
    rng = np.random.default_rng(1)
    p = rng.uniform(1, 16, 4000)
    x, condition = (torch.tensor(a, dtype=torch.float32) for a in (rng.normal(size=(4000, 2)) * p[:, None], np.stack([np.ones(4000), p], 1)))

    def fitted(**axis: object) -> Transform:
        transform = TRANSFORMS["WhitenAlong"]((2,), axes=[{"column": 1, **axis}], choice=0, choices=[1.0])
        transform.fit(x, condition)
        return transform

    even, told = fitted(low=1.0, high=16.0, bins=4, log=True), fitted(at=[1.0, 2.0, 4.0, 8.0, 16.0], log=True)
    assert torch.allclose(even(x, condition), told(x, condition), atol=1e-4)
    uneven = fitted(at=[2.0, 3.0, 15.0])
    where = torch.tensor([[1.0, q] for q in (1.0, 2.0, 2.25, 3.0, 6.0, 15.0, 20.0)])
    mean = uneven.inverse(torch.zeros(7, 2), where)
    assert torch.allclose(mean[2], 0.75 * mean[1] + 0.25 * mean[3], atol=1e-5)
    assert torch.allclose(mean[4], 0.75 * mean[3] + 0.25 * mean[5], atol=1e-5)
    assert torch.equal(mean[[0, 6]], mean[[1, 5]])
