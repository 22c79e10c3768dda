"""Measures of pictures [n, rows, columns]: structural similarity, sharpness, power spectrum."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from facsim.core import FacsimError, stream
from facsim.core.events import Array
from facsim.evaluation.multivariate.samples import Estimate

SIGMA, K1, K2 = 1.5, 0.01, 0.03  # of the Gaussian window in pixels, and the two stabilising constants


def structural_similarity(a: Array, b: Array, span: float) -> Array:
    """Structural similarity of pictures a and b [n, rows, columns], pair by pair, [n]: 1 if equal; `span` is the largest value.

    Source: Z. Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE Trans. Image Proc. 13 (2004) 600.
    """
    a, b = _pictures(a), _pictures(b)
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b, both = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2, _blur(a * b) - mean_a * mean_b
    index = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return np.asarray(index.mean((1, 2)))


def similarity_among(images: Array, *, pairs: int = 1000, seed: int = 0) -> Estimate:
    """Mean structural similarity of random pairs of pictures: higher than the truth's means less varied. Compare with the same of the truth.

    Source: A. Odena et al., Conditional image synthesis with auxiliary classifier GANs, 2016, arXiv:1610.09585.
    """
    images, rng = _pictures(images), stream(seed, "pairs")
    first = rng.integers(0, len(images), pairs)
    second = (first + rng.integers(1, len(images), pairs)) % len(images)
    found = structural_similarity(images[first], images[second], float(images.max()) or 1.0)
    return Estimate(float(found.mean()), float(found.std() / np.sqrt(pairs)))


def sharpness(images: Array) -> Array:
    """Sum of the absolute differences between neighbouring pixels over the sum of the pixels' magnitudes, [n]; 0 for flat pictures.

    Source: M. Mathieu et al., Deep multi-scale video prediction beyond mean square error, 2015, arXiv:1511.05440 (gradients as sharpness).
    """
    images = _pictures(images)
    rows, columns = (np.abs(np.diff(images, axis=axis)).sum((1, 2)) for axis in (1, 2))
    total = np.abs(images).sum((1, 2))
    return np.asarray((rows + columns) / np.where(total > 0, total, 1))


def power_spectrum(images: Array) -> tuple[Array, Array]:
    """Mean power of pictures [n, rows, columns] by spatial frequency: frequencies in cycles a pixel [k], and power [k] averaged over directions.

    Source: A. Torralba, A. Oliva, Statistics of natural image categories, Network 14 (2003) 391.
    """
    images = _pictures(images)
    power = np.square(np.abs(np.fft.fft2(images))).mean(0) / images[0].size
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in images.shape[1:]), indexing="ij"))
    ring = np.rint(frequency * min(images.shape[1:])).astype(int)
    count = np.bincount(ring.ravel())
    sums = [np.bincount(ring.ravel(), weights=values.ravel()) for values in (frequency, power)]
    return sums[0] / count, sums[1] / count


def _pictures(images: Array) -> Array:
    images = np.asarray(images, dtype=np.float64)
    if images.ndim != 3 or not len(images) or not np.isfinite(images).all():
        raise FacsimError("these are no pictures", expected="finite numbers [n, rows, columns]", got=f"an array of shape {list(images.shape)}")
    return images


def _blur(images: Array) -> Array:
    return np.asarray(gaussian_filter(images, SIGMA, axes=(1, 2), truncate=3.5))
