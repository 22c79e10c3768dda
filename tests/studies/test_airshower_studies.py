"""The air-shower studies: AixNet learns energies, bias and resolution by hand, refinement removes what is wrong, odd samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from facsim.core import Events, FacsimError, stream
from facsim.core.contracts import Batch
from facsim.data.unpaired import UnpairedBatches
from facsim.models import REFINERS
from facsim.models.transport import Transport, kept_share
from facsim.simulators import airshower_vertical
from facsim.simulators.airshower import EEV
from facsim.studies import airshower_patterns, airshower_reconstruction, airshower_refinement
from facsim.studies.reconstruction import performance, train_reconstruction
from facsim.studies.refining import RefinePlan, make_refinement
from facsim.studies.study import Request
from facsim.studies.summary import summarise
from facsim.training import Settings
from facsim.transforms import Chain


def showers(n: int, seed: int, *, traces: bool = False, **settings: float) -> Events:
    simulator = airshower_vertical(traces=traces, **settings)
    rng = np.random.default_rng(seed)
    return simulator.simulate(simulator.prior(n, rng), rng)


def test_bias_and_resolution_by_hand() -> None:
    """Found / true - 1 is -0.1 and 0.3 in the first bin, 0.2 and 0.2 in the second; two values lie within four half-widths."""
    found = performance(np.array([0.9, 1.3, 12.0, 6.0]), np.array([1.0, 1.0, 10.0, 5.0]), [0, 2, 20], 1.0, " EeV")
    assert found.bias.tolist() == pytest.approx([0.1, 0.2])
    assert found.resolution.tolist() == pytest.approx([np.sqrt(0.08), 0.0], abs=1e-9)
    assert found.bias_error[0] == pytest.approx(0.2)
    assert found.names == ("0-2 EeV", "2-20 EeV")
    with pytest.raises(FacsimError, match="too few events"):
        performance(np.ones(2), np.ones(2), [0, 2, 20])


def test_aixnet_finds_the_energy_of_showers() -> None:
    """A constant answer is off by more than a factor 2 on average; two stations' Poisson errors alone allow 5 %."""
    training, test = showers(600, 0), showers(200, 1)
    aixnet = train_reconstruction(training, ["energy"], epochs=15, seed=0, channels=4, blocks=1)
    found = aixnet.find(test)[:, 0]
    high = test.condition[:, 0] > 20 * EEV
    assert np.median(np.abs(np.log(found / test.condition[:, 0]))[high]) < 0.2
    assert aixnet.find(test[:1]).shape == (1, 1)
    assert aixnet.find(test[:0]).shape == (0, 1)


def test_aixnet_finds_several_conditions_of_general_showers() -> None:
    from facsim.simulators import airshower

    simulator, rng = airshower(times=True), np.random.default_rng(0)
    events = simulator.simulate(simulator.prior(50, rng), rng)
    found = train_reconstruction(events, ["energy", "xmax"], epochs=1, seed=0).find(events)
    assert found.shape == (50, 2)
    assert np.isfinite(found).all()
    with pytest.raises(FacsimError, match="condition variable"):
        train_reconstruction(events, ["depth"], epochs=1, seed=0)


def test_aixnet_takes_the_direction_from_arrival_times() -> None:
    """The signal of a plane front's times: the same traces with the times turned round give another zenith's sign."""
    from facsim.simulators import airshower

    simulator, rng = airshower(traces=False, times=True), np.random.default_rng(0)
    prior = simulator.prior(400, rng)
    prior[:, 3] = np.where(rng.random(400) < 0.5, 0.0, np.pi)  # from the east or the west
    prior[:, 2] = 0.7
    prior[:, 4] = np.minimum(prior[:, 4], 800)
    events = simulator.simulate(prior, rng)
    aixnet = train_reconstruction(events[:300], ["azimuth"], epochs=15, seed=0, channels=4, blocks=1)
    found, true = aixnet.find(events[300:])[:, 0], events[300:].column("azimuth")
    assert ((found > np.pi / 2) == (true > np.pi / 2)).mean() > 0.95


def test_energies_and_depths_by_hand() -> None:
    true = np.array([[5e12, 700.0], [5e12, 750.0], [8e12, 760.0], [8e12, 800.0]] * 10)
    true[:, 0] *= np.repeat(10 ** np.arange(0, 1.25, 0.125), 4)
    found = true * [1.1, 1.0] + [0.0, 20.0]
    reached = airshower_reconstruction.judged(found, true)
    assert reached["energy"].bias == pytest.approx(np.full(6, 0.1))
    assert reached["xmax"].bias == pytest.approx(np.full(6, 20.0))
    assert reached["xmax"].resolution == pytest.approx(np.zeros(6), abs=1e-9)


def test_a_quick_run_of_the_reconstruction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean answers with no bias of the logarithm over all, and the spread of the truth."""
    monkeypatch.setitem(airshower_reconstruction.EVENTS, "quick", {"train": 150, "test": 150})
    monkeypatch.setitem(airshower_reconstruction.EPOCHS, "quick", 1)
    made = airshower_reconstruction.STUDY
    outcome = made.run(Request(tuple(made.models), (0,), False))
    assert len(summarise(made, outcome)) == 2 * 2 * 2 * 6
    rows = {(r.observable, r.distance, r.bin): r.value for r in outcome.trials[1].rows}
    spread = [rows["reconstructed xmax", "resolution", b] for b in airshower_reconstruction.BINS]
    assert 30 < np.mean(spread) < 90
    assert set(outcome.trials[0].figures) == {"energy-0", "energy-resolution-0", "xmax-resolution-0"}


def sums(spread: float, scale: float, n: int, seed: int) -> torch.Tensor:
    """Four numbers that follow one common factor, each with noise of its own; a part of them cut at zero."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 1, (n, 1))
    return torch.tensor(np.maximum(scale * (2 + common + spread * rng.normal(0, 1, (n, 4))), 0), dtype=torch.float32)


def test_transport_makes_distributions_and_correlations_those_of_data() -> None:
    """Data have twice the noise, 1.5 times the scale and more zeros."""
    simulated, measured = sums(0.3, 1.0, 5000, 0), sums(0.6, 1.5, 5000, 1)
    nothing = torch.zeros(5000, 0)
    chains = [Chain((4,), [("Gaussianise", {})]) for _ in range(2)]
    for chain, sample in zip(chains, (simulated, measured), strict=True):
        chain.fit(sample, nothing)
    model = Transport(4, (4,))
    x, y = (chain(sample, nothing) for chain, sample in zip(chains, (simulated, measured), strict=True))
    model.adapt(x, y, torch.Generator().manual_seed(0))
    refined = chains[1].inverse(model(x, model.draw_noise(5000, torch.Generator().manual_seed(1))), nothing)
    quantiles = torch.linspace(0.02, 0.98, 25)
    torch.testing.assert_close(refined.quantile(quantiles, dim=0), measured.quantile(quantiles, dim=0), atol=0.2, rtol=0.05)
    true, found, before = (np.corrcoef(t.T)[0, 1] for t in (measured, refined, simulated))
    assert before - true > 0.1
    assert found == pytest.approx(true, abs=0.05)


def test_kept_share_never_creates_correlation() -> None:
    """Where data are more correlated than the simulation nothing can be done: f stays 1."""
    simulated = torch.tensor([[1.0, 0.3, 0.3], [0.3, 1.0, 0.3], [0.3, 0.3, 1.0]])
    assert kept_share(simulated, simulated.sqrt(), torch.arange(3)).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", [name for name in REFINERS if name not in ("transport", "ranks")])
def test_refiners_start_near_the_identity_and_every_parameter_learns(name: str) -> None:
    torch.manual_seed(0)
    shape = (3, 3, 80)
    model = REFINERS[name].build(720, shape)
    original = torch.rand(5, 720)
    made = model(original, model.draw_noise(5, torch.Generator().manual_seed(0)))
    assert made.shape == (5, *shape)
    assert (made.flatten(1) - original).abs().max() < 0.1
    batch = Batch(original, torch.rand(5, *shape), torch.ones(5))
    for objective in model.objectives():
        model.zero_grad()
        sum(objective.loss(batch, torch.Generator().manual_seed(0)).values()).backward()  # type: ignore[union-attr]
        assert all(p.grad is not None and (p.numel() == 1 or p.grad.abs().sum() > 0) for p in objective.parameters)


def test_unpaired_batches_use_all_of_the_larger_sample_and_repeat_the_smaller() -> None:
    data = Batch(torch.zeros(7, 0), torch.arange(7.0)[:, None], torch.ones(7))
    batches = UnpairedBatches(torch.arange(20.0)[:, None], data, 5, seed=0)
    epoch = list(batches.epoch(0))
    assert batches.steps == len(epoch) == 4
    assert sorted(torch.cat([b.condition for b in epoch]).flatten().tolist()) == list(range(20))
    counts = torch.bincount(torch.cat([b.response for b in epoch]).flatten().long(), minlength=7)
    assert counts.min() >= 2
    assert counts.max() <= 3
    assert all(torch.equal(a.condition, b.condition) for a, b in zip(epoch[2:], batches.epoch(0, start=2), strict=True))
    assert not torch.equal(epoch[0].condition, next(iter(batches.epoch(1))).condition)


def test_simulated_events_are_drawn_by_weight() -> None:
    data = Batch(torch.zeros(4, 0), torch.zeros(4, 1), torch.ones(4))
    batches = UnpairedBatches(torch.arange(100.0)[:, None], data, 4, seed=0, simulation_weight=np.arange(100.0) % 2)
    seen = torch.cat([b.condition for b in batches.epoch(0)]).flatten()
    assert (seen % 2 == 1).all()


@pytest.mark.parametrize("model", ["transport", "ranks"])
def test_refining_a_wrong_simulation_removes_its_bias(model: str) -> None:
    """AixNet trained on data finds the right energies in the refined simulation, and wrong ones in the simulation itself."""
    wrong, data = showers(600, 0, **airshower_refinement.WRONG), showers(500, 1)
    plan = RefinePlan(model=model, training=Settings(epochs=1))
    refined = make_refinement(wrong, data, plan)[0].refine(wrong, stream(0, "t"))
    aixnet = train_reconstruction(data, ["energy"], epochs=15, seed=0, channels=4, blocks=1)
    high = wrong.condition[:, 0] > 20 * EEV
    before, after = (np.median((aixnet.find(e)[:, 0] / e.condition[:, 0])[high]) - 1 for e in (wrong, refined))
    assert before > 0.2
    assert abs(after) < 0.2 * before


def test_a_quick_run_of_the_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(airshower_patterns.EVENTS, "quick", {"train": 200, "judge": 60, "first": 20, "bin": 10, "times": 1})
    monkeypatch.setitem(airshower_patterns.EPOCHS, "quick", {"airshower": 2, "independent": 2, "aixnet": 2})
    monkeypatch.setitem(airshower_patterns.PRINTED, "critic_steps", 2)
    made = airshower_patterns.STUDY
    outcome = made.run(Request(tuple(made.models), (0,), False))
    assert len(summarise(made, outcome)) == 2 * (2 * 10 + 1)
    curves = outcome.trials[0].curves["airshower"]
    assert {"-C1", "C2", "C3", "C4"} <= set(curves)
    assert all(len(values) == 2 for values in curves.values())
    assert set(outcome.trials[0].figures) == {"patterns-0", "energy-0", "losses-0"}


def test_a_quick_run_of_the_refinement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(airshower_refinement.EVENTS, "quick", {"refine": 110, "train": 100, "test": 150})
    monkeypatch.setitem(airshower_refinement.EPOCHS, "quick", {"traces": 4, "aixnet": 1})
    monkeypatch.setitem(airshower_refinement.PRINTED, "critic_steps", 2)
    made = airshower_refinement.STUDY
    outcome = made.run(Request(tuple(made.models), (0,), False))
    assert [row["model"] for row in summarise(made, outcome)] == ["traces"] * 3 + ["ranks"] * 3
    assert set(outcome.trials[0].curves["traces"]) == {"-C1 + C2", "-C1", "C2", "fool"}
    assert not outcome.trials[1].curves
    assert set(outcome.trials[1].figures) == {"energy-0", "resolution-0", "traces-0", "losses-0"}


def test_the_same_shower_has_the_same_random_numbers() -> None:
    """Data and simulation of one seed differ by the physics alone: with the physics of data both are equal."""
    simulators = airshower_refinement.simulators()
    condition = np.array([[69 * EEV]])
    data, simulation = (simulators[name].simulate(condition, stream(3, "same shower")) for name in ("data", "simulation"))
    again = replace(simulators["simulation"], showers=simulators["data"].showers).simulate(condition, stream(3, "same shower"))
    assert again == data
    assert simulation != data
