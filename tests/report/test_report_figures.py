"""What the figures show is what the events hold: heights, means, differences, orientation, units."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import StepPatch

from facsim.core import Detector, Events, GridLayer, LayeredGrid, PolarLayers, RegularGrid, Variable, Vector
from facsim.evaluation.classifier import two_sample_test
from facsim.evaluation.observables import features
from facsim.evaluation.sections_classifier import output
from facsim.report import correlations, curves, distinguish, histograms, images, moments, pareto, profiles, ratio
from facsim.report.style import COLOURS

GRID = RegularGrid((4, 6), (10.0, 5.0))
ENERGY = (Variable("energy", "MeV"),)


def events(response: Any, detector: Detector = GRID, weight: Any = None, energy: float = 100.0) -> Events:
    return Events(np.full((len(response), 1), energy), response, detector, ENERGY, weight)


def steps(figure: Figure, panel: int = 0) -> dict[str, StepPatch]:
    return {str(p.get_label()): p for p in figure.axes[panel].patches if isinstance(p, StepPatch)}


def pictures(figure: Figure) -> list[AxesImage]:
    return [image for ax in figure.axes for image in ax.get_images()]


# --- histograms -------------------------------------------------------------------------------------------------------


def test_bar_heights_are_the_fractions_of_events() -> None:
    rng = np.random.default_rng(1)
    truth, candidate = rng.normal(size=500), rng.normal(0.5, 1, size=200)
    drawn = steps(histograms.histogram((truth, np.ones(500)), {"vae": (candidate, np.ones(200))}, label="E", unit="MeV"))
    edges = histograms.edges_from(truth)
    for sample, label in ((truth, "truth"), (candidate, "vae")):
        patch = next(p for name, p in drawn.items() if name.startswith(label))
        np.testing.assert_allclose(patch.get_data().values, np.histogram(sample, edges)[0] / len(sample))
        np.testing.assert_array_equal(patch.get_data().edges, edges)


def test_bins_come_from_the_truth_alone() -> None:
    truth = (np.linspace(0, 1, 100), np.ones(100))
    near, far = (histograms.histogram(truth, {"c": (np.full(10, x), np.ones(10))}, label="E") for x in (0.5, 1e6))
    np.testing.assert_array_equal(steps(near)["truth"].get_data().edges, steps(far)["truth"].get_data().edges)
    assert "c (100.0% outside)" in steps(far)


def test_weights_count() -> None:
    bars = histograms.fractions(np.array([0.5, 0.5, 1.5]), np.array([1.0, 2.0, 1.0]), np.array([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(bars.height, [0.75, 0.25])
    np.testing.assert_allclose(bars.error, [np.sqrt(5) / 4, 0.25])


@given(st.lists(st.integers(-50, 500), min_size=2, max_size=60).filter(lambda v: len(set(v)) > 1), st.sampled_from([1.0, 1 / 144, 3.4]))
def test_values_of_equal_spacing_never_fall_on_an_edge(places: list[int], step: float) -> None:
    values = 1 - step * np.array(places)
    edges = histograms.edges_from(values)
    assert np.abs(values[:, None] - edges).min() > 0.49 * step
    assert len(edges) <= histograms.BINS + 1
    assert np.sum(values < edges[0]) <= 1 >= np.sum(values > edges[-1])
    held = np.diff(edges) / step
    np.testing.assert_allclose(held, np.round(held), atol=1e-6)


def test_continuous_values_have_no_spacing() -> None:
    assert histograms.spacing(np.random.default_rng(0).normal(size=1000)) == 0
    assert histograms.spacing(np.random.default_rng(0).poisson(30, size=1000).astype(float)) == 1


def test_given_edges_are_kept() -> None:
    drawn = steps(histograms.histogram((np.arange(9.0), np.ones(9)), {"c": (np.zeros(5), np.ones(5))}, label="d", edges=np.array([0.0, 5.0, 10.0])))
    np.testing.assert_allclose(drawn["c"].get_data().values, [1, 0])
    np.testing.assert_allclose(drawn["truth"].get_data().values, [5 / 9, 4 / 9])


def test_axes_say_observable_unit_and_ratio() -> None:
    figure = histograms.histogram((np.arange(9.0), np.ones(9)), {"vae": (np.arange(9.0), np.ones(9))}, label="$E$", unit="MeV")
    upper, lower = figure.axes
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("$E$ [MeV]", "ratio")
    assert "fraction of events" in upper.get_ylabel()


def test_ratio_is_candidate_over_truth() -> None:
    edges = np.array([0.0, 1.0, 2.0])
    truth, candidate = ratio.Bars(np.array([2.0, 4.0]), np.ones(2)), ratio.Bars(np.array([3.0, 4.0]), np.ones(2))
    figure = ratio.ratio_figure(edges, truth, {"c": candidate}, xlabel="x", ylabel="y")
    line = figure.axes[1].containers[0].lines[0]  # type: ignore[attr-defined]
    np.testing.assert_allclose(line.get_ydata(), [1.5, 1.0])


def test_numbers_of_either_sign_get_a_difference() -> None:
    truth, candidate = ratio.Bars(np.array([-1.0, 1.0]), np.ones(2)), ratio.Bars(np.array([0.5, 1.0]), np.ones(2))
    figure = ratio.ratio_figure(np.arange(3.0), truth, {"c": candidate}, xlabel="x", ylabel="y")
    assert figure.axes[1].get_ylabel() == "difference"
    np.testing.assert_allclose(figure.axes[1].containers[0].lines[0].get_ydata(), [1.5, 0.0])  # type: ignore[attr-defined]


def test_long_tails_are_drawn_on_a_logarithmic_scale() -> None:
    assert not ratio.spans_decades(np.array([1.0, 2.0, 3.0, 0.001]))
    assert ratio.spans_decades(np.array([1000.0, 1.0, 1.0, 1.0]))


def test_cell_spectrum_counts_cells_per_event() -> None:
    response = np.zeros((2, 4, 6))
    response[0, 0, :3] = 1.0
    truth = events(response)
    heights = steps(histograms.cell_spectrum(truth, {"c": truth}))["truth"].get_data().values
    assert np.sum(heights) == pytest.approx(1.5)


# --- images -----------------------------------------------------------------------------------------------------------


def test_difference_is_truth_minus_candidate() -> None:
    rng = np.random.default_rng(2)
    truth, candidate = events(rng.random((20, 4, 6))), events(rng.random((30, 4, 6)))
    expected, found, difference, _ = pictures(images.average_images(truth, {"vae": candidate}))[:4]
    np.testing.assert_allclose(expected.get_array(), truth.response.mean(0), rtol=1e-6)
    np.testing.assert_allclose(found.get_array(), candidate.response.mean(0), rtol=1e-6)
    np.testing.assert_allclose(difference.get_array(), truth.response.mean(0) - candidate.response.mean(0), atol=1e-6)
    assert difference.norm.vmin == -difference.norm.vmax  # type: ignore[operator]
    assert expected.norm is found.norm


def test_difference_in_errors_has_unit_width_for_equal_samples() -> None:
    rng = np.random.default_rng(3)
    grid = RegularGrid((30, 30), (1.0, 1.0))
    pull = images.difference_in_errors(events(rng.exponential(1, (200, 30, 30)), grid), events(rng.exponential(1, (300, 30, 30)), grid))
    assert pull.std() == pytest.approx(1, abs=0.1)
    assert abs(pull.mean()) < 0.15


@pytest.mark.parametrize(
    ("detector", "half_x", "half_y"),
    [
        (GRID, 15.0, 20.0),
        (RegularGrid((2, 4, 6), (1.0, 10.0, 5.0)), 15.0, 20.0),
        (PolarLayers.uniform(2, 16, [0.0, 2.0, 20.0]), 20.0, 20.0),
        (LayeredGrid((GridLayer(4, 6, (10.0, 5.0), 1.0), GridLayer(2, 3, (20.0, 10.0), 2.0))), 15.0, 20.0),
    ],
    ids=["grid", "volume", "polar", "layers"],
)
def test_a_hit_at_positive_x_and_y_is_drawn_right_and_up(detector: Detector, half_x: float, half_y: float) -> None:
    x, y, _ = detector.centres.T
    hit = np.zeros((1, detector.n_cells))
    cell = np.argmax((x > 0) * (y > 0) * (x + 1e-3 * y))
    hit[0, cell] = 1.0
    one = events(hit.reshape(1, *detector.shape), detector)
    drawn = pictures(images.average_images(one, {"c": one}))[0]
    left, right, bottom, top = drawn.get_extent()
    assert (left, right, bottom, top) == (-half_x, half_x, -half_y, half_y)
    assert drawn.origin == "lower"
    shown = np.asarray(drawn.get_array())
    row, column = np.argwhere(shown > 0).mean(0)
    rows, columns = shown.shape
    assert left + (column + 0.5) / columns * (right - left) == pytest.approx(x[cell], abs=0.3 * half_x)
    assert bottom + (row + 0.5) / rows * (top - bottom) == pytest.approx(y[cell], abs=0.3 * half_y)
    assert column > (columns - 1) / 2
    assert row > (rows - 1) / 2


def test_mean_image_takes_weights() -> None:
    response = np.zeros((2, 4, 6))
    response[0, 1, 2] = 4.0
    assert images.mean_image(events(response, weight=[3.0, 1.0]))[1, 2] == pytest.approx(3.0)


def test_gallery_shows_events_of_equal_conditions_on_one_scale() -> None:
    rng = np.random.default_rng(4)
    energy = rng.permutation(np.linspace(10, 100, 40))
    truth = Events(energy[:, None], energy[:, None, None] * np.ones((40, 4, 6)), GRID, ENERGY)
    candidate = truth[rng.permutation(40)]
    figure = images.gallery(truth, {"c": candidate}, columns=5)
    shown = pictures(figure)[:10]
    for above, below in zip(shown[:5], shown[5:], strict=True):
        np.testing.assert_array_equal(above.get_array(), below.get_array())
    assert len({id(image.norm) for image in shown}) == 1
    assert isinstance(shown[0].norm, LogNorm)


def test_no_event_is_shown_twice() -> None:
    assert sorted(images.nearest(np.full((4, 1), 800.0), np.full((9, 1), 800.0))) == [0, 1, 2, 3]


def test_energies_of_zero_get_a_plain_scale() -> None:
    assert (images.log_scale([np.zeros((2, 2))]).vmin, images.log_scale([np.zeros((2, 2))]).vmax) == (0, 1)
    assert images.symmetric_scale(np.zeros((2, 2))).vmax == 1


# --- profiles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("statistic", "measure"), [("mean", np.mean), ("standard deviation", np.std)])
def test_cross_sections_are_those_of_the_named_rows(statistic: str, measure: Any) -> None:
    rng = np.random.default_rng(5)
    truth = events(rng.random((50, 4, 6)))
    figure = profiles.cross_sections(truth, {"c": truth}, statistic)
    expected = measure(truth.response.astype(float), axis=0)
    for ax, row, y in zip(figure.axes, (3, 2, 1, 0), (15, 5, -5, -15), strict=True):
        data = next(p for p in ax.patches if p.get_label() == "truth").get_data()  # type: ignore[attr-defined]
        np.testing.assert_allclose(data.values, expected[row], rtol=1e-6)
        np.testing.assert_allclose(data.edges, np.linspace(-15, 15, 7))
        assert ax.texts[0].get_text() == f"y = {y} mm".replace("-", "−")


def test_radial_profile_of_a_flat_deposit_is_flat() -> None:
    rings = PolarLayers.uniform(2, 8, [0.0, 1.0, 3.0, 6.0])
    flat = events(np.tile(rings.areas, (5, 1)).reshape(5, *rings.shape), rings)
    bars = profiles.density(flat, profiles.radial_edges(profiles.radii(flat)))
    np.testing.assert_allclose(bars.height, np.ones(3), rtol=1e-6)
    np.testing.assert_allclose(bars.error, 0, atol=1e-6)


def test_energy_of_all_rings_is_the_total_energy() -> None:
    rng = np.random.default_rng(6)
    truth = events(rng.random((8, 4, 6)))
    edges = profiles.radial_edges(profiles.radii(truth))
    area = np.histogram(profiles.radii(truth), edges, weights=GRID.areas)[0]
    assert (profiles.density(truth, edges).height * area).sum() == pytest.approx(truth.cells.sum(1).mean(), rel=1e-5)


def test_layer_profile_is_the_mean_of_each_layer() -> None:
    values = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    drawn = steps(profiles.layer_profile((values, np.ones(2)), {"c": (values * 2, np.ones(2))}, label="E"))
    np.testing.assert_allclose(drawn["truth"].get_data().values, [2, 2, 2])
    np.testing.assert_allclose(drawn["c"].get_data().values, [4, 4, 4])


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_moments_equal_the_obvious_ones(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(5, 2, (n, 3)), rng.uniform(0.5, 2, n)
    mean, std = moments.mean_and_std(values, weights)
    expected = np.average(values, axis=0, weights=weights)
    np.testing.assert_allclose(mean, expected)
    np.testing.assert_allclose(std, np.sqrt(np.average((values - expected) ** 2, axis=0, weights=weights)), atol=1e-6)


def test_moments_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(7).random((50, 4, 6))
    whole = moments.mean_and_std(values, np.ones(50))
    monkeypatch.setattr(moments, "BLOCK", 70)
    np.testing.assert_allclose(moments.mean_and_std(values, np.ones(50)), whole)


# --- curves -----------------------------------------------------------------------------------------------------------


def test_response_and_resolution_of_a_known_calorimeter() -> None:
    rng = np.random.default_rng(8)
    energy = rng.uniform(10, 1000, 20_000)
    signal = curves.Signal(0.5 * (1 + 0.1 * rng.normal(size=len(energy))), energy, np.ones(len(energy)))
    mean, width = curves.binned(signal, curves.condition_edges(energy))
    np.testing.assert_allclose(mean.height, 0.5, rtol=0.02)
    np.testing.assert_allclose(curves.over(width, mean).height, 0.1, rtol=0.1)
    assert np.all(np.abs(mean.height - 0.5) < 5 * mean.error)


def test_a_bin_without_events_is_left_out() -> None:
    signal = curves.Signal(np.array([1.0, 3.0, 7.0]), np.array([1.0, 1.0, 2.0]), np.ones(3))
    mean, width = curves.binned(signal, np.array([0.0, 1.5, 3.0]))
    np.testing.assert_allclose(mean.height, [2.0, np.nan])
    np.testing.assert_allclose(width.height, [1.0, np.nan])


def test_response_figure_shows_the_ratio_to_the_truth() -> None:
    condition = np.repeat([11.0, 22.0], 30)
    value = np.tile([1.0, 3.0], 30)
    truth, candidate = curves.Signal(value, condition, np.ones(60)), curves.Signal(1.1 * value, condition, np.ones(60))
    figure = curves.response_and_resolution(truth, {"c": candidate}, variable=Variable("pdg"), label="E", unit="MeV", relative=True)
    for ax, expected in zip(figure.axes[2:], (1.1, 1.0), strict=True):
        x, y = ax.containers[0].lines[0].get_data()  # type: ignore[attr-defined]
        np.testing.assert_allclose(x, [11, 22])
        np.testing.assert_allclose(y, expected)
        assert ax.get_xlabel() == "pdg"


def test_training_curves_show_every_number() -> None:
    figure = curves.training_curves({"loss": [3.0, 2.0, 1.0], "kl $x": [1.0]})
    assert [ax.get_title() for ax in figure.axes[:2]] == ["loss", r"kl \$x"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xydata(), [[1, 3], [2, 2], [3, 1]])


# --- correlations, speed, classifiers ---------------------------------------------------------------------------------


def test_correlations_equal_those_of_numpy() -> None:
    values = np.random.default_rng(9).normal(size=(100, 4)) @ np.random.default_rng(10).normal(size=(4, 4))
    np.testing.assert_allclose(correlations.correlation(values), np.corrcoef(values.T), atol=1e-10)


def test_correlation_figure_shows_truth_and_difference() -> None:
    rng = np.random.default_rng(11)
    a, b = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    first, second = pictures(correlations.correlation_matrices(a, {"c": b}, ["x", "y", "z"]))[:2]
    np.testing.assert_allclose(first.get_array(), correlations.correlation(a))
    np.testing.assert_allclose(second.get_array(), correlations.correlation(a) - correlations.correlation(b))


def test_many_candidates_of_a_pareto_plot_are_named_in_a_legend() -> None:
    """Beyond six the colours come again: marks are then hollow, so that no two look alike."""
    names = {f"model {i}": 10.0**-i for i in range(8)}
    figure = pareto.pareto(names, dict.fromkeys(names, 0.9), label="AUC", truth_seconds=1.0)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["truth", *names]
    assert not figure.axes[0].texts
    looks = {(h[0].get_color(), h[0].get_marker(), h[0].get_fillstyle()) for h in figure.axes[0].containers}
    assert len(looks) == len(names)


def test_pareto_plot_puts_events_per_second_on_x() -> None:
    figure = pareto.pareto({"a": 0.1, "b": 0.01}, {"a": 0.6, "b": 0.7}, label="AUC", truth_seconds=1.0)
    shown = {t.get_text(): t.xy for t in figure.axes[0].texts}  # type: ignore[attr-defined]
    assert shown == {"a": (10, 0.6), "b": (100, 0.7)}
    assert figure.axes[0].get_xlabel() == "events per second"


def test_copies_of_training_events_lie_at_distance_zero() -> None:
    rng = np.random.default_rng(12)
    train, truth = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    of_truth, of_copies = distinguish.distances(train, truth, train[:150])
    assert of_copies.max() == 0
    assert np.median(of_truth) > 0.1


def test_classifier_output_separates_what_differs() -> None:
    rng = np.random.default_rng(13)
    result = two_sample_test(rng.normal(size=(400, 2)), rng.normal(4, 1, size=(400, 2)), repeats=1)
    figure = distinguish.classifier_output({"c": {"cells": output(result)}}, {"c": {"cells": "AUC 1"}})
    truth, candidate = (steps(figure)[name].get_data().values for name in ("truth", "c"))
    assert np.argmax(truth) > np.argmax(candidate)
    assert np.sum(truth) == pytest.approx(1)
    assert figure.axes[0].get_xlabel() == "probability to be truth (cells)"


def test_precision_falls_for_invented_events_and_recall_for_missing_ones() -> None:
    rng = np.random.default_rng(14)
    wide, narrow = rng.uniform(-1, 1, (2000, 2)), rng.uniform(-1, 0, (2000, 2))
    missing, invented = distinguish.precision_and_recall(wide, narrow), distinguish.precision_and_recall(narrow, wide)
    assert missing.recall.max() < 0.6 < missing.precision.max()
    assert invented.precision.max() < 0.6 < invented.recall.max()


# --- style ------------------------------------------------------------------------------------------------------------


def test_the_users_settings_stay() -> None:
    before = dict(matplotlib.rcParams)
    histograms.histogram((np.arange(9.0), np.ones(9)), {"c": (np.arange(9.0), np.ones(9))}, label="E")
    assert dict(matplotlib.rcParams) == before


def test_colours_differ() -> None:
    assert len(set(COLOURS)) == len(COLOURS)


def test_tables_have_no_picture() -> None:
    table = Events(np.zeros((3, 1)), np.ones((3, 2)), Vector(("a", "b")), ENERGY)
    assert not images.drawable(table)
    assert features(table)[0].shape == (3, 2)
