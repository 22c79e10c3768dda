"""Geant4 against Geant4: what the fast recipe says of two samples of the same simulation.

    python benchmarks/geant4_against_geant4.py ../shared/data --out results/evaluation [--only NAME]

The bar: every distance within 3 errors of its floor, every AUC within .02 of one half. Both can be missed by chance alone: with thousands of
rows some exceed 3 errors, and an AUC whose error is .01 leaves .48 to .52 every twentieth time. The table tells how often chance would miss
the bar, and judges by what chance allows: no row further than the 5% point of the furthest of so many normal ones, no AUC further from one
half than the 5% point of the furthest of so many. With --only the other samples' results are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from provenance import Clock, about, capped, grouped, save, table
from scipy.stats import norm

from facsim.core import Events, coarsen
from facsim.data import read
from facsim.evaluation.evaluate import RECIPES, evaluate
from facsim.evaluation.scorecard import Row, Scorecard

ERRORS, AUC = 3.0, 0.02
CAPS = {"electron_gun": 8000, "electron_gun_64": 4000, "hcal": 6000}  # events of truth and candidate (hcal: of all three samples), for the time
CHANCE = 0.05
Samples = Callable[[Path], tuple[Events, Events, Events | None]]  # candidate, truth, and where there is one another sample for the floor


def split(path: str) -> Samples:
    """Candidate train.h5 against truth test.h5 of a folder; the truth is halved for the floor."""
    return lambda data: (read(data / path / "train.h5"), read(data / path / "test.h5"), None)


def gun(factor: int, most: int) -> Samples:
    """The electron gun at 800 MeV on coarser cells; the truth is halved for the floor."""

    def samples(data: Path) -> tuple[Events, Events, None]:
        train, test = (coarsen(capped(read(data / "electron_gun" / f"e800_{part}.h5"), most, 0), factor) for part in ("train", "test"))
        return train, test, None

    return samples


def thirds(path: str, most: int) -> Samples:
    """Three random parts of a file: candidate, truth, floor."""

    def samples(data: Path) -> tuple[Events, Events, Events]:
        candidate, rest = capped(read(data / path), most, 0).split(1 / 3, 0)
        return candidate, *rest.split(1 / 2, 1)

    return samples


SAMPLES: dict[str, Samples] = {
    "electron_gun 800 MeV, 32x32": gun(2, CAPS["electron_gun"]),
    "electron_gun 800 MeV, 64x64": gun(1, CAPS["electron_gun_64"]),
    "sampling_calo": split("sampling_calo"),
    "lhcb_ecal": split("lhcb_ecal"),
    "lcd_ecal": split("lcd_ecal"),
    **{f"hcal_hadrons {name}": thirds(f"hcal_hadrons/{name}.h5", CAPS["hcal"]) for name in ("pi+", "proton", "neutron", "kaon+", "kaon0L")},
}


def section_of(row: Row) -> str:
    """Which kind of score a row is."""
    kinds = ("condition:", "reconstruction", "identification", "trigger")
    named = next((k.strip(":") for k in kinds if row.observable.startswith(k)), "")
    if named or row.observable in ("features", "diversity", "memorisation", "cells", "observables"):
        return named or {"features": "multivariate", "cells": "classifier of cells", "observables": "classifier of observables"}.get(
            row.observable, row.observable
        )
    if row.distance.endswith("departure"):
        return "response curves"
    if row.observable in ("mean_image", "occupancy", "cell_spectrum") or "profile" in row.observable or "correlation" in row.observable:
        return "structure"
    return "observables" if row.bin == "all" else "observables in bins"


def worst(rows: list[Row]) -> dict[str, Any]:
    """The row furthest above its floor."""
    row = max(rows, key=lambda r: r.excess)
    return {"rows": len(rows), "excess": round(row.excess, 2), "observable": row.observable, "distance": row.distance, "bin": row.bin}


def judged(card: Scorecard) -> dict[str, Any]:
    """Largest excess of every section, the areas, and how many rows lie above 3 errors."""
    rows = list(card.rows)
    expected = sum(norm.sf(ERRORS) * (2 if r.signed else 1) for r in rows)
    areas = [r for r in rows if r.distance == "auc" and r.bin == "all" and r.observable in ("cells", "observables")]
    return {
        "sizes": card.about["sizes"],
        "rows": len(rows),
        "above": sum(r.excess > ERRORS for r in rows),
        "expected_above": round(expected, 2),
        "worst": worst(rows),
        "sections": {name: worst(part) for name, part in grouped(rows, section_of).items()},
        "auc": {r.observable: {"value": r.value, "error": r.error, "floor": r.floor, "floor_error": r.floor_error} for r in areas},
        "auc_within": all(abs(r.value - 0.5) <= AUC for r in areas),
        "auc_missed_by_chance": round(sum(float(2 * norm.sf(AUC / r.error)) for r in areas), 3),
        "note": card.about["note"],
    }


def lines(document: dict[str, Any]) -> Iterator[str]:
    """The report in Markdown."""
    results, made = document["results"], document["about"]
    met = sum(r["above"] == 0 and r["auc_within"] for r in results.values())
    total, above, expected = (sum(r[k] for r in results.values()) for k in ("rows", "above", "expected_above"))
    yield "# Geant4 against Geant4"
    yield ""
    yield f"Recipe `{made['recipe']}`, seed {made['seed']}, one thread. Revision and CPU time of each sample are below."
    yield f"Capped for the time, in events of candidate and truth (hcal: of candidate, truth and floor together): {made['caps']}."
    yield ""
    yield (
        f"Bar: every row within {ERRORS:g} errors of its floor and every AUC within {AUC:g} of .5. Met to the letter by {met} of {len(results)} "
        f"samples. Of {total} rows {above} exceed {ERRORS:g} errors; a normal distribution of independent rows would give {expected:.1f} "
        "(rows are correlated, and errors count the shared reference twice, so that fewer are expected)."
    )
    yield ""
    yield from _chances(results, total)
    yield ""
    header = ["sample", "events each", "rows", "> 3 (by chance)", "furthest row", "excess", "AUC cells", "AUC observables", "missed by chance", "bar"]
    yield from table(header, [_line(name, r) for name, r in results.items()])
    yield ""
    yield "Events each: of candidate and floor. Missed by chance: how many of its areas normal errors would carry beyond the limit."
    yield ""
    yield "Largest excess of each section:"
    yield ""
    names = list(dict.fromkeys(n for r in results.values() for n in r["sections"]))
    yield from table(["sample", *names], [[name, *(_excess(r, n) for n in names)] for name, r in results.items()])
    yield ""
    yield from table(["sample", "revision", "date", "CPU [s]"], [[n, m["revision"], m["date"], f"{m['cpu_seconds']:.0f}"] for n, m in _made(results)])


def _made(results: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, r["made"]) for name, r in results.items())


def _chances(results: dict[str, Any], rows: int) -> Iterator[str]:
    """What chance allows, and whether it was kept."""
    areas = [a for r in results.values() for a in r["auc"].values()]
    furthest, pull = max(r["worst"]["excess"] for r in results.values()), max(abs(a["value"] - 0.5) / a["error"] for a in areas)
    limits = [float(norm.isf(CHANCE / n / 2)) for n in (rows, len(areas))]
    missed, by_chance = sum(abs(a["value"] - 0.5) > AUC for a in areas), sum(r["auc_missed_by_chance"] for r in results.values())
    yield (
        f"What chance allows: the furthest of {rows} normal rows exceeds {limits[0]:.1f} errors in {CHANCE:.0%} of all experiments; here it is "
        f"{furthest:.1f}. The furthest of {len(areas)} areas lies more than {limits[1]:.1f} errors from .5 in {CHANCE:.0%}; here it is {pull:.1f}. "
        f"Beyond {AUC:g} lie {missed} areas; their errors would let {by_chance:.1f} lie there by chance."
    )


def _line(name: str, r: dict[str, Any]) -> list[str]:
    areas = [f"{a['value']:.3f} ± {a['error']:.3f}" if (a := r["auc"].get(k)) else "—" for k in ("cells", "observables")]
    furthest = f"{r['worst']['observable']}, {r['worst']['distance']}, {r['worst']['bin']}"
    chance = f"{r['above']} ({r['expected_above']:.1f})"
    missed = [*(["rows"] * (r["above"] > 0)), *(["AUC"] * (not r["auc_within"]))]
    told = [str(r["sizes"]["candidate"]), str(r["rows"]), chance, furthest, f"{r['worst']['excess']:.1f}", *areas, f"{r['auc_missed_by_chance']:.2f}"]
    return [name, *told, "missed: " + ", ".join(missed) if missed else "met"]


def _excess(r: dict[str, Any], section: str) -> str:
    found = r["sections"].get(section)
    return f"{found['excess']:.1f}" if found else "—"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/evaluation"))
    parser.add_argument("--recipe", default="fast", choices=RECIPES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="samples whose name holds this")
    given = parser.parse_args()
    torch.set_num_threads(1)
    results = kept(given.out / "geant4.json") if given.only else {}
    for name, samples in SAMPLES.items():
        if given.only in name:
            clock = Clock()
            candidate, truth, floor = samples(given.data)
            judgement = judged(evaluate(candidate, truth, train=floor, recipe=given.recipe, seed=given.seed))
            results[name] = {**judgement, "made": about(given.seed, clock)}
            print(name, results[name]["worst"], results[name]["auc"], clock.told(), flush=True)
            results = {n: results[n] for n in SAMPLES if n in results}
            document = {"about": {"seed": given.seed, "recipe": given.recipe, "caps": CAPS}, "results": results}
            save(given.out, "geant4", document, lines(document))


def kept(path: Path) -> dict[str, Any]:
    """The results of samples that an earlier run of this benchmark wrote."""
    found = json.loads(path.read_text())["results"] if path.exists() else {}
    return {name: r for name, r in found.items() if "made" in r}


if __name__ == "__main__":
    main()
