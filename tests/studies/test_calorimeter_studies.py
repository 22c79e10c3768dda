"""Studies of calorimeters: symmetric copies of events, response in bins, a run from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facsim.core import Events, FacsimError, RegularGrid, Variable
from facsim.data import write
from facsim.evaluation.observables import features
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.studies.calorimeter import Sample, from_files, response_rows
from facsim.studies.lcd_ecal import MODELS as LCD_MODELS
from facsim.studies.lcd_ecal import layer_spread, width_ratio
from facsim.studies.lcd_ecal import scores as lcd_scores
from facsim.studies.lhcb_ecal import PARTS, WATCHED, eightfold
from facsim.studies.study import Request
from facsim.studies.workflow import Plan, untrained
from facsim.training import Settings

GRID = RegularGrid((6, 6), (20.0, 20.0))
VARIABLES = (Variable("energy", "MeV"), Variable("x", "mm"), Variable("y", "mm"), Variable("tx"), Variable("ty"))


def clusters(n: int, seed: int = 0) -> Events:
    """Clusters that lean along the slope: the centre of energy is x + 100 mm tx."""
    rng = np.random.default_rng(seed)
    condition = np.column_stack([rng.uniform(2e3, 1e5, n), rng.uniform(-5, 5, (n, 2)), rng.uniform(-0.2, 0.2, (n, 2))])
    x, y = (GRID.centres[:, i] for i in (0, 1))
    away = (x - condition[:, [1]] - 100 * condition[:, [3]]) ** 2 + (y - condition[:, [2]] - 100 * condition[:, [4]]) ** 2
    cells = condition[:, :1] * np.exp(-away / 800) * rng.gamma(20, 1 / 20, away.shape) * 0.05
    return Events(condition, cells.reshape(-1, 6, 6), GRID, VARIABLES)


def test_every_copy_is_the_same_physics() -> None:
    """Observables about the particle do not change; a mirrored image with an unmirrored place would."""
    events = clusters(50)
    made = eightfold(events)
    names = ("position_bias_x", "position_bias_y", "asymmetry_along", "width_along", "width_across", "total_energy")
    (before, _), (after, _) = features(events, names), features(made, names)
    assert len(made) == 8 * len(events)
    for copy in after.reshape(8, 50, -1):
        np.testing.assert_allclose(copy[:, 2:], before[:, 2:], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(np.sort(abs(copy[:, :2])), np.sort(abs(before[:, :2])), rtol=1e-3, atol=1e-3)
    assert len(np.unique(made.response.reshape(len(made), -1), axis=0)) == len(made)
    assert all(v.low == pytest.approx(-v.high) for v in made.variables[1:])


def test_copies_keep_weights() -> None:
    events = clusters(3)
    weighted = Events(events.condition, events.response, GRID, VARIABLES, np.array([1.0, 2.0, -1.0]))
    assert eightfold(weighted).weights.reshape(8, 3).tolist() == [[1.0, 2.0, -1.0]] * 8


def test_response_is_told_in_its_bin() -> None:
    """A scale 3 % too high above 50 GeV shows there alone."""
    truth, train = clusters(4000), clusters(4000, seed=1)
    scale = np.where(truth.column("energy") > 5e4, 1.03, 1.0)[:, None, None]
    candidate = Events(truth.condition, truth.response * scale, GRID, VARIABLES)
    low, high = response_rows(candidate, Sample(train, truth, "toy"), (2e3, 5e4, 1e5))
    assert (low.bin, high.bin) == ("2-50 GeV", "50-100 GeV")
    assert low.value == pytest.approx(0, abs=1e-6)
    assert high.value == pytest.approx(0.03, abs=1e-5)
    assert abs(high.floor) < 4 * high.floor_error


def test_files_are_asked_for() -> None:
    with pytest.raises(FacsimError, match=r"--set data=FOLDER"):
        from_files(None, eightfold)


def test_a_study_runs_from_files_and_finds_its_finished_trials(tmp_path: Path) -> None:
    write(clusters(150), tmp_path / "train.h5")
    write(clusters(120, seed=1), tmp_path / "test.h5")
    said: list[str] = []
    request = Request(("tree",), (0,), False, said.append, settings={"data": str(tmp_path)}, out=tmp_path / "out")
    (trial,) = PARTS.run(request).trials
    assert trial.about["training"]["events"] == 8 * 150
    assert set(WATCHED) <= {row.observable for row in trial.rows if row.distance == "separation"}
    assert PARTS.run(request).trials[0].rows == trial.rows
    assert "done already" in said[-1]


def blobs(n: int, seed: int = 0, scale: float = 1.0, wide: float = 1.0) -> Events:
    """Showers of 4 layers of 6x6 cells of 10 mm; layer 1 times `scale`, layer 2 wider by `wide`."""
    rng = np.random.default_rng(seed)
    grid = RegularGrid((4, 6, 6), (10.0, 10.0, 10.0))
    square = (grid.centres[:36, :2] ** 2).sum(1).reshape(6, 6)
    sigma = 15.0 * np.array([1.0, 1.0, wide, 1.0])[:, None, None]
    shape = np.exp(-square / (2 * sigma**2)) * np.array([1.0, 2.0 * scale, 2.0, 1.0])[:, None, None]
    condition = np.column_stack([rng.uniform(1e4, 1e5, n), rng.choice([22.0, 111.0], n)])
    cells = condition[:, 0, None, None, None] * shape * rng.gamma(50, 1 / 50, (n, 4, 1, 1)) * 1e-3
    return Events(condition, cells, grid, (Variable("energy", "MeV"), Variable("pdg", "1", 22, 111, (22, 111))))


def test_layers_that_are_wrong_are_found() -> None:
    truth, other = blobs(3000), blobs(3000, seed=1)
    sample = Sample(other, truth, "toy")

    def told(candidate: Events) -> dict[str, Row]:
        return {row.observable: row for row in lcd_scores(candidate, sample, Scorecard(())) if row.bin == "photon"}

    same, hot, wide = told(blobs(3000, seed=2)), told(blobs(3000, seed=2, scale=1.1)), told(blobs(3000, seed=2, wide=1.2))
    assert same["layer_energy"].value < 0.05
    assert same["layer_spread"].value == pytest.approx(0, abs=1e-6)
    assert hot["layer_energy"].value == pytest.approx(0.1, abs=0.04)
    assert hot["layer_spread"].value == pytest.approx(0, abs=1e-6)
    assert wide["layer_spread"].value > 0.03
    assert {row.bin for row in lcd_scores(truth, sample, Scorecard(()))} >= {"pi0, 10-30 GeV", "photon, 75-100 GeV"}


def test_the_spread_of_a_known_layer() -> None:
    """All energy in one cell of a 6x6 layer of 10 mm: at (25, 5) mm from the axis."""
    cells = np.zeros((1, 1, 6, 6))
    cells[0, 0, 3, 5] = 7.0
    events = Events(np.zeros((1, 0)), cells, RegularGrid((1, 6, 6), (10.0, 10.0, 10.0)), ())
    assert layer_spread(events)[0, 0] == pytest.approx(np.hypot(25, 5))


def test_widths_are_compared() -> None:
    rng = np.random.default_rng(0)
    value, error = width_ratio(rng.normal(5, 1.1, 20_000), rng.normal(5, 1.0, 20_000))
    assert value == pytest.approx(0.1, abs=4 * error)
    assert error == pytest.approx(1.1 * 0.01 / 2**0.5, rel=0.02)
    assert width_ratio(np.tile([-1.0, 1.0], 50), np.tile([-2.0, 2.0], 50)) == (-0.5, 0.0)  # a width that does not fluctuate
    tail = rng.standard_t(6, (400, 500))
    ratios, errors = np.array([width_ratio(one, other) for one, other in zip(tail[::2], tail[1::2], strict=True)]).T
    assert ratios.std() == pytest.approx(errors.mean(), rel=0.3)
    assert errors.mean() > 1.2 / 500**0.5  # of normal numbers: 1 / root 500


@pytest.mark.parametrize("name", [name for name in LCD_MODELS if name != "tree"])
def test_untrained_networks_of_the_lcd_study_make_no_negative_energy(name: str) -> None:
    """Whatever the network says: half of its numbers are negative before the training."""
    grid, rng = RegularGrid((25, 25, 25), (5.0, 5.0, 5.0)), np.random.default_rng(0)
    near = np.exp(-(grid.centres[:, :2] ** 2).sum(1) / 20).reshape(25, 25, 25)
    condition = np.column_stack([rng.uniform(1e4, 1e5, 6), rng.choice([22.0, 111.0], 6)])
    showers = condition[:, 0, None, None, None] * near * rng.gamma(50, 1 / 50, (6, 25, 1, 1)) * 1e-3
    events = Events(condition, showers, grid, (Variable("energy", "MeV"), Variable("pdg", "1", 22, 111, (22, 111))))
    model = LCD_MODELS[name]
    surrogate = untrained(events, Plan(model=model.family, settings=model.settings, response=model.response, training=Settings(epochs=1)), {})
    made = surrogate.simulate(condition, np.random.default_rng(1))
    assert made.response.min() == 0
    assert made.response.max() > 0
