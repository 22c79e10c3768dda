"""evaluate(): quiet on equal samples, loud on every planted defect; floors, conditions, rounding, coarsening."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from facsim.core import Detector, Events, FacsimError, PolarLayer, PolarLayers, RegularGrid, Variable, Vector, coarsen, concatenate
from facsim.evaluation.classifier.two_sample import RECIPES as CLASSIFIERS
from facsim.evaluation.comparison import comparison
from facsim.evaluation.condition_bins import condition_bins
from facsim.evaluation.conditioning import curve_of, linearity, mean_departure, resolution_terms, response_curve, width_departure
from facsim.evaluation.evaluate import RECIPES, SECTIONS
from facsim.evaluation.evaluate import evaluate as judge
from facsim.evaluation.floor import three_samples
from facsim.evaluation.rounding import is_rounded, round_significant
from facsim.evaluation.scorecard import Row, Scorecard
from facsim.evaluation.structure import STRUCTURES, array_of, image_divergence, image_kl

LAYERS, ROWS, COLUMNS, SIZE = 4, 8, 6, 10.0
evaluate = partial(judge, recipe="observables")  # the classifiers have tests of their own
GRID = RegularGrid((LAYERS, ROWS, COLUMNS), (20.0, SIZE, SIZE))
VARIABLES = (Variable("energy", "MeV", 100, 1000), Variable("x", "mm", -8, 8))
HITS = 20


def toy(n: int, seed: int, *, scale: float = 1.0, spread: float = 1.0, tail: float = np.inf) -> Events:
    """A calorimeter of about 20 hits an event: a Gaussian blob about x in layers of falling energy, noise below 0.1 MeV in a tenth of the cells."""
    rng = np.random.default_rng(seed)
    condition = np.stack([rng.uniform(100, 1000, n), rng.uniform(-8, 8, n)], axis=1)
    layer = np.minimum(rng.exponential(1.2, (n, HITS)).astype(int), LAYERS - 1)
    row = np.clip(np.round(rng.normal(0, 1.2 * spread, (n, HITS)) + (ROWS - 1) / 2), 0, ROWS - 1).astype(int)
    column = np.clip(np.round(condition[:, 1:] / SIZE + rng.normal(0, 1.2 * spread, (n, HITS)) + (COLUMNS - 1) / 2), 0, COLUMNS - 1).astype(int)
    visible = np.minimum(rng.gamma(100, 0.01, (n, 1)), tail)
    energy = 0.8 * scale * condition[:, :1] * visible * rng.dirichlet(np.full(HITS, 2.0), n)
    response = np.zeros((n, LAYERS, ROWS, COLUMNS))
    np.add.at(response, (np.arange(n)[:, None], layer, row, column), energy)
    noise = rng.uniform(0, 0.1, response.shape) * (rng.random(response.shape) < 0.1)
    return Events(condition, response + noise, GRID, VARIABLES)


def with_images(events: Events) -> Events:
    """The energy as the sum of an image of 20 x 20 tracks, beside the place x."""
    image = np.zeros((len(events), 400))
    image[np.arange(len(events)), np.arange(len(events)) % 400] = events.column("energy")
    tracks = Variable("tracks", "MeV", 0.0, shape=(20, 20))
    return replace(events, condition=np.concatenate([events.condition[:, 1:], image], axis=1), variables=(VARIABLES[1], tracks))


def changed(events: Events, response: np.ndarray) -> Events:
    return replace(events, response=response)


def swapped_layers(events: Events) -> Events:
    return changed(events, events.response[:, [0, 2, 1, 3]])


def shuffled_conditions(events: Events) -> Events:
    return replace(events, condition=events.condition[np.random.default_rng(0).permutation(len(events))])


def louder_noise(events: Events) -> Events:
    return changed(events, np.where(events.response < 0.1, 2 * events.response, events.response))


def dead_cell(events: Events) -> Events:
    response = events.response.copy()
    response[:, 1, 4, 3] = 0
    return changed(events, response)


def other_quantity(events: Events) -> Events:
    """Columns exchanged with rows: x for y."""
    response = np.zeros_like(events.response)
    response[:, :, 1:7] = np.swapaxes(events.response[:, :, 1:7], 2, 3)
    return changed(events, response)


N = 3000
TRUTH, TRAIN = toy(N, 1), toy(N, 2)
DEFECTS: dict[str, tuple[Callable[[], Events], str, str]] = {
    "5% energy scale": (lambda: toy(N, 3, scale=1.05), "energy_ratio", "mean_difference"),
    "10% width": (lambda: toy(N, 3, spread=1.1), "width_y", "mean_shift"),
    "swapped layers": (lambda: swapped_layers(toy(N, 3)), "longitudinal_profile", "max_difference"),
    "dropped tail": (lambda: toy(N, 3, tail=1.15), "energy_ratio", "upper_tail"),
    "shuffled conditions": (lambda: shuffled_conditions(toy(N, 3)), "energy_ratio", "wasserstein"),
    "2x noise below threshold": (lambda: louder_noise(toy(N, 3)), "cell_spectrum", "separation"),
    "one dead cell": (lambda: dead_cell(toy(N, 3)), "occupancy", "max_difference"),
    "x for y": (lambda: other_quantity(toy(N, 3)), "centre_x", "width_difference"),
}


@pytest.mark.parametrize("name", DEFECTS)
@pytest.mark.parametrize("halved", [False, True])
def test_a_planted_defect_is_seen(name: str, halved: bool) -> None:
    make, observable, distance = DEFECTS[name]
    card = evaluate(make(), concatenate([TRUTH, TRAIN])) if halved else evaluate(make(), TRUTH, train=TRAIN)
    assert card.find(observable, distance).excess > 5


@pytest.mark.parametrize("train", [TRAIN, None], ids=["floor of train", "floor of halves"])
def test_equal_samples_lie_at_the_floor(train: Events | None) -> None:
    card = evaluate(toy(N, 3), TRUTH, train=train)
    assert len(card.rows) > 100
    assert card.worst(1)[0].excess < 4
    assert card.about["note"] == ""
    assert np.mean([r.excess for r in card.rows if not r.signed]) == pytest.approx(0, abs=0.5)


def test_the_truth_itself_scores_zero_against_itself() -> None:
    compared = comparison(TRUTH, TRUTH, TRAIN)
    for name in ("conditions", "observables", "structure", "curves"):
        for row in SECTIONS[name](compared):
            if row.observable != "neighbour_correlation":
                assert row.value == pytest.approx(0, abs=1e-9), row


def test_the_energy_scale_is_measured() -> None:
    card = evaluate(toy(N, 3, scale=1.05), TRUTH, train=TRAIN)
    row = card.find("energy_ratio", "mean_difference")
    assert row.value == pytest.approx(0.05, abs=4 * row.error)
    assert row.error == pytest.approx(0.1 * np.sqrt(2 / N), rel=0.3)


def test_a_candidate_that_ignores_one_condition_fails_in_its_bins_only() -> None:
    candidate = toy(N, 3)
    order = np.random.default_rng(0).permutation(N)
    candidate = replace(candidate, condition=np.stack([candidate.condition[:, 0], candidate.condition[order, 1]], axis=1))
    card = evaluate(candidate, TRUTH, train=TRAIN)
    assert card.find("centre_x", "wasserstein").excess < 4
    bins = {r.bin for r in card.rows if r.observable == "centre_x" and r.distance == "mean_shift" and r.excess > 5}
    assert {b.split()[0] for b in bins} == {"x"}


def test_same_seed_same_scorecard_and_another_seed_another() -> None:
    cards = [evaluate(TRAIN[:200], TRUTH[:400], seed=seed).to_json() for seed in (1, 1, 2)]
    assert cards[0] == cards[1] != cards[2]
    assert Scorecard.from_json(cards[0]).to_json() == cards[0]


def test_value_and_floor_share_sizes_and_reference() -> None:
    for train in (TRAIN, None):
        reference, candidate, floor = three_samples(TRAIN[:700], TRUTH, train, seed=3)
        assert len(candidate) == len(floor) == 700
        assert len(reference) == (N if train is not None else N - 700)
    reference, candidate, floor = three_samples(TRAIN, TRUTH, None, seed=3)
    assert len(candidate) == len(floor) == len(reference) == N // 2
    seen = {c.tobytes() for c in reference.condition}
    assert not seen & {c.tobytes() for c in floor.condition}


def test_a_candidate_made_for_the_truths_conditions_shares_those_of_the_floor() -> None:
    candidate = replace(TRAIN, condition=TRUTH.condition)
    _, cut, floor = three_samples(candidate, TRUTH, None, seed=3)
    np.testing.assert_array_equal(cut.condition, floor.condition)


def test_too_few_events_are_refused() -> None:
    with pytest.raises(FacsimError, match="too few"):
        evaluate(TRAIN[:5], TRUTH)
    with pytest.raises(FacsimError, match="too few"):
        evaluate(TRAIN, TRUTH[:30])


def test_other_conditions_are_noted_and_other_variables_refused() -> None:
    far = toy(N, 3)
    far = far[far.column("energy") > 500]
    assert "energy" in evaluate(far, TRUTH, train=TRAIN).about["note"]
    renamed = replace(TRAIN, variables=(Variable("momentum", "MeV"), VARIABLES[1]))
    with pytest.raises(FacsimError, match="momentum"):
        evaluate(renamed, TRUTH)


def test_a_finer_truth_is_coarsened_and_another_detector_refused() -> None:
    card = evaluate(coarsen(toy(600, 3), 2), TRUTH, train=TRAIN)
    assert "truth coarsened by 2" in card.about["note"]
    assert card.find("total_energy", "mean_shift").excess < 4
    with pytest.raises(FacsimError, match="different detectors"):
        evaluate(TRUTH, coarsen(TRAIN, 2))


def test_rounding_to_significant_bits_by_hand() -> None:
    events = Events(np.zeros((4, 0)), np.array([[1.0], [1.0 + 2**-11], [1.0 + 2**-12], [3e-9]]), Vector(("a",)), ())
    rounded = round_significant(events)
    assert rounded.response[:3, 0].tolist() == [1.0, 1.0 + 2**-10, 1.0]
    assert abs(rounded.response[3, 0] / np.float32(3e-9) - 1) < 5e-4
    assert np.array_equal(round_significant(rounded).response, rounded.response)


def test_rounding_is_noticed_also_after_cells_were_summed() -> None:
    """A classifier finds the numbers of single cells, exact ones, among sums; counts and whole numbers of few bits were not rounded."""
    sparse = replace(TRUTH, response=TRUTH.response * (np.random.default_rng(0).random(TRUTH.response.shape) < 0.3))
    assert is_rounded(coarsen(round_significant(sparse), 2))
    assert not is_rounded(coarsen(sparse, 2))
    for value in (0.0, 4.0, 1023.0):
        assert not is_rounded(replace(TRUTH, response=np.full_like(TRUTH.response, value)))


def test_a_rounded_truth_rounds_the_candidate() -> None:
    rounded = round_significant(TRUTH)
    assert is_rounded(rounded)
    assert not is_rounded(TRUTH)
    error = np.abs(rounded.response - TRUTH.response) / np.where(TRUTH.response > 0, TRUTH.response, 1)
    assert error.max() < 5e-4
    again = evaluate(TRUTH, rounded, train=TRAIN)
    assert "11 significant bits" in again.about["note"]
    assert all(row.value == pytest.approx(0, abs=1e-9) for row in again.rows if row.observable in ("total_energy", "maximum_cell"))


def test_tables_without_cells_are_judged_too() -> None:
    rng = np.random.default_rng(4)
    variables = (Variable("kind", choices=(1, 2)),)

    def sample(shift: float) -> Events:
        kind = rng.integers(1, 3, (2000, 1))
        return Events(kind, kind + rng.normal(shift, 1, (2000, 2)), Vector(("a", "b"), ("MeV", "1")), variables)

    equal, shifted = (evaluate(sample(shift), sample(0.0), train=sample(0.0)) for shift in (0.0, 0.3))
    assert equal.worst(1)[0].excess < 4
    assert shifted.find("a", "mean_shift", "kind 2").excess > 4


DEGENERATE = {
    "grid": RegularGrid((4, 4), (5.0, 5.0)),
    "signed grid": RegularGrid((2, 4, 4), (9.0, 5.0, 5.0), signed=True),
    "polar": PolarLayers((PolarLayer(1, (0.0, 5.0, 10.0), 0), PolarLayer(8, (0.0, 2.0, 7.0), 12, 30.0))),
    "table": Vector(("a", "b")),
}


@pytest.mark.parametrize("detector", DEGENERATE.values(), ids=DEGENERATE.keys())
def test_empty_and_constant_samples_have_finite_scores(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collapsed or silent candidate is judged, not refused; Scorecard itself refuses what is not finite."""
    monkeypatch.setitem(CLASSIFIERS, "fast", replace(CLASSIFIERS["fast"], scored=0, scored_on_columns=0, repeats=1, repeats_on_columns=1))
    rng = np.random.default_rng(2)
    live = Events(rng.uniform(100, 1000, (120, 1)), rng.exponential(2, (120, *detector.shape)), detector, VARIABLES[:1])
    silent = replace(live, response=np.zeros_like(live.response))
    frozen = replace(live, response=np.repeat(live.response[:1], 120, axis=0), condition=np.full((120, 1), 500.0))
    for candidate, truth in [(silent, live), (live, silent), (silent, silent), (frozen, live), (live, frozen)]:
        card = judge(candidate, truth)
        assert (card.worst(1)[0].excess > 5) == (candidate is not truth)


def test_negative_weights_are_judged() -> None:
    weight = np.where(np.arange(N) % 10 == 0, -0.5, 1.0)
    card = evaluate(replace(toy(N, 3), weight=weight), TRUTH, train=TRAIN)
    assert card.find("total_energy", "wasserstein").excess < 4
    assert all(r.distance != "separation" for r in card.rows if r.observable == "total_energy")


def test_a_signed_row_departs_in_both_directions() -> None:
    assert Row("a", "mean_shift", -1.0, 0.1, 0.0, 0.0, signed=True).excess == pytest.approx(10)
    assert Row("a", "ks", 0.0, 0.1, 1.0, 0.0).excess == pytest.approx(-10)


def test_no_excess_is_beyond_that_of_a_difference_without_error() -> None:
    assert Row("a", "ks", 1.0, 0.0, 0.0, 0.0).excess == Row("a", "ks", 1.0, 1e-12, 0.0, 0.0).excess == 1000
    assert Row("a", "ks", 0.0, 1e-12, 1.0, 0.0).excess == -1000
    assert Row("a", "ks", 1.0, 0.0, 1.0, 0.0).excess == 0


def test_recipes_name_sections() -> None:
    for recipe in RECIPES.values():
        assert set(recipe) <= set(SECTIONS)
    with pytest.raises(FacsimError, match="unknown recipe"):
        evaluate(TRAIN, TRUTH, recipe="fats")


def test_condition_bins_hold_every_event_once() -> None:
    bins = list(condition_bins(TRUTH))
    assert len(bins) == 8
    for name in ("energy", "x"):
        masks = [b.mask(TRUTH) for b in bins if b.variable.name == name]
        assert (np.sum(masks, axis=0) == 1).all()
        assert [m.sum() for m in masks] == [N / 4] * 4


def test_divergence_of_images_by_hand() -> None:
    reference, candidate = np.array([[1.0, 1.0]]), np.array([[3.0, 1.0]])
    assert image_divergence(candidate, reference) == pytest.approx([0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25)], rel=1e-6)
    assert image_divergence(np.array([[2.0, 0.0]]), reference)[0] > 5
    value = image_kl(TRAIN, TRUTH, events=1000, estimates=5)
    assert 0 < value.error < value.value


def test_structures_equal_slow_twins() -> None:
    events = TRUTH[:300]
    arrays = {key[0]: array_of(s, events, events) for key, s in STRUCTURES.items()}
    cells = events.cells.astype(np.float64)
    np.testing.assert_allclose(arrays["mean_image"], cells.mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(arrays["occupancy"], (cells > 0).mean(0), rtol=1e-5)
    np.testing.assert_allclose(arrays["layer_correlation"], np.corrcoef(cells.reshape(300, LAYERS, -1).sum(2).T), atol=1e-4)
    assert arrays["radial_profile"].sum() == pytest.approx(cells.sum(1).mean(), rel=1e-5)
    assert arrays["cell_spectrum"].sum() == pytest.approx((cells > 0).sum(1).mean(), rel=1e-5)
    pair = np.corrcoef(events.response[:, 0, 3, 2], events.response[:, 1, 3, 2])[0, 1]
    assert np.abs(arrays["neighbour_correlation"] - pair).min() < 1e-4


def test_a_response_curve_of_known_mean_and_width() -> None:
    n = 40_000
    rng = np.random.default_rng(8)
    energy = rng.uniform(100, 1000, (n, 1))
    events = Events(energy, np.zeros((n, 1)), Vector(("a",)), VARIABLES[:1])
    resolution = np.sqrt(4.0 / energy[:, 0] + 0.05**2)
    curve = curve_of(events, 0.8 * (1 + resolution * rng.normal(size=n)), "energy", np.linspace(100, 1000, 7))
    assert np.abs((curve.mean - 0.8) / curve.mean_error).max() < 4
    assert curve.mean_error == pytest.approx(curve.width / np.sqrt(curve.count))
    assert curve.width_error == pytest.approx(curve.width / np.sqrt(2 * curve.count), rel=0.2)
    assert linearity(curve).value < 4 * linearity(curve).error
    assert resolution_terms(curve) == pytest.approx({"stochastic": 2.0, "constant": 0.05}, rel=0.15)
    other = replace(curve, mean=curve.mean + 0.01, width=1.1 * curve.width)
    assert mean_departure(other, curve).value == pytest.approx(0.01 / curve.width.min())
    assert width_departure(other, curve).value == pytest.approx(0.1)


def test_the_toys_response_is_what_it_was_made_with() -> None:
    curve = response_curve(TRUTH)
    noise = 0.1 * 0.05 * GRID.n_cells / curve.at
    assert np.abs((curve.mean - 0.8 - noise) / curve.mean_error).max() < 4
    assert np.abs((curve.resolution - 0.1) / curve.resolution_error).max() < 4
    with pytest.raises(FacsimError, match="several columns"):
        response_curve(TRUTH, observable="hits")


@pytest.mark.shared
def test_two_geant4_samples_lie_at_the_floor_and_a_scale_10_percent_off_above(shared_data: Path) -> None:
    with h5py.File(shared_data / "electron_gun" / "e800_test.h5") as file:
        response, energy = file["showers"][:12000].reshape(-1, 64, 64), file["incident_energies"][:12000]
    events = coarsen(Events(energy, response, RegularGrid((64, 64), (3.125, 3.125)), VARIABLES[:1]), 2)
    truth, candidate, train = events[:4000], events[4000:8000], events[8000:]
    assert evaluate(candidate, truth, train=train).worst(1)[0].excess < 4
    wrong = replace(candidate, response=1.1 * candidate.response)
    assert evaluate(wrong, truth, train=train).find("total_energy", "mean_difference").excess > 4


def test_of_a_condition_that_is_an_image_the_sum_is_looked_at() -> None:
    """As if the energy itself were the condition: events at shuffled images are found."""
    truth, other = toy(1500, 1), toy(1500, 2)
    names = ("conditions", "classifier_observables")
    plain, images, planted = (
        judge(candidate, reference, recipe=names)
        for candidate, reference in (
            (other, truth),
            (with_images(other), with_images(truth)),
            (with_images(shuffled_conditions(other)), with_images(truth)),
        )
    )
    assert "of the condition tracks the sum is looked at" in images.about["note"]
    assert images.find("condition:tracks", "ks").value == pytest.approx(plain.find("condition:energy", "ks").value, abs=1e-3)
    assert images.find("observables", "auc").value < 0.58 < 0.75 < planted.find("observables", "auc").value
