"""`facsim evaluate PRODUCTION --truth T.h5`: shards judged one by one, their histograms added."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facsim.cli.produce import chosen_workers
from facsim.cli.show import counting_bar
from facsim.core import FacsimError

if TYPE_CHECKING:
    from facsim.core import Events
    from facsim.evaluation.binned import Binning, Counts
    from facsim.evaluation.scorecard import Scorecard
    from facsim.production.plan import Shard

BLOCK = 2000  # events in memory together
DRAWN = 10_000  # first events, of which the report's figures are


def is_production(path: Path) -> bool:
    """Whether a path is the folder of a production."""
    return (path / "manifest.json").is_file()


def judge_production(folder: Path, truth: Events, out: Path, *, workers: int, seed: int) -> Scorecard:
    """The scorecard of all events of a production, and a report whose figures are of its first events; memory does not grow with the production.

    Raises:
        FacsimError: if the production is not complete, or of another detector than the truth.
    """
    from facsim.evaluation.binned import binning, compare
    from facsim.evaluation.observables import columns
    from facsim.production import read_manifest
    from facsim.production.plan import Shard

    manifest = read_manifest(folder)
    if not manifest["complete"]:
        raise FacsimError(f"the production {folder} is not complete", remedy="go on with facsim produce --resume")
    shards = [Shard(number, told["first"], told["n"]) for number, told in enumerate(manifest["shards"])]
    example = _first(folder, shards)
    bins, true, notes = binning(truth, example)
    filled: Any = partial(fill_shard, bins, folder.resolve())
    total = bins.nothing()
    with counting_bar("events judged", manifest["events"]) as advance:
        counts: Any
        for counts in chosen_workers(workers, None)(filled, shards):
            total = total.plus(counts)
            advance(counts.events)
    card = compare(bins, total, true, columns(example), seed)
    card.about.update({"production": str(folder), "content": manifest["content"], "note": "; ".join(notes)})
    _write(card, truth, example, out, folder.name)
    return card


def fill_shard(bins: Binning, folder: Path, shard: Shard) -> Counts:
    """The counts of one shard, some events at a time."""
    from facsim.data import open_reader

    reader, total = open_reader(folder / shard.file), bins.nothing()
    for start in range(0, reader.n, BLOCK):
        total = total.plus(bins.fill(reader.read(start, start + BLOCK)))
    return total


def _first(folder: Path, shards: list[Shard]) -> Events:
    from facsim.data import read

    return read(folder / shards[0].file, stop=DRAWN)


def _write(card: Scorecard, truth: Events, example: Events, out: Path, name: str) -> None:
    from facsim.core import coarsen
    from facsim.core.coarsen import coarsening_factor
    from facsim.report import write_report

    out.mkdir(parents=True, exist_ok=True)
    card.save(out / "scorecard.json")
    write_report(out / "report.html", coarsen(truth, coarsening_factor(truth.detector, example.detector) or 1), {name: example}, {name: card})
