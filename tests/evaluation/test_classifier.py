"""The classifier test: known areas, no leakage, planted defects."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facsim.core import FacsimError
from facsim.evaluation.classifier import RECIPES, Official, OfficialResNet, Recipe, Schedule, area_in_bin, two_sample_test
from facsim.evaluation.classifier.encoding import fit_whitener
from facsim.evaluation.classifier.fast import fit_fast, stack
from facsim.evaluation.classifier.resnet import ResNet18
from facsim.evaluation.classifier.result import area, divergence
from facsim.evaluation.classifier.sample import Sample, fold_numbers, labelled
from facsim.evaluation.classifier.threads import one_thread
from facsim.evaluation.classifier.trees import summaries

Array = NDArray[np.float32]
SMALL = Recipe(Official(hidden=64, schedule=Schedule(epochs=30, batch=200, rate=1e-3)), 1, 3)


def normal(n: int, d: int, seed: int, shift: float = 0.0) -> Array:
    return (np.random.default_rng(seed).standard_normal((n, d)) + shift).astype(np.float32)


def images(n: int, seed: int) -> Array:
    """Showers of 12 x 12 cells: a total energy spread over a random place, most cells empty."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(5.5, 1.0, (2, n, 1, 1))
    row, column = np.mgrid[:12, :12]
    shape = np.exp(-((row - y) ** 2 + (column - x) ** 2) / 6)
    energy = rng.gamma(20, 5, (n, 1, 1)) * shape / shape.sum((1, 2), keepdims=True)
    return np.asarray(rng.poisson(10 * energy) / 10, dtype=np.float32)


def slow_area(score: NDArray[np.float64], label: NDArray[np.float64]) -> float:
    """Fraction of pairs in the right order."""
    pairs = [(h > l) + 0.5 * (h == l) for h in score[label == 1] for l in score[label == 0]]  # noqa: E741
    return float(np.mean(pairs))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_area_is_the_fraction_of_ordered_pairs(rows: list[tuple[int, bool]]) -> None:
    score, label = np.array(rows, dtype=float).T
    if 0 < label.sum() < len(label):
        assert area(score, label)[0] == pytest.approx(slow_area(score, label), abs=1e-12)
        assert area(-score, label)[0] == pytest.approx(1 - area(score, label)[0], abs=1e-12)


def test_error_of_the_area_is_its_spread_over_experiments() -> None:
    rng, label = np.random.default_rng(1), np.repeat([1, 0], 200)
    repeats = [area(rng.standard_normal(400) + 0.5 * label, label) for _ in range(400)]
    value, error = np.array(repeats).T
    assert value.mean() == pytest.approx(0.5 * (1 + math.erf(0.5 / 2)), abs=0.005)  # Phi(shift / sqrt 2)
    assert error.mean() == pytest.approx(value.std(), rel=0.12)


def test_divergence_of_a_known_posterior() -> None:
    label = np.repeat([1, 0], 50)
    assert divergence(np.where(label == 1, 1.0, 0.0), label)[0] == pytest.approx(1, abs=1e-9)
    probability, label = (
        np.array([3, 3, 3, 1, 1, 1, 1, 3]) / 4,
        np.repeat([1, 0], 4),
    )  # three of four truth events above one half, three of four candidates below
    assert divergence(probability, label)[0] == pytest.approx(1 + 0.75 * math.log2(0.75) + 0.25 * math.log2(0.25), abs=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_equal_samples_give_one_half(seed: int) -> None:
    result = two_sample_test(normal(3000, 4, 2 * seed), normal(3000, 4, 2 * seed + 1), seed=seed)
    assert result.auc == pytest.approx(0.5, abs=0.02)
    assert abs(result.jsd) < 4 * result.jsd_error + 0.003
    assert 0.003 < result.auc_error < 0.02


def test_a_known_shift_gives_the_area_of_the_best_classifier() -> None:
    result = two_sample_test(normal(4000, 3, 1), normal(4000, 3, 2, shift=0.5))
    best = 0.5 * (1 + math.erf(0.5 * math.sqrt(3) / 2))
    assert best - 0.02 < result.auc < best + 3 * result.auc_error


def test_the_conditions_are_inputs() -> None:
    condition = normal(2000, 1, 1), normal(2000, 1, 2)
    linked = condition[0] + 0.1 * normal(2000, 1, 3)
    shuffled = np.random.default_rng(0).permutation(condition[1] + 0.1 * normal(2000, 1, 4))
    assert two_sample_test(linked, shuffled).auc == pytest.approx(0.5, abs=0.04)
    assert two_sample_test(linked, shuffled, condition=condition).auc > 0.9


def test_a_small_shift_of_one_column_given_another_is_seen() -> None:
    rng = np.random.default_rng(1)
    incident = rng.uniform(0, 2, (2, 2000))  # decades
    total = incident + 0.02 * rng.standard_normal((2, 2000))
    total[1] += 0.02  # 5% of the energy: one width at a given energy, a hundredth of the whole range
    x, y = (np.stack([i, t], axis=1) for i, t in zip(incident, total, strict=True))
    assert two_sample_test(x, y, repeats=1).auc == pytest.approx(0.5 * (1 + math.erf(0.5)), abs=0.04)


def test_the_whitened_table_has_unit_covariance_and_no_constants() -> None:
    x = normal(500, 3, 1)
    x[:, 2] = 2 * x[:, 0] + 1
    table = fit_whitener(sample := labelled(x, normal(500, 3, 2)[:, :2] @ np.array([[1, 0, 2], [0, 1, 0]], np.float32) + [0, 0, 1])).table(sample)
    assert table.shape == (1000, 3 + 2)  # the third column is a combination of the others
    np.testing.assert_allclose(np.cov(table[:, 3:], rowvar=False), np.eye(2), atol=0.02)
    constant = np.ones((100, 2), np.float32)
    assert np.isfinite(fit_whitener(flat := labelled(constant, constant)).table(flat)).all()


def test_very_many_columns_are_cells() -> None:
    x, y = normal(200, 1200, 1), normal(200, 1200, 2)
    y[:, 7] += 3
    assert two_sample_test(x, y, repeats=1).auc > 0.9


def test_copies_do_not_inflate() -> None:
    truth, few = normal(2000, 3, 1), normal(400, 3, 2)
    result = two_sample_test(truth, np.tile(few, (5, 1)))
    assert result.auc == pytest.approx(0.5, abs=0.06)  # 400 different events: the area is known to about 0.02


def test_copies_share_a_fold_but_empty_events_do_not() -> None:
    few = normal(40, 3, 2)
    truth = np.concatenate([normal(100, 3, 1), np.zeros((100, 3), np.float32)])
    sample = labelled(truth, np.concatenate([np.tile(few, (3, 1)), np.zeros((50, 3), np.float32)]))
    fold = fold_numbers(sample, 5, np.random.default_rng(0))
    copies = fold[200:320].reshape(3, 40)
    assert (copies == copies[0]).all()
    assert np.bincount(fold[100:200]).tolist() == pytest.approx([20] * 5, abs=12)
    assert np.bincount(fold[:200]).tolist() == [40] * 5


def test_scores_are_of_events_that_were_not_trained_on() -> None:
    seen: list[Array] = []

    def spy(train: Sample, validation: Sample, seed: int) -> object:
        seen.append(np.concatenate([train.flat[:, 0], validation.flat[:, 0]]))
        return lambda sample: np.isin(sample.flat[:, 0], seen[-1]).astype(float)

    result = two_sample_test(normal(500, 2, 1), normal(500, 2, 2), recipe=Recipe(spy, 5, 5))  # type: ignore[arg-type]
    assert not result.scores.any()
    assert sorted(result.index) == list(range(1000))


def lean(train: Sample, validation: Sample, seed: int):  # type: ignore[no-untyped-def]
    """A classifier that costs nothing: the projection on the difference of the means."""
    direction = train.flat[train.label == 1].mean(0) - train.flat[train.label == 0].mean(0)
    return lambda sample: sample.flat @ direction


@pytest.mark.parametrize("repeats", [5, 10, 15])
def test_the_error_covers_the_area_however_often_events_are_scored(repeats: int) -> None:
    """In 300 experiments with equal samples the area scatters about one half as its error says; more partitions, less scatter."""
    found = [two_sample_test(normal(100, 8, 2 * i), normal(100, 8, 2 * i + 1), recipe=Recipe(lean, 1, 1), repeats=repeats) for i in range(300)]
    areas, errors = np.array([(r.auc, r.auc_error) for r in found]).T
    assert areas.mean() == pytest.approx(0.5, abs=4 * areas.std() / math.sqrt(300))
    assert 0.8 < ((areas - 0.5) / errors).std() < 1.25


def test_each_partition_scores_every_event_once() -> None:
    result = two_sample_test(normal(200, 2, 1), normal(200, 2, 2), recipe=Recipe(lean, 1, 1), repeats=10)
    assert np.bincount(result.index).tolist() == [2] * 400
    assert len(set(zip(result.index.tolist(), result.split.tolist(), strict=True))) == 800
    first = [set(result.index[result.split == s]) for s in (0, 5)]
    assert first[0] != first[1]


def test_small_samples_are_scored_more_often() -> None:
    fast = RECIPES["fast"]
    assert [fast.splits(2, n) for n in (100, 1000, 2000, 4000, 10_000)] == [15, 10, 5, 3, 2]
    assert [fast.splits(1, n) for n in (1000, 10_000)] == [15, 5]
    assert RECIPES["official"].splits(1, 100) == 1


def test_a_perfect_epoch_ends_the_training() -> None:
    x, y = normal(200, 2, 1), normal(200, 2, 2, 100.0)
    short, long = (Recipe(Official(hidden=8, schedule=Schedule(epochs=e, batch=50, rate=1e-2)), 1, 1) for e in (20, 400))
    found = [two_sample_test(x, y, recipe=r) for r in (short, long)]
    np.testing.assert_array_equal(found[0].scores, found[1].scores)


def test_samples_of_two_lengths_are_balanced() -> None:
    result = two_sample_test(normal(600, 2, 1), normal(3000, 2, 2))
    assert len(np.unique(result.index)) == 1200
    assert result.label.mean() == 0.5
    assert result.jsd == pytest.approx(0, abs=0.03)
    assert (result.index[result.label == 1] < 600).all()
    assert (result.index[result.label == 0] >= 600).all()
    assert result.index.max() > 2000


DEFECTS = {
    "5% energy scale": (lambda x: 1.05 * x, 0.55),
    "one dead cell": (lambda x: np.where(np.arange(144).reshape(12, 12) == 66, 0, x), 0.8),
    "swapped halves": (lambda x: np.concatenate([x[:, :6], np.roll(x[:, 6:], 1, axis=0)], axis=1), 0.8),
    "noise": (lambda x: x + np.random.default_rng(0).binomial(1, 0.02, x.shape) * 0.01, 0.8),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_planted_defects_are_seen(name: str) -> None:
    plant, least = DEFECTS[name]
    result = two_sample_test(images(1500, 1), plant(images(1500, 2)).astype(np.float32), repeats=1)
    assert result.auc > least


def test_equal_images_give_one_half() -> None:
    result = two_sample_test(images(1500, 1), images(1500, 2), repeats=2)
    assert abs(result.auc - 0.5) < 3 * result.auc_error


def test_a_defect_at_one_end_shows_in_its_bin() -> None:
    truth, candidate = normal(3000, 2, 1), normal(3000, 2, 2)
    energy = np.random.default_rng(3).uniform(0, 1, (2, 3000, 1)).astype(np.float32)
    candidate[:, 0] += 2 * (energy[1, :, 0] > 0.8)
    result = two_sample_test(truth, candidate, condition=(energy[0], energy[1]))
    high = energy.ravel() > 0.8
    assert area_in_bin(result, ~high)[0] == pytest.approx(0.5, abs=0.04)
    assert area_in_bin(result, high)[0] > 0.85
    with pytest.raises(FacsimError, match="wider bins"):
        area_in_bin(result, np.zeros(6000, dtype=bool))


def test_the_official_perceptron_learns_a_shift() -> None:
    x, y = normal(2000, 3, 1), normal(2000, 3, 2, shift=0.5)
    official = two_sample_test(x, y, recipe=SMALL)
    best = 0.5 * (1 + math.erf(0.5 * math.sqrt(3) / 2))
    assert best - 0.04 < official.auc < best + 3 * official.auc_error
    assert two_sample_test(x, normal(2000, 3, 5), recipe=SMALL).auc == pytest.approx(0.5, abs=0.04)


def test_the_published_perceptron_has_the_published_form() -> None:
    network = Official()._network(533 + 1)
    assert sum(p.numel() for p in network.parameters()) == 535 * 2048 + 2 * 2049 * 2048 + 2049
    assert {p.dtype for p in network.parameters()} == {torch.float64}


def test_the_residual_network_has_eighteen_layers_and_reads_its_condition() -> None:
    network = ResNet18(conditions=1).eval()
    weights = [m for m in network.modules() if isinstance(m, torch.nn.Conv3d | torch.nn.Linear) and m.weight.shape[2:] != (1, 1, 1)]
    assert len(weights) == 18
    cells = torch.rand(2, 1, 45, 16, 9)
    assert network((cells, torch.zeros(2, 1))).shape == (2, 1)
    assert not torch.equal(network((cells, torch.zeros(2, 1))), network((cells, torch.ones(2, 1))))


def test_the_residual_network_sees_a_dead_layer() -> None:
    recipe = Recipe(OfficialResNet(Schedule(epochs=8, batch=20, rate=2e-3), torch.float32), 1, 1)
    x, y = (np.random.default_rng(i).gamma(1, 1, (100, 8, 8, 8)).astype(np.float32) for i in (1, 2))
    y[:, 4:] = 0
    energy = np.ones((100, 1), dtype=np.float32)
    assert two_sample_test(x, y, condition=(energy, energy), recipe=recipe).auc > 0.95


def test_one_seed_one_result() -> None:
    x, y = images(200, 1), images(200, 2)
    first, second = (two_sample_test(x, y, repeats=1, seed=3).scores for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_summaries_are_the_marginals() -> None:
    response = np.arange(24, dtype=np.float32).reshape(1, 4, 6)
    found = summaries(response)[0]
    np.testing.assert_array_equal(found[:4], [15, 51, 87, 123])
    np.testing.assert_array_equal(found[4:10], [36, 40, 44, 48, 52, 56][:6])
    assert found[10:].tolist() == [276, 23, 4324, 1, 19, 20, 21, 22, 23]


def test_stacking_ignores_a_useless_member() -> None:
    rng, label = np.random.default_rng(1), np.repeat([1.0, 0.0], 500)
    useful = (2 * label - 1 + rng.standard_normal(1000)).astype(np.float32)[:, None]
    sample = Sample(useful, np.empty((1000, 0), np.float32), label)
    noise = rng.standard_normal(1000)
    joined = stack([lambda s: s.flat[:, 0], lambda s: noise], sample)(sample)
    assert area(joined, label)[0] == pytest.approx(area(useful[:, 0], label)[0], abs=0.01)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (normal(100, 2, 1), normal(100, 3, 1), "different forms"),
        (normal(100, 2, 1), normal(20, 2, 1), "too few events"),
        (normal(100, 2, 1), np.full((100, 2), np.nan, np.float32), "not finite"),
    ],
)
def test_bad_samples_are_refused(x: Array, y: Array, message: str) -> None:
    with pytest.raises(FacsimError, match=message):
        two_sample_test(x, y)


def test_bad_settings_are_refused() -> None:
    x, y = normal(100, 2, 1), normal(100, 2, 2)
    with pytest.raises(FacsimError, match="classifier recipe"):
        two_sample_test(x, y, recipe="fastt")
    with pytest.raises(FacsimError, match="repeats"):
        two_sample_test(x, y, repeats=16)
    with pytest.raises(FacsimError, match="conditions do not match"):
        two_sample_test(x, y, condition=(x[:50], y))


@pytest.mark.shared
def test_two_halves_of_the_electron_gun_cannot_be_told_apart(shared_data: Path) -> None:
    import h5py

    with h5py.File(shared_data / "electron_gun" / "e800_test.h5") as file:
        cells = file["showers"][:4000].reshape(-1, 16, 4, 16, 4).sum((2, 4))
    result = two_sample_test(cells[:2000], cells[2000:])
    assert abs(result.auc - 0.5) < 3 * result.auc_error
    assert two_sample_test(cells[:2000], 1.05 * cells[2000:], repeats=1).auc > 0.55


def test_the_fast_classifier_leaves_the_number_of_threads_as_it_was() -> None:
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        x, y = np.random.default_rng(1).normal(size=(2, 100, 3))
        fit_fast(*(labelled(x, y),) * 2, 0)(labelled(x, y))
        seen.append(torch.get_num_threads())
        with one_thread():
            seen.append(torch.get_num_threads())
        with pytest.raises(ZeroDivisionError):
            one_thread()(lambda: 1 / 0)()
        seen.append(torch.get_num_threads())
    finally:
        torch.set_num_threads(before)
    assert seen == [2, 1, 2]
