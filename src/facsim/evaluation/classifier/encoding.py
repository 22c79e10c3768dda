"""Cells as a network likes them: energies in units of their own spread beside their logarithm, conditions standardised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facsim.core.events import Array
from facsim.evaluation.classifier.sample import Sample


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
class Standardiser:
    """Mean and spread of every column of a table (features, then conditions)."""

    mean: Array
    spread: Array

    def __call__(self, sample: Sample) -> Tensor:
        """Standardised columns [n, f + c], cut at ten spreads so that one wild event does not rule."""
        table = (columns(sample) - self.mean) / self.spread
        return torch.from_numpy(np.clip(table, -10, 10).astype(np.float32))


def columns(sample: Sample) -> Array:
    """Responses and conditions in one table, [n, f + c]."""
    return np.concatenate([sample.flat, sample.condition], axis=1)


def fit_standardiser(sample: Sample) -> Standardiser:
    """The standardiser for a training split, blind to its labels."""
    table = columns(sample).astype(np.float64)
    spread = table.std(0)
    return Standardiser(table.mean(0), np.where(spread > 1e-12 * np.abs(table).max(0), spread, 1.0))
