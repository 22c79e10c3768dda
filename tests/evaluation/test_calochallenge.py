"""The challenge's scorer: features against a slow twin, published settings, scores of equal samples."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facsim.core import Events, FacsimError, PolarLayer, PolarLayers, RegularGrid, Variable
from facsim.evaluation.calochallenge import (
    CHALLENGES,
    SCORES,
    Challenge,
    Contest,
    auc_high,
    auc_low,
    auc_resnet,
    contest,
    data_set_of,
    manifold,
    require_scale,
    separation_power,
    separations,
    shower_features,
)
from facsim.evaluation.calochallenge.separation import _of_events, _spectra, voxel_separation
from facsim.evaluation.calochallenge.settings import forms
from facsim.evaluation.classifier import Official, OfficialResNet, Recipe, Schedule
from facsim.evaluation.classifier.fast import fit_fast
from facsim.evaluation.evaluate import SECTIONS, evaluate
from facsim.evaluation.multivariate import frechet_physics_distance

Array = NDArray[np.float64]
ENERGY = (Variable("energy", "MeV"),)
UNEVEN = PolarLayers((PolarLayer(1, (0.0, 5.0, 20.0), 0), PolarLayer(4, (0.0, 10.0, 30.0, 70.0), 1), PolarLayer(10, (0.0, 40.0), 12)))
EVEN = PolarLayers.uniform(layers=8, angles=8, edges=[0.0, 5.0, 10.0, 20.0])
SMALL = Challenge("small", forms(EVEN), 0.02, CHALLENGES["2"].floor, CHALLENGES["2"].best)
ONE_SPLIT = Recipe(fit_fast, 1, 1)
QUICK = Recipe(Official(hidden=32, schedule=Schedule(epochs=5, batch=200, rate=1e-3)), 1, 1)


def showers(n: int, seed: int, detector: PolarLayers = EVEN) -> Events:
    """Noise with an exponential spectrum; a third of the voxels is empty, and every tenth shower."""
    rng = np.random.default_rng(seed)
    response = rng.exponential(1.0, (n, detector.n_cells)) * (rng.random((n, detector.n_cells)) > 1 / 3)
    response[::10] = 0
    return Events(10 ** rng.uniform(3, 5, (n, 1)), response.reshape(n, *detector.shape), detector, ENERGY)


def slow_features(events: Events, threshold: float) -> list[list[float]]:
    """The features of every shower, one voxel after the other, in the published order."""
    return [
        slow_row(float(e), [float(v) if v >= threshold else 0.0 for v in cells], events.detector)
        for e, cells in zip(events.condition[:, 0], events.cells, strict=True)
    ]  # type: ignore[arg-type]


def slow_row(incident: float, voxels: list[float], detector: PolarLayers) -> list[float]:
    energy, x_mean, y_mean, x_width, y_width, sparsity, r_mean, r_width = ([] for _ in range(8))  # type: ignore[var-annotated]
    rest = iter(voxels)
    for layer in detector.stack:
        total = sx = sy = sr = sxx = syy = srr = filled = 0.0
        for a in range(layer.angles):
            alpha = -math.pi + (a + 0.5) * 2 * math.pi / layer.angles
            for low, high in zip(layer.edges[:-1], layer.edges[1:], strict=True):
                e, r = next(rest), (low + high) / 2
                x, y = r * math.cos(alpha), r * math.sin(alpha)
                total, filled = total + e, filled + (e > 0)
                sx, sy, sr, sxx, syy, srr = sx + e * x, sy + e * y, sr + e * r, sxx + e * x * x, syy + e * y * y, srr + e * r * r
        norm = total + 1e-16

        def width(first: float, second: float, norm: float = norm) -> float:
            return math.sqrt(max(second / norm - (first / norm) ** 2, 0))

        energy.append(total)
        sparsity.append(1 - filled / (layer.angles * layer.rings))
        r_mean.append(sr / norm)
        r_width.append(width(sr, srr))
        if layer.angles > 1:
            x_mean.append(sx / norm)
            y_mean.append(sy / norm)
            x_width.append(width(sx, sxx))
            y_width.append(width(sy, syy))
    transverse = [v / 100 for v in [*x_mean, *y_mean, *x_width, *y_width]]
    logs = [math.log10(incident), *(math.log10(e + 1e-8) for e in energy)]
    return [*logs, *transverse, math.log10(sum(energy) + 1e-8), *sparsity, *(r / 100 for r in r_mean), *(w / 100 for w in r_width)]


@pytest.mark.parametrize("detector", [UNEVEN, EVEN])
@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_features_equal_their_slow_twin(detector: PolarLayers, threshold: float) -> None:
    events = showers(300, 1, detector)
    fast = shower_features(events, threshold)
    np.testing.assert_allclose(fast.matrix, np.array(slow_features(events, threshold)), rtol=1e-6, atol=2e-7)
    assert fast.matrix.dtype == np.float64
    assert len(fast.names) == fast.matrix.shape[1]


def test_features_of_one_voxel() -> None:
    response = np.zeros((1, UNEVEN.n_cells))
    response[0, 2 + 2 * 3 + 1] = 10.0  # layer 1, third of four angles (0 to pi/2), second ring (10 to 30 mm)
    found = dict(
        zip(*(lambda f: (f.names, f.matrix[0]))(shower_features(Events(np.full((1, 1), 1000.0), response, UNEVEN, ENERGY), 1.0)), strict=True)
    )
    assert found["log incident E"] == pytest.approx(3)
    assert found["log E in layer 1"] == pytest.approx(1)
    assert found["log E in layer 0"] == pytest.approx(-8)
    assert found["x in layer 1"] == pytest.approx(0.2 * math.cos(math.pi / 4), abs=1e-7)
    assert found["y in layer 1"] == pytest.approx(0.2 * math.sin(math.pi / 4), abs=1e-7)
    assert found["r in layer 1"] == pytest.approx(0.2, abs=1e-7)
    assert found["width x in layer 1"] == pytest.approx(0, abs=1e-5)
    assert found["sparsity in layer 1"] == pytest.approx(11 / 12)
    assert "x in layer 0" not in found


def test_the_published_number_of_features() -> None:
    detector = PolarLayers.uniform(45, 16, [4.65 * i for i in range(10)])
    assert shower_features(showers(2, 1, detector), CHALLENGES["2"].threshold).matrix.shape == (2, 1 + 45 + 4 * 45 + 1 + 45 + 2 * 45)


def test_voxels_at_the_threshold_stay() -> None:
    response = np.zeros((1, UNEVEN.n_cells))
    response[0, :2] = 1.0, 0.999
    found = shower_features(Events(np.full((1, 1), 1000.0), response, UNEVEN, ENERGY), 1.0)
    assert found.total[0] == 1.0


def test_features_refuse_what_they_cannot_read() -> None:
    grid = RegularGrid((2, 2), (1.0, 1.0))
    with pytest.raises(FacsimError, match="polar layers"):
        shower_features(Events(np.ones((1, 1)), np.ones((1, 2, 2)), grid, ENERGY), 0.0)
    with pytest.raises(FacsimError, match="no events"):
        shower_features(showers(2, 1)[:0], 0.0)
    with pytest.raises(FacsimError, match="must be positive"):
        shower_features(replace(showers(2, 1), condition=np.zeros((2, 1))), 0.0)


def test_thresholds_are_the_published_ones() -> None:
    assert CHALLENGES["1-photons"].threshold == CHALLENGES["1-pions"].threshold == 1.0
    assert CHALLENGES["2"].threshold == CHALLENGES["3"].threshold == pytest.approx(0.0151515, rel=1e-5)


def test_ranges_follow_the_number_of_the_layer() -> None:
    one, two = CHALLENGES["1-pions"].ranges, CHALLENGES["2"].ranges
    assert one["centre"](12) == (-500, 500)
    assert one["centre"](14) == (-100, 100)
    assert one["width"](13) == (0, 400)
    assert one["radius"](14) == (0, 1500)
    assert one["radial width"](3) == (0, 500)
    assert two["centre"](12) == (-30, 30)
    assert two["radius"](12) == (0, 42)


def test_separation_power_of_known_histograms() -> None:
    edges = np.array([0.0, 1.0, 2.0])
    assert separation_power(np.array([0.5, 1.5]), np.array([0.5, 1.5]), edges) == 0
    assert separation_power(np.array([0.5]), np.array([1.5]), edges) == 1
    half, quarter = np.array([0.5, 1.5]), np.array([0.5, 1.5, 1.5, 1.5])
    assert separation_power(half, quarter, edges) == pytest.approx(0.5 * (1 / 16 / (3 / 4) + 1 / 16 / (5 / 4)))
    assert separation_power(half, np.append(quarter, 7.0), edges) == separation_power(half, quarter, edges)  # outside the bins


def test_separations_vanish_on_the_same_showers_and_see_a_scale() -> None:
    truth = showers(400, 1)
    assert {found.value for found in separations(Contest(truth, truth, SMALL)).values()} == {0.0}
    brighter = replace(truth, response=1.5 * truth.response)
    found = separations(Contest(truth, brighter, SMALL))
    assert found["layer 0"].value > 0.05
    assert found["voxel energy"].value > 0.01
    assert found["centre_x 0"].value == pytest.approx(0, abs=0.01)
    assert all(e.error > 0 for e in found.values())


def test_swapped_layers_are_seen() -> None:
    rng = np.random.default_rng(1)
    first, second = (showers(1000, i) for i in (1, 2))
    depth = np.linspace(1, 2, 8)[:, None, None]
    truth, swapped = replace(first, response=first.response * depth), replace(second, response=second.response * depth[::-1])
    result = auc_high(Contest(truth, swapped, SMALL), recipe=ONE_SPLIT, seed=int(rng.integers(100)))
    assert result.auc > 0.9


def test_equal_samples_score_one_half() -> None:
    both = Contest(showers(1000, 1), showers(1000, 2), SMALL)
    for score in (auc_high, auc_low):
        assert score(both, recipe=ONE_SPLIT).auc == pytest.approx(0.5, abs=0.05)
        assert score(both, recipe=QUICK).auc == pytest.approx(0.5, abs=0.1)


def test_low_level_inputs_are_fractions_of_the_incident_energy() -> None:
    seen = []

    def spy(train, validation, seed):  # type: ignore[no-untyped-def]
        seen.append(train)
        return lambda sample: np.full(len(sample), 0.5)

    truth = replace(showers(200, 1), condition=np.full((200, 1), 1000.0))
    auc_low(Contest(truth, truth, SMALL), recipe=Recipe(spy, 1, 1))
    thresholded = np.where(truth.cells < 0.02, 0, truth.cells) / 1000
    assert seen[0].response.shape[1] == EVEN.n_cells
    assert np.isin(np.unique(seen[0].response), np.unique(thresholded.astype(np.float32))).all()
    np.testing.assert_allclose(seen[0].condition, 3.0)


def test_the_residual_network_reads_layers() -> None:
    quick = Recipe(OfficialResNet(Schedule(epochs=1, batch=50, rate=1e-3)), 1, 1)
    both = Contest(showers(100, 1), showers(100, 2), SMALL)
    assert 0.2 < auc_resnet(both, recipe=quick).auc < 0.8
    uneven = replace(SMALL, layers=forms(UNEVEN))
    with pytest.raises(FacsimError, match="equal form"):
        auc_resnet(Contest(showers(100, 1, UNEVEN), showers(100, 2, UNEVEN), uneven))


def test_manifold_numbers_treat_empty_voxels_as_a_tenth() -> None:
    truth = showers(100, 1)
    found = manifold(Contest(truth, truth, SMALL))
    assert found["precision"].value == found["recall"].value == found["coverage"].value == 1
    shifted = Contest(truth, replace(truth, response=truth.response * 50), SMALL)
    assert manifold(shifted)["precision"].value < 0.2


def test_the_distances_of_a_contest() -> None:
    both = Contest(showers(300, 1), showers(300, 2), SMALL)
    by_hand = frechet_physics_distance(both.features[0].matrix, both.features[1].matrix, smallest=10_000)
    assert SCORES["FPD"](both).value == by_hand.value
    assert SCORES["FPD"](both).error > by_hand.error
    assert set(SCORES) == {"AUC low", "AUC high", "AUC ResNet", "FPD", "KPD", "PRDC", "separation power"}


def test_a_contest_needs_the_right_detector() -> None:
    with pytest.raises(FacsimError, match="not that of data set 2"):
        contest(showers(10, 1), showers(10, 2), "2")
    with pytest.raises(FacsimError, match="different detectors"):
        contest(showers(10, 1), showers(10, 2, UNEVEN), "2")
    with pytest.raises(FacsimError, match="unknown data set"):
        contest(showers(10, 1), showers(10, 2), "4")


@pytest.mark.parametrize("cells", [False, True])
def test_errors_of_separation_powers_are_their_scatter(cells: bool) -> None:
    """The statistic is biased upwards, its floor too; the error is that of the scatter, or somewhat more: showers, not voxels, are independent."""
    found = []
    for toy in range(60):
        rng = np.random.default_rng(toy)
        x, y = (np.repeat(rng.exponential(1, (400, 1, 1)), 5, axis=2) if cells else rng.exponential(1, 400) for _ in range(2))
        found.append(voxel_separation(x, y + 0.2, 0.01, rng) if cells else _of_events(x, y + 0.2, np.linspace(0, 4, 21), rng))
    assert 0.75 < np.mean([f.error for f in found]) / np.std([f.value for f in found]) < 1.6


def test_spectra_of_showers_are_histograms_of_their_voxels() -> None:
    voxels, edges = np.random.default_rng(1).exponential(1, (5, 40)), np.array([0.1, 0.5, 2.0, 3.0])
    voxels[0, :3] = 0.0, 0.1, 3.0
    slow = np.array([np.histogram(row, edges)[0] for row in voxels])
    np.testing.assert_array_equal(_spectra(voxels, edges), slow)


def test_disjoint_spikes_have_an_error_of_one_event() -> None:
    found = _of_events(np.full(50, 0.5), np.full(80, 1.5), np.array([0.0, 1.0, 2.0]), np.random.default_rng(1))
    assert found == (1.0, 1 / 50)


DATA_SETS = {  # radial edges of the challenge's binning files, by layer
    "1-photons": {
        0: (1, [0, 5, 10, 30, 50, 100, 200, 400, 600]),
        1: (10, [0, 2, 4, 6, 8, 10, 12, 15, 20, 30, 40, 50, 70, 90, 120, 150, 200]),
        2: (10, [0, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 160, 200, 250, 300, 350, 400]),
        3: (1, [0, 50, 100, 200, 400, 600]),
        12: (1, [0, 100, 200, 400, 1000, 2000]),
    },
    "1-pions": {
        0: (1, [0, 5, 10, 30, 50, 100, 200, 400, 600]),
        1: (10, [0, 1, 4, 7, 10, 15, 30, 50, 90, 150, 200]),
        2: (10, [0, 5, 10, 20, 30, 50, 80, 130, 200, 300, 400]),
        3: (1, [0, 50, 100, 200, 400, 600]),
        12: (10, [0, 10, 20, 30, 50, 80, 100, 130, 160, 200, 250, 300, 350, 400, 1000, 2000]),
        13: (10, [0, 10, 20, 30, 50, 80, 100, 130, 160, 200, 250, 300, 350, 400, 600, 1000, 2000]),
        14: (1, [0, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 2000]),
    },
    "2": {i: (16, [4.65 * k for k in range(10)]) for i in range(45)},
    "3": {i: (50, [2.325 * k for k in range(19)]) for i in range(45)},
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_data_set_is_known_by_its_layers(name: str) -> None:
    detector = PolarLayers(tuple(PolarLayer(angles, tuple(edges), number) for number, (angles, edges) in DATA_SETS[name].items()))
    assert data_set_of(detector).name == name
    assert data_set_of(detector).voxels == detector.n_cells == {"1-photons": 368, "1-pions": 533, "2": 6480, "3": 40500}[name]


def test_equal_numbers_of_voxels_do_not_make_the_data_set() -> None:
    wide = PolarLayers.uniform(45, 16, [10.0 * i for i in range(10)])
    exchanged = PolarLayers.uniform(16, 45, [4.65 * i for i in range(10)])
    for other in (wide, exchanged, RegularGrid((45, 16, 9), (1.0, 1.0, 1.0))):
        with pytest.raises(FacsimError, match=r"not that of any data set .*--data-set"):
            data_set_of(other)
    assert data_set_of(wide, "2").name == "2"
    with pytest.raises(FacsimError, match="not that of data set 3"):
        data_set_of(wide, "3")
    with pytest.raises(FacsimError, match="unknown data set"):
        data_set_of(wide, "4")


def test_deposits_in_another_scale_are_refused() -> None:
    def events(ratio: float) -> Events:
        energy = np.full((30, 1), 5000.0)
        return Events(energy, ratio * energy[:, :, None, None] * np.full((30, *EVEN.shape), 1 / EVEN.n_cells), EVEN, ENERGY)

    for ratio in (0.5, 0.95, 1.2):
        require_scale(events(ratio), SMALL)
    for ratio in (0.95 * 0.033, 0.95e3, 0.0):
        with pytest.raises(FacsimError, match="sampling fraction"):
            require_scale(events(ratio), SMALL)


def test_the_official_recipe_refuses_before_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SECTIONS, "classifier_cells", None)  # type: ignore[arg-type]  # would fail if it were called
    with pytest.raises(FacsimError, match="not that of any data set"):
        evaluate(showers(200, 1), showers(200, 2), recipe="official")


@pytest.mark.shared
def test_geant4_showers_look_like_the_data_set(shared_data: Path) -> None:
    import h5py

    with h5py.File(shared_data / "sampling_calo" / "test.h5") as file:
        cells, energy = file["showers"][:1500] / 0.033, file["incident_energies"][:1500]
    detector = PolarLayers.uniform(45, 16, [4.65 * i for i in range(10)])
    events = Events(energy, cells.reshape(-1, *detector.shape), detector, ENERGY)
    found = shower_features(events, CHALLENGES["2"].threshold)
    ratio = found.total / found.incident
    assert ratio.mean() == pytest.approx(0.954, abs=0.01)
    assert ratio.std() == pytest.approx(0.058, abs=0.01)
    assert np.abs(found.centre_x.mean(0)).max() < 3  # mm: showers on the axis
    both = contest(events[:750], events[750:], "2")
    assert auc_high(both, recipe=ONE_SPLIT).auc == pytest.approx(0.5, abs=0.06)
    assert np.median([v.value for k, v in separations(both).items() if k.startswith("layer")]) < 2 * 39 / (2 * 750)  # (bins) / (2 events) is expected
