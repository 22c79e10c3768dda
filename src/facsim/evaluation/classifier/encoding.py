"""Cells as a network likes them: energies in units of their own spread beside their logarithm, conditions standardised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facsim.core.events import Array
from facsim.evaluation.classifier.sample import Sample

LARGEST = 10.0  # spreads at which a standardised column is cut
SMALLEST_VARIANCE = 1e-7  # of a combination of columns, relative to the largest: float32 conditions carry no more


@dataclass(frozen=True, eq=False)
class Encoding:
    """Fitted numbers of the encoding: one scale and one threshold for all cells, mean and spread per condition."""

    scale: float
    faint: float
    mean: Array
    spread: Array

    def cells(self, sample: Sample) -> Tensor:
        """Two channels [n, 2, ...]: scaled response, and its symmetric logarithm."""
        x = sample.response
        logarithm = np.sign(x) * np.log1p(np.abs(x) / self.faint)
        return torch.from_numpy(np.stack([x / self.scale, logarithm], axis=1).astype(np.float32))

    def condition(self, sample: Sample) -> Tensor:
        """Standardised conditions [n, c]."""
        return torch.from_numpy(((sample.condition - self.mean) / self.spread).astype(np.float32))


def fit_encoding(sample: Sample) -> Encoding:
    """The encoding for a training split, blind to its labels."""
    hit = np.abs(sample.response[sample.response != 0])
    scale, faint = (float(np.sqrt(np.square(hit, dtype=np.float64).mean())), float(np.median(hit))) if hit.size else (1.0, 1.0)
    spread = sample.condition.std(0)
    return Encoding(scale, faint, sample.condition.mean(0), np.where(spread > 0, spread, 1.0))


@dataclass(frozen=True, eq=False)
class Whitener:
    """Columns of a table (features, then conditions) in units of their spread, beside their uncorrelated combinations.

    Without the second half a small shift of one column given another (a total energy given the incident one) drowns in their common spread.
    """

    mean: Array
    spread: Array
    axes: Array

    def table(self, sample: Sample) -> Array:
        """Standardised columns and whitened principal components, [n, at most 2 (f + c)], cut at ten so that one wild event does not rule."""
        standard = (columns(sample) - self.mean) / self.spread
        table = np.concatenate([standard, standard @ self.axes], axis=1, dtype=np.float32)
        return np.asarray(np.clip(table, -LARGEST, LARGEST))

    def __call__(self, sample: Sample) -> Tensor:
        """The table as a tensor."""
        return torch.from_numpy(self.table(sample))

    @property
    def size(self) -> int:
        """Number of columns of the table."""
        return sum(self.axes.shape)


def columns(sample: Sample) -> Array:
    """Responses and conditions in one table, [n, f + c]."""
    return np.concatenate([sample.flat, sample.condition], axis=1)


def fit_whitener(sample: Sample) -> Whitener:
    """The whitener for a training split, blind to its labels; combinations that do not vary are left out."""
    table = columns(sample).astype(np.float64)
    spread = table.std(0)
    spread = np.where(spread > 1e-12 * np.abs(table).max(0), spread, 1.0)
    standard = np.clip((table - table.mean(0)) / spread, -LARGEST, LARGEST)
    variance, axes = np.linalg.eigh(standard.T @ standard / len(table))
    kept = variance > SMALLEST_VARIANCE * variance.max()
    return Whitener(table.mean(0), spread, axes[:, kept] / np.sqrt(variance[kept]))
