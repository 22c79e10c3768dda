"""A production of electron-gun events, undisturbed, and with its workers and the whole of it killed at random: the same content.

    python benchmarks/production.py FOLDER [--n 1000000] [--seed 1] [--seconds S]

Writes results/production/production.json and .md; FOLDER holds the two productions and may be removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from provenance import Clock, about, save, table

from facsim.production import read_manifest, verify

RESULTS = Path(__file__).parent.parent / "results" / "production"
SHARD = 5_000


def command(folder: Path, n: int, *options: str) -> list[str]:
    start = [sys.executable, "-c", "from facsim.cli.main import main; main()", "produce", "zoo:electron-gun-vae"]
    return [*start, "--n", str(n), "--shard-size", str(SHARD), "--out", str(folder), *options]


def complete(folder: Path) -> bool:
    return (folder / "manifest.json").is_file() and bool(read_manifest(folder)["complete"])


def undisturbed(folder: Path, n: int) -> float:
    """Seconds that one process takes, from the first shard to the last."""
    if not complete(folder):
        subprocess.run(command(folder, n, *(["--resume"] if folder.exists() else [])), check=True)
    times = [path.stat().st_mtime for path in folder.glob("*.h5")]
    return (max(times) - min(times)) * len(times) / (len(times) - 1)


def disturbed(folder: Path, n: int, seed: int, seconds: float) -> dict[str, Any]:
    """The production with two workers; one is killed every few shards, and now and then everything; started again until it is complete."""
    tally = folder.with_suffix(".json")
    told = json.loads(tally.read_text()) if tally.is_file() else {"workers_killed": 0, "whole_killed": 0, "seconds": 0.0}
    start = time.monotonic()
    while not complete(folder):
        chance, begin = random.Random(f"{seed} {told}"), time.monotonic()
        resume = ["--resume"] if folder.exists() else []
        process = subprocess.Popen(command(folder, n, "--workers", "2", *resume), start_new_session=True)
        _disturb(process, folder, chance, told, start + seconds)
        told["seconds"] = round(told["seconds"] + time.monotonic() - begin, 1)
        tally.write_text(json.dumps(told))
        if time.monotonic() - start > seconds:
            sys.exit("not complete yet: run again")
    return told


def _disturb(process: subprocess.Popen[bytes], folder: Path, chance: random.Random, told: dict[str, Any], until: float) -> None:
    """Kill by shards that are whole, not by the clock, so that a slow machine gets on too."""
    first = _whole(folder)
    last, kill_after, end_after = first, chance.randint(12, 30), chance.randint(60, 90)
    while process.poll() is None:
        time.sleep(0.2)
        whole = _whole(folder)
        if whole - first >= end_after or time.monotonic() > until:
            told["whole_killed"] += 1
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        elif whole - last >= kill_after:
            last, kill_after = whole, chance.randint(12, 30)
            told["workers_killed"] += _kill_a_worker(process.pid, chance)


def _whole(folder: Path) -> int:
    return len(list(folder.glob("*.h5.json")))


def _kill_a_worker(parent: int, chance: random.Random) -> int:
    try:
        workers = [p for p in psutil.Process(parent).children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
        if workers:
            chance.choice(workers).kill()
        return len(workers) and 1
    except psutil.NoSuchProcess:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1e9, help="stop the killed production after this long; the next call goes on")
    asked = parser.parse_args()
    clock = Clock()
    plain_seconds = undisturbed(asked.folder / "undisturbed", asked.n)
    killed = disturbed(asked.folder / "killed", asked.n, asked.seed, asked.seconds)
    plain, other = verify(asked.folder / "undisturbed"), verify(asked.folder / "killed")
    size = sum(path.stat().st_size for path in (asked.folder / "undisturbed").glob("*.h5"))
    rows = [
        ["events", f"{plain['events']:,}", f"{other['events']:,}"],
        ["shards", str(len(plain["shards"])), str(len(other["shards"]))],
        ["workers", "1, in process", "2, local cluster"],
        ["seconds", f"{plain_seconds:.0f}", f"{killed['seconds']:.0f}"],
        ["workers killed", "0", str(killed["workers_killed"])],
        ["all killed and resumed", "0", str(killed["whole_killed"])],
        ["content", plain["content"][:16], other["content"][:16]],
    ]
    document = about(asked.seed, clock, n=asked.n, shard_size=SHARD, bytes=size, undisturbed_seconds=plain_seconds, killed=killed)
    document |= {"content_undisturbed": plain["content"], "content_killed": other["content"], "same": plain["content"] == other["content"]}
    note = (
        f"Electron gun, zoo:electron-gun-vae; {size / plain['events']:.0f} bytes an event, and {plain['events'] / plain_seconds:.0f} events a second."
    )
    save(
        RESULTS,
        "production",
        document,
        ["# A production, and one that is killed again and again", "", *table(["", "undisturbed", "killed"], rows), "", note],
    )
    print(json.dumps(document, indent=1))
    if not document["same"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
