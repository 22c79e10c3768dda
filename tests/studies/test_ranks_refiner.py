"""The refiner by ranks: conditional distributions and their inverse, conditions of data without labels, spread and scale of data at a condition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from facsim.cli.main import run
from facsim.core import Events, FacsimError, RegularGrid, Variable, stream
from facsim.core.detectors import signals
from facsim.data import read, write
from facsim.models import REFINERS
from facsim.models.conditional_quantiles import ConditionalQuantiles, described
from facsim.models.hidden_condition import draw_hidden_ranks, polygon, quantiles_of, rank, smoothed
from facsim.simulators import airshower_vertical
from facsim.studies.airshower_refinement import WRONG
from facsim.studies.refining import RefinePlan, make_refinement
from facsim.surrogate.refinement import Refinement, load_refinement, save_refinement
from facsim.training import Settings

PLAN = RefinePlan(model="ranks", training=Settings(epochs=1))


def following(n: int, seed: int, spread: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    """A covariate c uniform in (0, 1), and two numbers exp(2 c + spread z) of which the second is zero in a share 1 - c of the events."""
    rng = np.random.default_rng(seed)
    c = rng.random((n, 1))
    x = np.exp(2 * c + spread * rng.standard_normal((n, 2)))
    x[:, 1] *= rng.random(n) < c[:, 0]
    return torch.tensor(x[:, None], dtype=torch.float32), torch.tensor(c, dtype=torch.float32)


def fitted(n: int, seed: int, spread: float = 0.1) -> ConditionalQuantiles:
    x, c = following(n, seed, spread)
    table = ConditionalQuantiles(1, 2)
    table.fit(0, x[:, 0], c[:, 0])
    return table


def test_description_by_hand() -> None:
    """ln x is 1, 2, 3 at c = 0, 1, 2, and once zero: the slope is 1, nothing is left about the trend."""
    x = torch.tensor([[1.0], [2.0], [3.0], [-np.inf]]).exp()
    trend, least, left = described(x, torch.tensor([0.0, 1.0, 2.0, 7.0]), 4)
    assert trend.tolist() == [pytest.approx([1.0, 2.0, 1.0], abs=1e-6)]
    assert least.item() == pytest.approx(np.e)
    assert left.abs().max() < 1e-6


def test_levels_are_uniform_at_every_covariate_and_values_are_their_inverse() -> None:
    table, (x, c) = fitted(20_000, 0), following(20_000, 1)
    level = table.level(x, c, torch.rand(x.shape, generator=torch.Generator().manual_seed(0)))
    for low, high in ((0.0, 0.2), (0.4, 0.6), (0.8, 1.0)):
        inside = ((c >= low) & (c < high)).squeeze(1)
        for channel in range(2):
            assert stats.kstest(level[inside, 0, channel].numpy(), "uniform").statistic < 0.04
    back = table.value(level, c)
    assert torch.equal(back > 0, x > 0)
    assert (back[x > 0] / x[x > 0]).log().abs().quantile(0.99) < 0.02


def test_what_was_never_hit_stays_empty_and_few_events_are_one_slice() -> None:
    table = ConditionalQuantiles(2, 1)
    table.fit(0, torch.ones(5, 1), torch.arange(5.0))
    table.fit(1, torch.ones(0, 1), torch.ones(0))
    level = torch.full((3, 2, 1), 0.5)
    assert table.value(level, torch.tensor([[-9.0, 0.0], [2.0, 0.0], [99.0, 0.0]]))[..., 0].tolist() == [[1, 0]] * 3
    assert torch.isfinite(table.level(torch.ones(1, 2, 1), torch.zeros(1, 2), torch.full((1, 2, 1), 0.5))).all()


def test_polygons_are_found_again_and_stiff_ones_are_straight() -> None:
    hats = polygon(5, 2.0)
    assert hats.sum(1).tolist() == pytest.approx([1.0] * len(hats))
    height = torch.tensor([[0.0, 3.0, 1.0, -2.0, 5.0]], dtype=torch.float64)
    values = hats @ height.T
    torch.testing.assert_close(smoothed(values, torch.ones_like(values), hats, 0.0), values, atol=1e-6, rtol=0)
    knots = torch.linalg.lstsq(hats, smoothed(values, torch.ones_like(values), hats, 1e9)).solution
    assert knots.diff(n=2, dim=0).abs().max() < 1e-4


def test_quantiles_of_another_sample_keep_the_order_and_zeros() -> None:
    made = quantiles_of(torch.tensor([[10.0], [20.0], [30.0], [40.0]]), torch.tensor([[5.0], [0.0], [1.0], [7.0]]))
    assert made[:, 0].tolist() == [30.0, 0.0, 20.0, 40.0]


def station_sums(n: int, seed: int, scale: float, spread: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Twelve sums that follow an energy uniform in 1 to 10, each with a fluctuation of its own; below 2 nothing is recorded."""
    rng = np.random.default_rng(seed)
    energy = rng.uniform(1, 10, n)
    sums = scale * energy[:, None] * np.linspace(0.5, 2, 12) * np.exp(spread * rng.standard_normal((n, 12)))
    return torch.tensor(energy, dtype=torch.float32), torch.tensor(np.where(sums > 2, sums, 0), dtype=torch.float32)


def test_conditions_of_data_are_found_without_labels() -> None:
    """Data are 1.6 times as large and fluctuate twice as much; twelve sums of 20 % leave 6 % of the energy, 8 % with the one that is drawn."""
    energy, simulation = station_sums(6000, 0, 1.0, 0.1)
    hidden, data = station_sums(5000, 1, 1.6, 0.2)
    found = 1 + 9 * draw_hidden_ranks(energy, simulation, data, torch.Generator().manual_seed(0)).numpy()
    assert found.min() > 1
    assert found.max() < 10
    for low, high in ((1.5, 3), (4, 6), (7, 9)):
        off = (found / hidden.numpy() - 1)[(hidden > low) & (hidden < high)]
        assert abs(off.mean()) < 0.03
        assert 0.05 < off.std() < 0.13
    assert stats.kstest(found, "uniform", (1, 9)).statistic < 0.03


def test_rank_is_the_place_among_all() -> None:
    assert rank(torch.tensor([4.0, 2.0, 8.0, 6.0])).tolist() == [0.375, 0.125, 0.875, 0.625]


def refined_sums(spread: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums refined to data of 1.6 times the scale, and the energies behind them."""
    energy, simulation = station_sums(6000, seed, 1.0, 0.1)
    model = REFINERS["ranks"].build(13, (12,))
    model.adapt(simulation, energy, station_sums(6000, seed + 1, 1.6, spread)[1], torch.Generator().manual_seed(0))  # type: ignore[attr-defined]
    told = torch.cat([simulation, energy[:, None]], 1)
    return energy, model(told, model.draw_noise(len(told), torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("spread", [0.05, 0.2])
def test_scale_and_spread_at_an_energy_become_those_of_data(spread: float) -> None:
    energy, refined = refined_sums(spread, 3)
    relative = (refined / energy[:, None] / 1.6 / torch.linspace(0.5, 2, 12))[(energy > 5) & (energy < 9)].log()
    assert relative.mean().item() == pytest.approx(0, abs=0.02)
    assert relative.std(0).mean().item() == pytest.approx(spread, rel=0.1)
    together = np.corrcoef(relative.T.numpy())[np.triu_indices(12, 1)]
    assert abs(together.mean()) < 0.15


def test_one_condition_is_needed_and_told() -> None:
    with pytest.raises(FacsimError, match="one condition variable"):
        REFINERS["ranks"].build(5, (3,))
    with pytest.raises(FacsimError, match="one condition variable"):
        REFINERS["ranks"].build(3, (3,))


def arrays(n: int, seed: int, **settings: float) -> Events:
    simulator = airshower_vertical(**settings)
    rng = np.random.default_rng(seed)
    return simulator.simulate(simulator.prior(n, rng), rng)


@pytest.fixture(scope="module")
def showers() -> tuple[Events, Events, Refinement]:
    """A wrong simulation, data, and the refinement of one to the other."""
    simulation, data = arrays(900, 0, **WRONG), arrays(800, 1)
    return simulation, data, make_refinement(simulation, data, PLAN)[0]


def test_stations_of_refined_showers_trigger_as_in_data(showers: tuple[Events, Events, Refinement]) -> None:
    """A station is empty in all bins or has a trace whose sum is above the trigger; the trigger follows the energy as in data."""
    simulation, data, refinement = showers
    refined = refinement.refine(simulation, stream(0, "t"))
    sums = refined.response.sum(-1)
    assert sums[sums > 0].min() > 0.999 * data.response.sum(-1)[data.response.sum(-1) > 0].min()
    assert (refined.response[sums > 0] > 0).mean() > 0.95
    second_ring = (4, 2)
    for low, high in ((1e12, 5e13), (5e13, 1e14)):
        rates = [
            ((e.condition[:, 0] > low) & (e.condition[:, 0] < high) & (signals(e.detector, e.response)[:, *second_ring] > 0)).mean()
            for e in (refined, data)
        ]
        assert rates[0] == pytest.approx(rates[1], abs=0.08)


def test_a_refinement_by_ranks_comes_back_from_disk(showers: tuple[Events, Events, Refinement], tmp_path: Path) -> None:
    simulation, _, refinement = showers
    save_refinement(refinement, tmp_path / "bundle")
    again = load_refinement(tmp_path / "bundle")
    assert again.refine(simulation[:20], stream(0, "t")) == refinement.refine(simulation[:20], stream(0, "t"))
    assert len(again.refine(simulation[:1], stream(0, "t"))) == 1


def test_two_conditions_and_negative_weights_are_refused() -> None:
    events = arrays(60, 0)
    two = Events(np.repeat(events.condition, 2, 1), events.response, events.detector, (events.variables[0], Variable("depth", "g/cm2", 0, 1e30)))
    with pytest.raises(FacsimError, match="one condition variable"):
        make_refinement(two, two, PLAN)
    signed = replace(events, weight=np.where(np.arange(60) % 3, 1.0, -0.5).astype(np.float32))
    with pytest.raises(FacsimError, match="negative weights"):
        make_refinement(events, signed, PLAN)


def test_cells_are_refined_by_rank_from_the_command_line(tmp_path: Path) -> None:
    """Twelve cells of 1.6 times the scale; data tell no energies."""
    energy, simulation = station_sums(1000, 5, 1.0, 0.1)
    grid = RegularGrid((3, 4), (5.0, 5.0))
    variable = Variable("energy", "MeV", 0.0, 11.0)
    write(Events(energy.numpy()[:, None], simulation.reshape(-1, 3, 4).numpy(), grid, (variable,)), tmp_path / "sim.h5")
    data = station_sums(900, 6, 1.6, 0.1)[1].reshape(-1, 3, 4).numpy()
    write(Events(np.zeros((900, 0), np.float32), data, grid, ()), tmp_path / "data.h5")
    assert run(["refine", str(tmp_path / "sim.h5"), "--data", str(tmp_path / "data.h5"), "--out", str(tmp_path / "run"), "--model", "ranks"]) == 0
    assert run(["sample", str(tmp_path / "run"), "--like", str(tmp_path / "sim.h5"), "--out", str(tmp_path / "out.h5")]) == 0
    refined, high = read(tmp_path / "out.h5").response, energy.numpy() > 5
    assert (refined[high] / simulation.reshape(-1, 3, 4).numpy()[high]).mean() == pytest.approx(1.6, rel=0.03)
