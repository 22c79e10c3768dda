"""Is the fast classifier ever weaker than the published one? Both on every planted defect, scored on the same held-out events.

    python benchmarks/fast_against_official.py ../shared/data --out results/evaluation [--only NAME]

The bar: the fast AUC is not more than .03 below the official one. The error of their difference is that of paired areas (DeLong), much smaller
than that of each area alone. With --only the other samples' results are kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from defects import DEFECTS, LEFT_OUT, joined
from geant4_against_geant4 import kept
from provenance import Clock, about, save, table

from facsim.core import Events, coarsen, stream
from facsim.data import read
from facsim.evaluation.calochallenge import auc_high, contest
from facsim.evaluation.classifier import ClassifierResult, Recipe
from facsim.evaluation.classifier.fast import fit_fast
from facsim.evaluation.classifier.result import area_terms
from facsim.evaluation.comparison import Sample
from facsim.evaluation.sections_classifier import on_cells

BAR, SIZE = 0.03, 500
SAMPLING_FRACTION = np.float32(0.033)
Test = Callable[[Events, Events, str | Recipe, int], ClassifierResult]  # of truth, candidate, recipe, seed


def cells(truth: Events, candidate: Events, recipe: str | Recipe, seed: int) -> ClassifierResult:
    """Cells over the incident energy, with the condition."""
    empty = np.empty((0, 0))
    return on_cells(Sample(truth, empty), Sample(candidate, empty), recipe, seed)


def features(truth: Events, candidate: Events, recipe: str | Recipe, seed: int) -> ClassifierResult:
    """The high-level features of data set 2."""
    x, y = (replace(e, response=e.response / SAMPLING_FRACTION) for e in (truth, candidate))
    return auc_high(contest(x, y, "2"), recipe=recipe, seed=seed)


SAMPLES: dict[str, tuple[Callable[[Path], Events], Test]] = {
    "electron_gun": (lambda data: coarsen(read(data / "electron_gun" / "e100_800_1800.h5"), 4), cells),
    "sampling_calo": (joined, features),
}


def compared(sample: Events, defect: str, test: Test, seed: int) -> dict[str, Any]:
    """Both areas on one split, their difference and its error."""
    truth, train, candidate = (sample[i * SIZE : (i + 1) * SIZE] for i in range(3))
    bad = DEFECTS[defect](candidate, train, stream(seed, "defects", defect))
    fast, official = (test(truth, bad, recipe, seed) for recipe in (Recipe(fit_fast, 1, 1), "official"))
    terms = area_terms(fast.scores, fast.label), area_terms(official.scores, official.label)
    if not np.array_equal(fast.index, official.index):
        raise ValueError("the two classifiers scored different events")
    error = float(np.sqrt(np.square(terms[0].events - terms[1].events).sum()))
    return {"fast": fast.auc, "official": official.auc, "difference": fast.auc - official.auc, "error": error}


def lines(document: dict[str, Any]) -> Iterator[str]:
    """The report in Markdown."""
    yield "# The fast classifier against the official one"
    yield ""
    yield (
        f"Seed {document['about']['seed']}; {SIZE} events each of truth and candidate; three fifths of all train, one validates, one scores, the "
        "same for both classifiers. `official` is the published perceptron with its published schedule. "
        f"Bar: fast not more than {BAR:g} below official."
    )
    for name, r in document["results"].items():
        rows = r["defects"]
        missed = [d for d, f in rows.items() if f["difference"] < -BAR]
        sure = [d for d in missed if rows[d]["difference"] < -BAR - 2 * rows[d]["error"]]
        yield ""
        yield f"## {name}: {r['input']}"
        yield ""
        yield f"Below the bar: {', '.join(missed) or 'none'}; below it by more than 2 errors: {', '.join(sure) or 'none'}."
        yield ""
        header = ["defect", "fast", "official", "difference"]
        yield from table(header, [[d, *_line(f)] for d, f in rows.items()])
        yield ""
        yield f"Revision {r['made']['revision']}, {r['made']['date']}, CPU {r['made']['cpu_seconds']:.0f} s."


def _line(f: dict[str, float]) -> list[str]:
    return [f"{f['fast']:.3f}", f"{f['official']:.3f}", f"{f['difference']:+.3f} ± {f['error']:.3f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/evaluation"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="samples whose name holds this")
    given = parser.parse_args()
    torch.set_num_threads(1)
    results = kept(given.out / "fast_official.json") if given.only else {}
    for name, (get, test) in SAMPLES.items():
        if given.only in name:
            clock, sample, rows = Clock(), get(given.data), {}
            for defect in (d for d in DEFECTS if (name, d) not in LEFT_OUT):
                rows[defect] = compared(sample, defect, test, given.seed)
                print(name, defect, rows[defect], clock.told(), flush=True)
                results[name] = {"input": (test.__doc__ or "").rstrip("."), "defects": rows, "made": about(given.seed, clock)}
                document = {"about": {"seed": given.seed}, "results": {n: results[n] for n in SAMPLES if n in results}}
                save(given.out, "fast_official", document, lines(document))


if __name__ == "__main__":
    main()
