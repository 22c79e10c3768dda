"""Diversity: variety at a fixed condition, repeated events, memorised events, lost modes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp
from sklearn.cluster import MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors

from facsim.core import FacsimError, stream
from facsim.core.events import Array
from facsim.evaluation.classifier.result import area
from facsim.evaluation.multivariate.samples import UNWEIGHTED, Estimate, Weighted, Weights, checked, jackknife, squared_distances, weighted

SIGNIFICANT = 4.0  # standard errors by which a mode must be short to count as dropped
SHARE = 0.1  # of its expected population below which a mode counts as dropped


def variety(x: Array, y: Array, *, weight: Weights = UNWEIGHTED, seed: int = 0) -> Estimate:
    """Total variance of candidate y [m, ...] over that of truth x [n, ...], all of one condition: 1 if as varied, 0 if all are alike.

    Source: LHCb HCAL thesis, 2019 (event variety: a thousand generated images of one track against truth events of nearly equal tracks).

    Raises:
        FacsimError: if the forms differ, there are fewer than 20 events, values are not finite, or the truth does not vary.
    """
    x, y = checked(x.reshape(len(x), -1), y.reshape(len(y), -1), 20)
    if not np.ptp(x, axis=0).any():
        raise FacsimError("the truth does not vary", expected="different events of one condition", got="copies of one event")
    return jackknife(lambda a, b: total_variance(b) / total_variance(a), weighted(x, weight[0]), weighted(y, weight[1]), seed=seed)


def total_variance(x: Weighted) -> float:
    """Sum over columns of the unbiased variance of events with weights.

    Examples:
        >>> total_variance(weighted(np.array([[1.0, 5.0], [3.0, 5.0]]), None))
        2.0
    """
    share = x.weight / x.total
    return float(share @ np.square(x.x - share @ x.x).sum(1)) / (1 - x.squares / x.total**2)


# --- birthday test ----------------------------------------------------------------------------------------------------


def collisions(x: Array, tolerance: float = 0.0) -> int:
    """Number of pairs of events of x [n, d] at a distance of at most `tolerance`.

    Examples:
        >>> collisions(np.array([[0.0], [0.0], [0.0], [5.0]]))
        3
    """
    return int(partners(x, tolerance).sum()) // 2


def partners(x: Array, tolerance: float = 0.0, weight: Array | None = None) -> Array:
    """For each event of x [n, d] the number (the weight) of other events at a distance of at most `tolerance`, [n].

    Examples:
        >>> partners(np.array([[0.0], [3.0], [7.0]]), 3.5).tolist()
        [1, 1, 0]
    """
    own = np.ones(len(x), dtype=np.int64) if weight is None else weight
    if tolerance == 0:
        which = np.unique(x, axis=0, return_inverse=True)[1].reshape(-1)
        return np.asarray(np.bincount(which, weight)[which] - own)
    near = (s <= tolerance**2 for s in squared_distances(x, x))
    found = np.concatenate([np.count_nonzero(b, axis=1) if weight is None else b.astype(np.float64) @ weight for b in near])
    return np.asarray(found - own)


def collisions_with_error(x: Array, tolerance: float, weight: Array | None = None) -> Estimate:
    """As `collisions`, and its standard error: that of a count, and more where few events are in many pairs. A pair counts both its weights.

    The number of pairs is half the sum of the events' partners, which are not independent: the variance is that of the sum of partners, less
    the pairs themselves, which that counts twice.

    Source: W. Hoeffding, A class of statistics with asymptotically normal distribution, Annals of Mathematical Statistics 19 (1948) 293.
    """
    events = weighted(x, weight)
    others = events.weight * partners(x, tolerance, weight)
    squares = others if weight is None else events.weight**2 * partners(x, tolerance, events.weight**2)
    pairs, square = others.sum() / 2, squares.sum() / 2
    return Estimate(float(pairs), math.sqrt(max(len(x) * others.var() - square, square, events.squares / len(x))))


def support_size(x: Array, tolerance: float = 0.0) -> float:
    """How many different events the sample x [n, d] is drawn from, if all are equally likely: pairs over colliding pairs; infinite without any.

    Source: S. Arora, Y. Zhang, Do GANs actually learn the distribution? An empirical study, 2017, arXiv:1706.08224.
    """
    found = collisions(x, tolerance)
    return len(x) * (len(x) - 1) / 2 / found if found else math.inf


def birthday_ratio(x: Array, y: Array, *, weight: Weights = UNWEIGHTED, pairs: int = 200) -> Estimate:
    """How much more often two candidate events y [m, d] almost coincide than two truth events x [n, d]: 1 for equal samples.

    "Almost" is the distance below which the truth has `pairs` pairs; larger ratios mean a smaller support.

    Source: S. Arora, Y. Zhang, 2017, arXiv:1706.08224.

    Raises:
        FacsimError: for bad samples, or a truth of fewer than `pairs` pairs.
    """
    x, y = checked(x, y, 20)
    if len(x) * (len(x) - 1) // 2 < 2 * pairs:
        raise FacsimError("too few events for a birthday test", expected=f"{2 * pairs} pairs", got=f"{len(x)} events")
    tolerance = _closest(x, pairs)
    of_x, of_y = (collisions_with_error(s, tolerance, w) for s, w in zip((x, y), weight, strict=True))
    all_x, all_y = (s.total**2 - s.squares for s in map(weighted, (x, y), weight))
    unit = all_x / all_y / of_x.value
    return Estimate(unit * of_y.value, unit * math.hypot(of_y.error, of_y.value * of_x.error / of_x.value))


def _closest(x: Array, pairs: int) -> float:
    """Distance of the `pairs`-th closest pair."""
    smallest = np.empty(0)
    for squared in squared_distances(x, x):
        kept = min(2 * pairs + len(x), squared.size)  # every pair twice, every event once with itself
        smallest = np.concatenate([smallest, np.partition(squared, kept - 1, axis=None)[:kept]])
        kept = min(2 * pairs + len(x), smallest.size)
        smallest = np.partition(smallest, kept - 1)[:kept]
    return float(math.sqrt(np.sort(smallest)[-1]))


# --- memorisation -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memorisation:
    """How near the candidate lies to the training events, against how near unseen truth lies.

    auc: probability that a candidate event is nearer to its closest training event than a truth event is (0.5: no memory; 1: all copied);
    ks: Kolmogorov-Smirnov distance between the two distributions of distances; copied: fraction of exact copies of training events.
    """

    auc: Estimate
    ks: float
    copied: float


def memorisation(train: Array, test: Array, candidate: Array, *, weight: Weights = UNWEIGHTED) -> Memorisation:
    """Distances candidate -> train against test -> train, events [n, ...] as they are (give features, or cells).

    `weight`: of test and candidate; the Kolmogorov-Smirnov distance and the copies count events.

    Source: nearest neighbours as in C. Meehan et al., A non-parametric test to detect data-copying in generative models, 2020, arXiv:2004.05675.

    Raises:
        FacsimError: if the forms differ, samples have fewer than 20 events, or values are not finite.
    """
    train, test, candidate = (s.reshape(len(s), -1) for s in (train, test, candidate))
    train, test = checked(train, test, 20)
    _, candidate = checked(train, candidate, 20)
    near_test, near_candidate = nearest(test, train), nearest(candidate, train)
    label = np.repeat([0, 1], [len(test), len(candidate)])
    both = np.concatenate([weighted(s, w).weight for s, w in zip((test, candidate), weight, strict=True)])
    auc = area(-np.concatenate([near_test, near_candidate]), label, both)
    ks = float(ks_2samp(near_candidate, near_test).statistic)
    return Memorisation(Estimate(*auc), ks, copied_fraction(train, candidate))


def nearest(x: Array, others: Array) -> Array:
    """Distance of every event of x [n, d] to the closest of `others` [m, d], [n]."""
    return np.asarray(NearestNeighbors(n_neighbors=1).fit(others).kneighbors(x)[0][:, 0])


def copied_fraction(train: Array, candidate: Array) -> float:
    """Fraction of candidate events that equal a training event in every number; events of zeros alone do not count."""
    return float(copies(train, candidate).mean())


def copies(train: Array, candidate: Array) -> Array:
    """Which candidate events equal a training event in every number and are not zero, bool [n]."""
    known = {row.tobytes() for row in train}
    return np.array([row.tobytes() in known and bool(row.any()) for row in candidate])


# --- modes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Modes:
    """Populations of modes: fractions of truth and candidate in each, [modes], and the (effective) number of events behind them."""

    truth: Array
    candidate: Array
    sizes: tuple[float, float]

    @property
    def dropped(self) -> Array:
        """Indices of modes of which the candidate holds less than a tenth of its due, by more than four standard errors."""
        error = np.sqrt(self.truth / self.sizes[0] + self.truth / self.sizes[1])
        missing = self.truth - self.candidate
        return np.flatnonzero((self.candidate < SHARE * self.truth) & (missing > SIGNIFICANT * error))

    @property
    def lost(self) -> float:
        """Fraction of the truth that lies in dropped modes."""
        return float(self.truth[self.dropped].sum())

    @property
    def moved(self) -> float:
        """Fraction of the candidate that sits in the wrong mode (total variation; positive even between equal samples)."""
        return float(np.maximum(self.truth - self.candidate, 0).sum())


def modes(x: Array, y: Array, *, weight: Weights = UNWEIGHTED, centres: Array | None = None, number: int = 20, seed: int = 0) -> Modes:
    """Populations of the modes of truth x [n, d] in candidate y [m, d]: known `centres` [modes, d], else k-means clusters of the truth.

    Source: A. Srivastava et al., VEEGAN, 2017, arXiv:1705.07761 (captured modes).

    Raises:
        FacsimError: for bad samples, or fewer events than modes.
    """
    x, y = checked(x, y, number if centres is None else 2)
    known = kmeans_centres(x, number, seed) if centres is None else np.asarray(centres, dtype=np.float64)
    both = weighted(x, weight[0]), weighted(y, weight[1])
    truth, candidate = (_population(s, known) for s in both)
    sizes = [s.total**2 / s.squares for s in both]
    return Modes(truth, candidate, (sizes[0], sizes[1]))


def kmeans_centres(x: Array, number: int, seed: int) -> Array:
    """Centres of `number` k-means clusters of x [n, d], [number, d]."""
    random = int(stream(seed, "modes").integers(2**31))
    return np.asarray(MiniBatchKMeans(number, n_init=3, batch_size=2048, random_state=random).fit(x).cluster_centers_)


def _population(x: Weighted, centres: Array) -> Array:
    closest = np.concatenate([s.argmin(1) for s in squared_distances(x.x, centres)])
    return np.asarray(np.bincount(closest, x.weight, len(centres)) / x.total)
