"""Toy densities against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, kstest, norm

from facsim.core import FacsimError
from facsim.simulators import Beta, Gaussian


@pytest.mark.parametrize("mean", [-3.0, 0.0, 200.0])
def test_gaussian_has_the_mean_of_its_condition(mean: float) -> None:
    x = Gaussian(width=1.5).simulate(np.full((20_000, 1), mean), np.random.default_rng(0)).response[:, 0]
    assert kstest(x, norm(mean, 1.5).cdf).pvalue > 1e-3
    assert kstest(x, norm(mean + 0.1, 1.5).cdf).pvalue < 1e-3


def test_gaussian_density() -> None:
    x = np.linspace(-3, 5, 9)
    assert Gaussian(width=0.7).log_density(x, np.array(1.0)) == pytest.approx(norm(1.0, 0.7).logpdf(x))


def test_beta_follows_its_parameters() -> None:
    condition = np.concatenate([np.tile([2.0, 5.0], (20_000, 1)), np.tile([0.5, 0.5], (20_000, 1))])
    x = Beta().simulate(condition, np.random.default_rng(0)).response[:, 0]
    assert kstest(x[:20_000], beta(2, 5).cdf).pvalue > 1e-3
    assert kstest(x[20_000:], beta(0.5, 0.5).cdf).pvalue > 1e-3


def test_prior_of_means_fills_its_range() -> None:
    means = Gaussian(mean_low=0, mean_high=10).prior(10_000, np.random.default_rng(0))[:, 0]
    assert kstest(means, "uniform", args=(0, 10)).pvalue > 1e-3


def test_refusals() -> None:
    with pytest.raises(FacsimError, match="no width"):
        Gaussian(width=0)
    with pytest.raises(FacsimError, match="range of means"):
        Gaussian(mean_low=1, mean_high=0)
    with pytest.raises(FacsimError, match="positive parameters"):
        Beta(a=-1)
    with pytest.raises(FacsimError, match="'a' is outside"):
        Beta().simulate(np.array([[-1.0, 2.0]]), np.random.default_rng(0))
