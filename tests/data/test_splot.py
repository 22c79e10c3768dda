"""Background subtracted by weights, and weights carried through files, splits, batches, losses and scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facsim.cli.main import run
from facsim.core import Events, FacsimError, Variable, Vector, stream
from facsim.core.contracts import Batch
from facsim.data import ArrayBatches, read, split, write
from facsim.data.memory import InMemory
from facsim.data.splot import MassFit, fit_mass, smoothed, subtract_background
from facsim.evaluation.distances import distance
from facsim.models import build
from facsim.simulators import MassPeak
from facsim.studies.workflow import Plan, train
from facsim.training import Settings

pytest.importorskip("sweights", reason="extra splot")
SIGNAL, BACKGROUND = 14_000, 6_000
PEAK = MassPeak()


def measured() -> tuple[Events, np.ndarray]:
    """x ~ N(0, 1) in the peak and N(3, 1) beside it, with their mass and another condition; and which are signal."""
    rng = stream(0, "measured")
    signal = rng.permutation(np.arange(SIGNAL + BACKGROUND) < SIGNAL)
    mass = np.where(signal, PEAK.signal.rvs(len(signal), random_state=rng), PEAK.background.rvs(len(signal), random_state=rng))
    x = rng.normal(np.where(signal, 0.0, 3.0), 1.0)
    variables = (Variable("mass", "MeV", PEAK.low, PEAK.high), Variable("eta", "1", 2.0, 4.0))
    return Events(np.column_stack([mass, rng.uniform(2, 4, len(x))]), x[:, None], Vector(("x",)), variables), signal


EVENTS, IS_SIGNAL = measured()
WEIGHTED, FIT = subtract_background(EVENTS)


def test_fit_finds_what_was_put_in() -> None:
    assert FIT.signal == pytest.approx(SIGNAL, abs=4 * np.sqrt(SIGNAL))
    assert FIT.peak == pytest.approx(PEAK.peak, abs=4 * PEAK.width / np.sqrt(SIGNAL))
    assert FIT.width == pytest.approx(PEAK.width, rel=0.03)
    grid = np.linspace(FIT.low, FIT.high, 10_001)
    for density in (FIT.signal_density, FIT.background_density):
        assert np.trapezoid(density(grid), grid) == pytest.approx(1, abs=1e-3)


def test_weights_by_hand() -> None:
    """The definition: w = (V_ss s + V_sb b) / (N_s s + N_b b) with V the inverse of sum_i f_j f_k / (sum_l N_l f_l)^2."""
    mass = EVENTS.column("mass").astype(float)
    f = np.stack([FIT.signal_density(mass), FIT.background_density(mass)])
    yields = np.array([FIT.signal, FIT.background])
    v = np.linalg.inv(f @ (f / (yields @ f) ** 2).T)
    assert WEIGHTED.weights == pytest.approx((v @ f)[0] / (yields @ f), abs=2e-3)
    assert WEIGHTED.weights.min() < -0.1
    assert WEIGHTED.weights.sum() == pytest.approx(FIT.signal, rel=1e-3)


def test_background_cancels_and_the_mass_is_gone() -> None:
    assert [v.name for v in WEIGHTED.variables] == ["eta"]
    assert np.array_equal(WEIGHTED.column("eta"), EVENTS.column("eta"))
    x, weight = WEIGHTED.response[:, 0], WEIGHTED.weights
    error = float(np.sqrt((weight**2).sum()) / weight.sum() * 1.5)
    assert np.average(x, weights=weight) == pytest.approx(0.0, abs=4 * error)
    assert x.mean() > 0.8  # what contamination does without weights
    assert weight[~IS_SIGNAL].sum() == pytest.approx(0, abs=4 * float(np.sqrt((weight[~IS_SIGNAL] ** 2).sum())))


def test_refusals() -> None:
    with pytest.raises(FacsimError, match=r"unknown condition variable 'maß'.*eta, mass"):
        subtract_background(EVENTS, "maß")
    with pytest.raises(FacsimError, match="weights already"):
        subtract_background(replace(EVENTS, weight=np.ones(len(EVENTS))))
    with pytest.raises(FacsimError, match="1000 or more events"):
        fit_mass(EVENTS.column("mass")[:10])
    with pytest.raises(FacsimError, match="no peak was found"):
        fit_mass(stream(0, "flat").uniform(0, 1, 5000))


def test_a_missing_library_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sweights", None)
    with pytest.raises(FacsimError, match=r"pip install 'facsim\[splot\]'"):
        subtract_background(EVENTS)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(EVENTS, tmp_path / "m.h5")
    assert run(["splot", str(tmp_path / "m.h5"), str(tmp_path / "w.h5")]) == 0
    assert np.array_equal(read(tmp_path / "w.h5").weights, WEIGHTED.weights)
    assert "of which 1" in capsys.readouterr().err


def test_weights_go_through_files_splits_and_batches(tmp_path: Path) -> None:
    """Each event keeps its own weight: the response is put in the weight's place to see it."""
    marked = replace(WEIGHTED, weight=WEIGHTED.response[:, 0])
    write(marked, tmp_path / "w.h5")
    again = read(tmp_path / "w.h5")
    assert again == marked
    for part in (*again.split(0.3, seed=1), *(p.read() for p in split(InMemory(again, "x"), 0.3, seed=1))):
        assert len(part) > 1000
        assert np.array_equal(part.weights, part.response[:, 0])
    for batch in ArrayBatches.from_events(again, batch_size=512, seed=0).epoch(0):
        assert torch.equal(batch.weight, batch.response[:, 0])


@pytest.mark.parametrize("family", ["flow", "mixture", "energy-distance", "cramer", "wgan-gp", "wgan-clip"])
def test_a_negative_weight_takes_an_event_out_of_every_loss(family: str) -> None:
    """An event of weight 1 and the same of weight -1 leave the loss (times the number of events) as if they were not there."""
    torch.manual_seed(0)
    model = build(family, 1, (2,), **({"likelihood": "normal"} if family in ("flow", "mixture") else {}))
    batch = Batch(torch.randn(8, 1), torch.randn(8, 2), torch.ones(8))
    noise = model.draw_noise(64, torch.Generator().manual_seed(1))

    def total(rows: list[int], weight: list[float]) -> list[float]:
        """Loss times events, each event with the same noise wherever it stands."""
        model.draw_noise = lambda n, rng: noise[torch.tensor(rows * (n // len(rows)))]  # type: ignore[method-assign]
        chosen = Batch(batch.condition[rows], batch.response[rows], torch.tensor(weight))
        losses = [o.loss(chosen, torch.Generator().manual_seed(2)) for o in model.objectives()]
        return [len(rows) * float(v.detach()) for terms in losses for name, v in terms.items() if name != "penalty"]

    plain = total([0, 1, 2, 3], [1.0] * 4)
    assert total([0, 1, 2, 3, 5, 5], [1.0] * 5 + [-1.0]) == pytest.approx(plain, rel=1e-4, abs=1e-5)
    assert total([0, 1, 2, 3, 5, 6], [1.0] * 6) != pytest.approx(plain, rel=1e-3)


def test_trained_with_weights_the_background_is_not_learned() -> None:
    def mean(events: Events) -> float:
        plan = Plan(model="flow", settings={"transforms": 1}, batch_size=500, training=Settings(epochs=4, learning_rate=5e-3, device="cpu"))
        surrogate, _ = train(InMemory(events, "x"), plan)
        return float(surrogate.simulate(events.condition, stream(0, "s")).response.mean())

    assert mean(smoothed(WEIGHTED[:10_000])) == pytest.approx(0.0, abs=0.1)
    assert mean(replace(WEIGHTED[:10_000], weight=None)) == pytest.approx(0.9, abs=0.15)


def test_smoothed_weights_are_the_probability_of_signal() -> None:
    """7 N(x; 0, 1) / (7 N(x; 0, 1) + 3 N(x; 3, 1)): one half at x = 1.5 + log(7 / 3) / 3 = 1.782."""
    found = smoothed(WEIGHTED)
    x, weight = found.response[:, 0], found.weights
    assert 0 <= weight.min() < weight.max() <= 1
    true = 1 / (1 + 3 / 7 * np.exp(3 * x - 4.5))
    assert float(np.abs(weight - true).mean()) < 0.03
    assert weight.sum() == pytest.approx(SIGNAL, rel=0.02)
    assert np.array_equal(found.response, WEIGHTED.response)


def test_scores_see_the_weights() -> None:
    """The weighted sample is the pure one within its floor; without weights it is half a standard deviation off."""
    pure = stream(0, "pure").normal(0, 1, SIGNAL)
    x, weight = WEIGHTED.response[:, 0], WEIGHTED.weights
    assert abs(distance("mean_shift", x, pure, weight)) < 0.06
    assert distance("wasserstein", x, pure, weight) < 0.1 < 0.5 < distance("wasserstein", x, pure)


def test_densities_of_any_slope() -> None:
    flat = MassFit(0.0, 10.0, 1.0, 1.0, 5.0, 1.0, 0.0)
    assert flat.background_density(np.array([1.0, 9.0])) == pytest.approx([0.1, 0.1])
