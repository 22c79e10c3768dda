"""The catalogue: complete, and every small function right where the answer can be derived."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import norm

from facsim.core import FacsimError
from facsim.evaluation.catalogue import MEASURES, Measure
from facsim.evaluation.catalogue.bins import different_bins, retrieval
from facsim.evaluation.catalogue.density import average_log_likelihood, log_density, mass_coverage
from facsim.evaluation.catalogue.images import power_spectrum, sharpness, similarity_among, structural_similarity
from facsim.evaluation.catalogue.labels import am_score, boundary_distortion, inception_score, mode_score, train_on_candidate
from facsim.evaluation.catalogue.networks import latent_reconstruction_error, tournament, wasserstein_critic

Array = NDArray[np.float64]
REQUIRED = [
    "log-likelihood",
    "coverage",
    "inception-score",
    "frechet-distance",
    "mmd",
    "wasserstein-critic",
    "birthday-test",
    "classifier-two-sample-test",
    "train-on-candidate",
    "boundary-distortion",
    "ndb",
    "image-retrieval",
    "tournament",
    "prd",
    "latent-reconstruction",
    "ssim",
    "sharpness",
    "power-spectrum",
    "nearest-neighbours",
    "mode-drop",
]


def normal(n: int, d: int, seed: int, shift: float = 0.0) -> Array:
    return np.asarray(np.random.default_rng(seed).standard_normal((n, d)) + shift)


# --- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REQUIRED)
def test_every_measure_of_the_list_works(name: str) -> None:
    assert callable(MEASURES[name].function)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda m: m.name)
def test_every_measure_is_described(measure: Measure) -> None:
    assert measure.summary
    assert measure.source
    if measure.function is None:
        assert len(measure.reason.split()) > 5
    else:
        assert "Source" in (measure.function.__doc__ or "") or "see `train_on_candidate`" in (measure.function.__doc__ or "")


def test_a_measure_needs_a_function_or_a_reason() -> None:
    with pytest.raises(FacsimError, match="incomplete"):
        Measure("x", "y", "z")
    with pytest.raises(FacsimError, match="incomplete"):
        Measure("x", "y", "z", max, "but")


# --- density ---------------------------------------------------------------------------------------------------------


def test_kernel_density_is_a_density() -> None:
    grid = np.linspace(-8, 8, 4001)[:, None]
    density = np.exp(log_density(grid, normal(50, 1, 1)))
    assert density.sum() * 16 / 4000 == pytest.approx(1, abs=1e-6)
    sample = normal(3, 2, 1)
    h = 3 ** (-1 / 6)
    slow = np.mean([math.exp(-float(np.sum((sample[0] * 0 + 0.5 - s) ** 2)) / (2 * h * h)) / (2 * math.pi * h * h) for s in sample])
    assert log_density(np.full((1, 2), 0.5), sample)[0] == pytest.approx(math.log(slow))


def test_log_likelihood_of_a_normal_sample_is_its_negative_entropy() -> None:
    x, y = normal(2000, 1, 1), normal(2000, 1, 2)
    assert average_log_likelihood(x, y).value == pytest.approx(-0.5 * math.log(2 * math.pi * math.e), abs=0.08)
    assert average_log_likelihood(x, y + 1).value < average_log_likelihood(x, y).value - 0.3


def test_coverage_of_equal_samples_is_the_level_and_halves_with_the_modes() -> None:
    x, y = normal(3000, 2, 1), normal(3000, 2, 2)
    assert mass_coverage(x, y).value == pytest.approx(0.95, abs=0.02)
    modes = 20 * (np.arange(3000) % 2)[:, None]
    assert mass_coverage(x + modes, y).value == pytest.approx(0.95 / 2, abs=0.02)


# --- labels ----------------------------------------------------------------------------------------------------------


def test_scores_of_a_perfect_and_of_a_collapsed_candidate() -> None:
    classes, uniform = np.eye(4)[np.arange(400) % 4], np.full(4, 0.25)
    collapsed = np.tile(np.eye(4)[0], (400, 1))
    assert inception_score(classes) == 4
    assert inception_score(collapsed) == 1
    assert mode_score(classes, uniform) == pytest.approx(4)
    assert mode_score(collapsed, uniform) == pytest.approx(1)
    assert am_score(classes, uniform) == pytest.approx(0, abs=1e-9)
    assert am_score(np.full((10, 4), 0.25), uniform) == pytest.approx(math.log(4))


def classes(n: int, seed: int, swap: float = 0.0) -> tuple[Array, NDArray[np.int64]]:
    label = np.arange(n) % 2
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2)) + 2 * label[:, None]
    return x, np.where(rng.random(n) < swap, 1 - label, label)


def test_a_classifier_learns_the_same_from_equal_samples() -> None:
    found = train_on_candidate(*classes(3000, 1), *classes(3000, 2))
    best = norm.cdf(math.sqrt(2))  # half the distance of the class centres, in units of the width
    assert found.truth.value == pytest.approx(best, abs=0.04)
    assert found.candidate.value == pytest.approx(found.truth.value, abs=0.03)


def test_mixed_up_classes_distort_the_boundary() -> None:
    found = boundary_distortion(*classes(3000, 1), *classes(3000, 2, swap=0.9))
    assert found.value > 0.5
    with pytest.raises(FacsimError, match="nothing to classify"):
        boundary_distortion(*classes(300, 1), normal(300, 2, 1), np.zeros(300))


# --- bins and neighbours ---------------------------------------------------------------------------------------------


def test_different_bins_of_equal_samples_are_as_many_as_the_significance() -> None:
    shares = [different_bins(normal(4000, 2, 2 * i), normal(2000, 2, 2 * i + 1), seed=i).value for i in range(12)]
    assert np.mean(shares) == pytest.approx(0.05, abs=0.04)
    assert different_bins(normal(4000, 2, 1), normal(2000, 2, 2, shift=0.5)).value > 0.5


def test_retrieval_of_equal_samples_is_one_half() -> None:
    x, y = normal(2000, 3, 1), normal(2000, 3, 2)
    found = retrieval(x, y)
    assert abs(found.value - 0.5) < 4 * found.error
    assert retrieval(x, np.repeat(y[:20], 100, axis=0)).value < 0.2


# --- networks --------------------------------------------------------------------------------------------------------


def test_the_critic_measures_a_shift() -> None:
    x, y = normal(4000, 2, 1), normal(4000, 2, 2)
    y[:, 0] += 1.5
    assert wasserstein_critic(x, y).value == pytest.approx(1.5, rel=0.15)
    same = wasserstein_critic(x, normal(4000, 2, 3))
    assert abs(same.value) < 4 * same.error + 0.02


def test_the_better_candidate_wins_the_tournament() -> None:
    found = tournament(normal(900, 2, 1), {"good": normal(600, 2, 2), "bad": normal(600, 2, 3, shift=1.0), "worse": normal(600, 2, 4, shift=2.0)})
    assert found["good"] < found["bad"] < found["worse"]
    assert found["good"] == pytest.approx(0.5, abs=0.1)
    with pytest.raises(FacsimError, match="tournament"):
        tournament(normal(900, 2, 1), {"alone": normal(600, 2, 2)})


def test_latent_search_finds_the_projection() -> None:
    x = normal(20, 3, 1)
    error = latent_reconstruction_error(lambda z: torch.cat([z, 0 * z[:, :1]], dim=1), x, latent=2, steps=500)
    np.testing.assert_allclose(error, np.abs(x[:, 2]) / math.sqrt(3), atol=0.01)  # a generator of the plane z = 0


# --- pictures --------------------------------------------------------------------------------------------------------


def pictures(n: int, seed: int) -> Array:
    return np.asarray(np.random.default_rng(seed).random((n, 24, 24)))


def test_structural_similarity_of_equal_shifted_and_inverted_pictures() -> None:
    a = pictures(3, 1)
    np.testing.assert_allclose(structural_similarity(a, a, 1.0), 1)
    assert (structural_similarity(a, 1 - a, 1.0) < 0).all()
    level = structural_similarity(np.full((1, 24, 24), 0.2), np.full((1, 24, 24), 0.6), 1.0)
    assert level[0] == pytest.approx((2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4))  # flat pictures: the luminance term alone
    np.testing.assert_allclose(structural_similarity(a, pictures(3, 2), 1.0), structural_similarity(pictures(3, 2), a, 1.0))


def test_copies_are_similar_among_each_other() -> None:
    assert similarity_among(np.repeat(pictures(1, 1), 20, axis=0)).value == pytest.approx(1)
    assert abs(similarity_among(pictures(50, 1)).value) < 0.1


def test_sharpness_of_a_point_an_edge_and_a_plain() -> None:
    point, plain = np.zeros((1, 5, 5)), np.ones((1, 5, 5))
    point[0, 2, 2] = 3
    assert sharpness(point)[0] == pytest.approx(4)
    assert sharpness(plain)[0] == 0
    assert sharpness(np.zeros((1, 5, 5)))[0] == 0


def test_power_spectrum_of_a_point_is_flat_and_of_a_wave_is_a_line() -> None:
    point = np.zeros((1, 16, 16))
    point[0, 5, 9] = 4
    frequency, power = power_spectrum(point)
    np.testing.assert_allclose(power, 16 / 256)
    wave = np.cos(2 * np.pi * 4 * np.arange(16) / 16) * np.ones((1, 16, 1))
    frequency, power = power_spectrum(wave)
    assert frequency[power.argmax()] == pytest.approx(0.25, abs=0.02)
    assert power.max() / power.sum() > 0.99


def test_power_adds_up_to_the_energy_of_the_picture() -> None:
    image = pictures(1, 3)
    _, power = power_spectrum(image)
    ring = np.rint(24 * np.hypot(*np.meshgrid(np.fft.fftfreq(24), np.fft.fftfreq(24)))).astype(int)
    assert power @ np.bincount(ring.ravel()) == pytest.approx(np.square(image).sum())


def test_pictures_have_rows_and_columns() -> None:
    with pytest.raises(FacsimError, match="no pictures"):
        sharpness(np.zeros((5, 5)))
