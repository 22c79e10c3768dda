"""Sections of the scorecard that need nothing but one-dimensional distances and mean structures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from facsim.core import stream
from facsim.evaluation.comparison import Comparison
from facsim.evaluation.condition_bins import condition_bins
from facsim.evaluation.observables import Column
from facsim.evaluation.observables.geometry import is_calorimeter
from facsim.evaluation.scorecard import Row
from facsim.evaluation.structure import structure_scores, structures

DEFAULT_DISTANCES = ("wasserstein", "ks", "separation", "mean_shift", "width_difference")
UNBINNED_DISTANCES = ("wasserstein", "ks", "mean_shift", "width_difference")  # for samples with negative weights
TAIL_DISTANCES = ("lower_tail", "upper_tail")  # of observables that are one number
BIN_DISTANCES = ("mean_shift", "width_difference")
BIN_OBSERVABLES = ("total_energy", "energy_ratio", "centre_x", "centre_y", "width_x", "depth", "columns", "total_signal", "outer_signal", "stations")
ENERGY_OBSERVABLES = ("total_energy", "energy_ratio", "total_signal", "outer_signal")  # of which a mean has a scale of its own


def condition_rows(compared: Comparison) -> Iterator[Row]:
    """Kolmogorov-Smirnov distance of each condition: a fair comparison has equal conditions."""
    samples = (compared.reference, compared.candidate, compared.floor)
    for i, variable in enumerate(compared.reference.events.numbers):
        yield from compared.score(f"condition:{variable.name}", [s.events.condition[:, i] for s in samples], ("ks",))


def observable_rows(compared: Comparison) -> Iterator[Row]:
    """Every column of every observable by the default distances; of energies also the ratio of the means."""
    samples = (compared.reference, compared.candidate, compared.floor)
    negative = any(s.weight is not None and s.weight.min() < 0 for s in samples)
    for column in compared.columns:
        yield from compared.rows(column, distances_of(column, negative))


def distances_of(column: Column, negative: bool) -> tuple[str, ...]:
    """The distances by which a column is judged; with `negative` weights those that can bear them."""
    tails = TAIL_DISTANCES if column.name == column.observable else ()
    return (UNBINNED_DISTANCES if negative else DEFAULT_DISTANCES) + tails + _energy(column)


def structure_rows(compared: Comparison) -> Iterator[Row]:
    """Mean image, occupancy, profiles, cell spectrum and correlations."""
    reference = compared.reference.events
    if not is_calorimeter(reference.detector):
        return
    arrays = {
        who: structures(sample.events, reference, stream(compared.seed, "structure", who))
        for who, sample in (("reference", compared.reference), ("candidate", compared.candidate), ("floor", compared.floor))
    }
    value, floor = (structure_scores(arrays[who], arrays["reference"]) for who in ("candidate", "floor"))
    for (name, distance), score in value.items():
        yield Row(name, distance, *score, *floor[name, distance], bin=compared.bin)


def bin_rows(compared: Comparison) -> Iterator[Row]:
    """A few observables in each part of the condition space."""
    chosen = [c for c in compared.columns if c.observable in BIN_OBSERVABLES]
    for part in parts(compared):
        for column in chosen:
            yield from part.rows(column, BIN_DISTANCES + _energy(column))


def _energy(column: Column) -> tuple[str, ...]:
    """The ratio of the means, of energies."""
    return ("mean_difference",) if column.observable in ENERGY_OBSERVABLES else ()


def parts(compared: Comparison) -> Iterable[Comparison]:
    """The comparison in each bin of each condition that has events enough; the bins are chosen from the reference."""
    found = (b.part(compared) for b in condition_bins(compared.reference.events))
    return [part for part in found if part is not None]
